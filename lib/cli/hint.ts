// What to try next, where the error alone does not say it.
import { findDev } from "./dev-file.ts";

const NOT_THERE = new Set([
  "LOVAGE_BROKER_UNAVAILABLE",
  "LOVAGE_STORE_UNAVAILABLE",
  "LOVAGE_QUEUE_NOT_FOUND",
  "LOVAGE_TABLE_NOT_FOUND",
  "LOVAGE_ACCESS_DENIED",
]);

/** `local`: the verb was given --local. */
export function hintFor(error: unknown, local: boolean): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code, message } = error;
  const port = /another (sqs|dynamodb)Port$/.exec(message)?.[1];
  if (port !== undefined) return `leave out --${port}-port for a free one`;
  const elsewhere =
    NOT_THERE.has(String(code)) || (code === "LOVAGE_INVALID_OPTION" && message.startsWith("no AWS region"));
  if (!elsewhere) return undefined;
  if (!local && findDev() !== undefined) return 'a "lovage dev" runs in this directory; add --local to talk to it';
  const onLoopback = message.includes("127.0.0.1") || message.includes("localhost");
  if (onLoopback && message.includes("ECONNREFUSED"))
    return 'nothing listens there: start "lovage dev", or unset AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB';
  return undefined;
}
