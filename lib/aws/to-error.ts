// Errors of the SDK and of the network become ours here, once. The original is kept as `cause`.

import { DYNAMODB } from "../defaults.ts";
import {
  AccessDenied,
  BrokerUnavailable,
  BucketNotFound,
  IndexNotFound,
  InvalidOption,
  type LovageError,
  MessageTooLarge,
  NotSerializable,
  PayloadStoreUnavailable,
  QueueNotFound,
  RequestRefused,
  ResultTooLarge,
  StoreUnavailable,
  TableNotFound,
} from "../errors.ts";

export interface Refusal {
  readonly error: LovageError;
  /** The same request may go well later. */
  readonly retryable: boolean;
}

export interface SqsCall {
  readonly queue: string;
  /** IAM action, without its service. */
  readonly action: string;
  /** Endpoint or region. */
  readonly where: string;
}

export interface DynamoCall {
  readonly table: string;
  readonly action: string;
  readonly where: string;
  /** What was read, where it was an index. */
  readonly index?: string;
  /** What was written, where something was. */
  readonly item?: { readonly task: string; readonly bytes: number };
}

export interface S3Call {
  readonly bucket: string;
  /** What all keys of the app begin with. */
  readonly prefix: string;
  readonly action: string;
  readonly where: string;
}

/** What the SDK, Node or SQS's batch entries say of an error. */
interface Facts {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly networkCode: string | undefined;
  readonly throttled: boolean;
}

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
]);
const TIMEOUTS = new Set(["TimeoutError", "AbortError", "RequestTimeout", "RequestTimeoutException"]);
const THROTTLES = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequestsException",
  "LimitExceededException",
  "OverLimit",
  "KmsThrottled",
  "TransactionInProgressException",
  "TransactionConflictException",
  "ReplicatedWriteConflictException",
]);
const NO_CREDENTIALS = new Set([
  "CredentialsProviderError",
  "TokenProviderError",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
]);
const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired"]);
const NOT_ACCEPTED = new Set([
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidAccessKeyId",
  "InvalidSignatureException",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
  "IncompleteSignature",
  "AuthFailure",
]);
const FORBIDDEN = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "NotAuthorized",
  "OptInRequired",
  "InvalidSecurity",
  "KmsAccessDenied",
]);
const QUEUE_GONE = new Set(["QueueDoesNotExist", "NonExistentQueue", "QueueDeletedRecently"]);

function factsOf(cause: unknown): Facts {
  if (typeof cause !== "object" || cause === null) {
    return { name: "Error", message: String(cause), status: undefined, networkCode: undefined, throttled: false };
  }
  const error = cause as {
    name?: string;
    message?: string;
    code?: unknown;
    cause?: { code?: unknown };
    $metadata?: { httpStatusCode?: number };
    $retryable?: { throttling?: boolean };
  }; // every field is checked before it is used
  const code = [error.code, error.cause?.code].find((found) => typeof found === "string" && NETWORK_CODES.has(found));
  return {
    name: shortName(error.name ?? "Error"),
    message: error.message ?? "",
    status: error.$metadata?.httpStatusCode,
    networkCode: code as string | undefined, // found by the line above
    throttled: error.$retryable?.throttling === true,
  };
}

/** "AWS.SimpleQueueService.NonExistentQueue" and "com.amazonaws.sqs#QueueDoesNotExist" without what precedes the name. */
function shortName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf("#")) + 1);
}

function said({ name, message, networkCode }: Facts): string {
  const detail = message || networkCode || "";
  return name === "Error" || name === "AggregateError" ? detail || name : `${name}${detail && `: ${detail}`}`;
}

/** No answer, or one that says "later". */
function mayPass({ name, status, networkCode, throttled }: Facts): boolean {
  return (
    networkCode !== undefined ||
    throttled ||
    TIMEOUTS.has(name) ||
    THROTTLES.has(name) ||
    (status !== undefined && (status >= 500 || status === 429))
  );
}

/** The SDK's words for a region that cannot be part of a host name, such as an AWS_REGION that is set to nothing. */
const REGION_REFUSED = /^Region not accepted: region="(?<region>[^"]*)"/;

/** Causes that both services share. */
function shared(facts: Facts, cause: unknown, permission: string, resource: string): LovageError | undefined {
  const { name, message } = facts;
  const region = message === "Region is missing" ? "" : REGION_REFUSED.exec(message)?.groups?.region;
  if (region === "") {
    return new InvalidOption("no AWS region is set; set AWS_REGION, or a region in the AWS profile", { cause });
  }
  if (region !== undefined) {
    return new InvalidOption(
      `the AWS region is "${region}"; AWS_REGION, or the AWS profile, takes a name such as "eu-central-1"`,
      { cause },
    );
  }
  if (NO_CREDENTIALS.has(name)) {
    return new AccessDenied(
      `no usable AWS credentials were found (${message}); set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run: aws sso login`,
      { cause },
    );
  }
  if (EXPIRED.has(name)) {
    return new AccessDenied(
      `the AWS credentials have expired (${message}); renew them, for example with: aws sso login`,
      { cause },
    );
  }
  if (NOT_ACCEPTED.has(name)) {
    return new AccessDenied(
      `AWS does not accept the credentials (${said(facts)}); check the access key, its secret and this machine's clock`,
      { cause },
    );
  }
  if (FORBIDDEN.has(name)) {
    return new AccessDenied(
      `${permission} on ${resource} is not allowed; add it to the policy of the role in use (${said(facts)})`,
      { cause },
    );
  }
  return undefined;
}

/** A request to SQS that failed as a whole. */
export function toBrokerError(cause: unknown, call: SqsCall): Refusal {
  return brokerRefusal(factsOf(cause), cause, call);
}

/** One entry of a batch that SQS did not take. */
export function entryToBrokerError(
  entry: { Code?: string | undefined; Message?: string | undefined; SenderFault?: boolean | undefined },
  call: SqsCall,
  body?: string,
): Refusal {
  const facts: Facts = {
    name: shortName(entry.Code ?? "Unknown"),
    message: entry.Message ?? "",
    status: entry.SenderFault ? 400 : 500,
    networkCode: undefined,
    throttled: false,
  };
  const limit = /must be shorter than (\d+) bytes/.exec(facts.message)?.[1];
  if (body !== undefined && limit !== undefined) {
    return final(new MessageTooLarge("the message", Buffer.byteLength(body), Number(limit)));
  }
  return brokerRefusal(facts, undefined, call);
}

function brokerRefusal(facts: Facts, cause: unknown, { queue, action, where }: SqsCall): Refusal {
  const options = cause === undefined ? undefined : { cause };
  const known = shared(facts, cause, `sqs:${action}`, `queue "${queue}"`);
  if (known) return final(known);
  if (QUEUE_GONE.has(facts.name)) return final(Object.assign(new QueueNotFound(queue, where), options));
  if (facts.name === "InvalidMessageContents") {
    const problem = "holds characters that SQS does not carry; escape everything outside of ASCII";
    return final(Object.assign(new NotSerializable("the message body", problem), options));
  }
  return (
    unanswered(facts, options, `${action} on queue "${queue}" at ${where}`, BrokerUnavailable) ??
    final(new RequestRefused(`SQS at ${where} refused ${action} on queue "${queue}": ${said(facts)}`, options))
  );
}

const final = (error: LovageError): Refusal => ({ error, retryable: false });

/** No answer at all, or one that says "later". Where nothing even left this process, trying again makes no sense. */
function unanswered(
  facts: Facts,
  options: ErrorOptions | undefined,
  what: string,
  Unavailable: typeof BrokerUnavailable | typeof StoreUnavailable | typeof PayloadStoreUnavailable,
): Refusal | undefined {
  const retryable = mayPass(facts);
  if (!retryable && facts.status !== undefined) return undefined;
  return { error: new Unavailable(`${what} failed: ${said(facts)}`, options), retryable };
}

/** Not there, or not filled yet. */
const NO_INDEX = /does not have the specified index|backfilling global secondary index/i;

/** A request to DynamoDB that failed. The SDK has repeated it where that made sense. */
export function toStoreError(cause: unknown, { table, action, where, index, item }: DynamoCall): LovageError {
  const facts = factsOf(cause);
  const place = `table "${table}"`;
  const known = shared(
    facts,
    cause,
    `dynamodb:${action}`,
    index === undefined ? place : `index "${index}" of ${place}`,
  );
  if (known) return known;
  if (index !== undefined && NO_INDEX.test(facts.message))
    return Object.assign(new IndexNotFound(table, index, where), { cause });
  if (facts.name === "ResourceNotFoundException") return Object.assign(new TableNotFound(table, where), { cause });
  if (item !== undefined && /item size/i.test(facts.message)) {
    return Object.assign(new ResultTooLarge(item.task, item.bytes, DYNAMODB.maxItemBytes), { cause });
  }
  const what = `${action} on table "${table}" at ${where}`;
  return (
    unanswered(facts, { cause }, what, StoreUnavailable)?.error ??
    new RequestRefused(`${what} was refused: ${said(facts)}`, { cause })
  );
}

/** A request to S3 that failed. */
export function toPayloadError(cause: unknown, { bucket, prefix, action, where }: S3Call): Refusal {
  const facts = factsOf(cause);
  const known = shared(facts, cause, `s3:${action}`, `"${prefix}*" in bucket "${bucket}"`);
  if (known) return final(known);
  if (facts.name === "NoSuchBucket") return final(Object.assign(new BucketNotFound(bucket, where), { cause }));
  const what = `${action} in bucket "${bucket}" at ${where}`;
  return (
    unanswered(facts, { cause }, what, PayloadStoreUnavailable) ??
    final(new RequestRefused(`${what} was refused: ${said(facts)}`, { cause }))
  );
}
