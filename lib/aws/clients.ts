// The SDK's clients, made at first use and once for each adapter (S3's in its own file, which loads its SDK late). Region, credentials, profiles and AWS_ENDPOINT_URL_* are
// the SDK's own business; only timeouts, sockets and retries are stated here.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Sha256 } from "./sha256.ts";

export interface AwsClientOptions {
  /** @default - the SDK's own: AWS_ENDPOINT_URL_SQS and so on, the profile, the region's endpoint */
  readonly endpoint?: string;
  /** @default - the SDK's own: AWS_REGION, the profile */
  readonly region?: string;
}

const CONNECT_MS = 2_000;
/** One try. A connection that hangs must leave time for another within a publish's deadline. */
const REQUEST_MS = 5_000;
export const SOCKETS = 64;
/** Tries of one DynamoDB request or one poll, the first included. */
const ATTEMPTS = 3;

/** Makes the value when it is first asked for. `peek` never makes it. */
function once<T>(make: () => T): { get(): T; peek(): T | undefined } {
  let made: T | undefined;
  return {
    get: () => {
      made ??= make();
      return made;
    },
    peek: () => made,
  };
}

export function connections(maxSockets: number, requestTimeout: number) {
  const agent = { keepAlive: true, maxSockets };
  return {
    httpAgent: agent,
    httpsAgent: agent,
    connectionTimeout: CONNECT_MS,
    requestTimeout,
    throwOnRequestTimeout: true, // without it the SDK prints a warning and waits on
  };
}

/**
 * Without the SDK's logging, which has nowhere to log to here, and yet copies every request and every answer, member by member,
 * for a logger that does nothing.
 */
function unlogged<Client extends SQSClient | DynamoDBClient>(client: Client): Client {
  client.middlewareStack.remove("loggerMiddleware");
  return client;
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

interface Configured {
  readonly config: {
    readonly endpoint?: () => Promise<{ protocol: string; hostname: string; port?: number | undefined }>;
    /** AWS_ENDPOINT_URL_* or the profile's; the SDK itself asks it only with the first request. */
    readonly serviceConfiguredEndpoint?: () => Promise<string | undefined>;
    readonly region: () => Promise<string>;
  };
}

/** Where a client's requests go, for error messages. Never throws. */
export async function whereIs(service: string, client: SQSClient | DynamoDBClient | S3Client): Promise<string> {
  const { config } = client as unknown as Configured; // the SDK's own types differ from client to client and hide the second
  try {
    const endpoint = await config.endpoint?.();
    if (endpoint !== undefined) {
      const { protocol, hostname, port } = endpoint;
      return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
    }
    return (await config.serviceConfiguredEndpoint?.()) ?? `${service} in ${await config.region()}`;
  } catch {
    return service;
  }
}
