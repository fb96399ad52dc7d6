// What the SDK's clients have in common. They are made at first use, once for each adapter, and each in a file of its own: who
// only sends loads no DynamoDB. Region, credentials, profiles and AWS_ENDPOINT_URL_* are the SDK's own business; only timeouts,
// sockets and retries are stated here.
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";

export interface AwsClientOptions {
  /** @default - the SDK's own: AWS_ENDPOINT_URL_SQS and so on, the profile, the region's endpoint */
  readonly endpoint?: string;
  /** @default - the SDK's own: AWS_REGION, the profile */
  readonly region?: string;
}

const CONNECT_MS = 2_000;
/** One try. A connection that hangs must leave time for another within a publish's deadline. */
export const REQUEST_MS = 5_000;
export const SOCKETS = 64;
/** Tries of one DynamoDB request or one poll, the first included. */
export const ATTEMPTS = 3;

/** Makes the value when it is first asked for. `peek` never makes it. */
export function once<T>(make: () => T): { get(): T; peek(): T | undefined } {
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
export function unlogged<Client extends SQSClient | DynamoDBClient>(client: Client): Client {
  client.middlewareStack.remove("loggerMiddleware");
  return client;
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
