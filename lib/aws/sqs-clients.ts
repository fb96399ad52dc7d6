import { SQSClient } from "@aws-sdk/client-sqs";
import { ATTEMPTS, type AwsClientOptions, connections, once, REQUEST_MS, SOCKETS, unlogged } from "./clients.ts";
import { Sha256 } from "./sha256.ts";

export interface SqsClients {
  /** Everything that answers at once. Its caller repeats what failed, until a deadline. */
  readonly requests: SQSClient;
  /** Long polls only: they would hold the sockets that deletes and heartbeats need. */
  readonly polls: SQSClient;
  destroy(): void;
}

export function sqsClients(options: AwsClientOptions): SqsClients {
  const requests = once(() => sqsClient(options, SOCKETS, 1));
  const polls = once(() => sqsClient(options, Number.POSITIVE_INFINITY, ATTEMPTS));
  return {
    get requests() {
      return requests.get();
    },
    get polls() {
      return polls.get();
    },
    destroy: () => {
      requests.peek()?.destroy();
      polls.peek()?.destroy();
    },
  };
}

function sqsClient(options: AwsClientOptions, maxSockets: number, maxAttempts: number): SQSClient {
  const client = new SQSClient({
    ...options,
    maxAttempts,
    sha256: Sha256,
    requestHandler: connections(maxSockets, REQUEST_MS),
    // A queue's URL is a name, not an address: behind a local or VPC endpoint its host does not resolve.
    useQueueUrlAsEndpoint: false,
    // TLS protects bodies on their way. A mismatch would only throw away a whole receive.
    md5: false,
  });
  return unlogged(client);
}
