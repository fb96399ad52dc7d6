import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ATTEMPTS, type AwsClientOptions, connections, once, REQUEST_MS, SOCKETS, unlogged } from "./clients.ts";
import { Sha256 } from "./sha256.ts";

export interface DynamoClientOptions extends AwsClientOptions {
  /** Tries of one request, the first included. @default 3 */
  readonly maxAttempts?: number;
  /** Longest time of one try. @default 5000 */
  readonly requestTimeoutMs?: number;
}

export interface DynamoClients {
  readonly client: DynamoDBClient;
  destroy(): void;
}

export function dynamoClients({
  maxAttempts = ATTEMPTS,
  requestTimeoutMs = REQUEST_MS,
  ...options
}: DynamoClientOptions): DynamoClients {
  const client = once(() => {
    const requestHandler = connections(SOCKETS, requestTimeoutMs);
    return unlogged(new DynamoDBClient({ ...options, maxAttempts, sha256: Sha256, requestHandler }));
  });
  return {
    get client() {
      return client.get();
    },
    destroy: () => client.peek()?.destroy(),
  };
}
