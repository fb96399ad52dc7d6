// Payloads that travel by reference: the app's option, and how one is brought back.
import { MAX_RESULT_BYTES, PAYLOADS, SQS } from "./defaults.ts";
import { describe } from "./duration.ts";
import { InvalidOption, NotSupported, PayloadLost } from "./errors.ts";
import { check, type Rule, whole } from "./options.ts";
import type { PayloadStore } from "./ports/payload-store.ts";
import { LONGEST_KEPT_MS, mismatch, type PayloadLimits, type PayloadRef } from "./store/payload.ts";
import { argsAndKwargs } from "./store/stored.ts";
import type { Envelope } from "./wire/envelope.ts";
import { type JsonValue, parseOwnJson } from "./wire/serializer.ts";

/** Carry large arguments and results through S3. docs/payloads.md */
export interface PayloadOptions {
  /** Bucket of your own: S3's names are global, so none can be derived. TaskApp creates it. */
  readonly bucket: string;
  /**
   * Bytes of a message over which its arguments travel by reference, 1,024 to 1,048,576.
   * @default 327680 - five of the 64 KB steps SQS bills
   */
  readonly argsOver?: number;
  /**
   * Bytes of a result over which it is kept by reference, 1,024 to 368,640.
   * @default 16384 - S3 costs half of DynamoDB's write units there
   */
  readonly resultsOver?: number;
}

export interface PayloadSettings extends PayloadLimits {
  readonly bucket: string;
}

/** Throws InvalidOption where a task's results are to live longer than any object is kept. */
export function demandKept(task: string, resultExpires: number): void {
  if (resultExpires * 1_000 <= LONGEST_KEPT_MS) return;
  throw new InvalidOption(
    `resultExpires of task "${task}" is ${resultExpires} s; with payloads it is at most ${LONGEST_KEPT_MS / 1_000} s, the longest that a lifecycle rule of the bucket keeps a result`,
  );
}

/** A payload store, and when to use it. */
export interface Payloads {
  readonly store: PayloadStore;
  readonly limits: PayloadLimits;
}

const BUCKET = /^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

const bucket: Rule<string> = (value, name) => {
  if (typeof value !== "string" || !BUCKET.test(value)) {
    throw new InvalidOption(
      `${name} is ${describe(value)}; it takes an S3 bucket's name: 3 to 63 lowercase letters, digits and hyphens, no dots (TLS would not match)`,
    );
  }
  return value;
};

const RULES = {
  bucket,
  argsOver: whole(PAYLOADS.leastBytes, SQS.maxMessageBytes),
  resultsOver: whole(PAYLOADS.leastBytes, MAX_RESULT_BYTES),
};

/** Rule of the app's option `payloads`. */
export const payloadSettings: Rule<PayloadSettings> = (value, name) => {
  const example = '{ bucket: "my-company-payloads" }';
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an object, such as ${example}`);
  const given = check(name, value, RULES);
  if (given.bucket === undefined) throw new InvalidOption(`${name} names no bucket; it takes ${example}`);
  return Object.freeze({
    bucket: given.bucket,
    argsOver: given.argsOver ?? PAYLOADS.argsOver,
    resultsOver: given.resultsOver ?? PAYLOADS.resultsOver,
  });
};

/** The store of an app that has `payloads`: without one its `connect` is wrong. */
export function storeOf({ payloads }: { readonly payloads?: PayloadStore }): PayloadStore {
  if (payloads !== undefined) return payloads;
  throw new InvalidOption("the app has payloads, but its connect() gives no payload store; return one as payloads");
}

/** Throws NotSupported where there is none. `what`: whose payload it is, for the message. */
export function demandStore(ref: PayloadRef, what: string, store: PayloadStore | undefined): PayloadStore {
  if (store !== undefined) return store;
  throw new NotSupported(
    `${what} lies in a payload store ("${ref.key}", ${ref.bytes} bytes), and this app has none; give createApp() the same payloads as its sender has`,
  );
}

/**
 * The JSON text a reference stands for. `what`: whose payload it is, for messages.
 * @throws PayloadLost where it is gone or was changed, NotSupported without a store, PayloadStoreUnavailable and the store's others
 */
export async function fetchPayload(ref: PayloadRef, what: string, store: PayloadStore | undefined): Promise<string> {
  const json = await demandStore(ref, what, store).get(ref);
  if (json === undefined) throw new PayloadLost(what, ref.key, "there is no such object; it expired or was removed");
  const problem = mismatch(ref, json);
  if (problem !== undefined) throw new PayloadLost(what, ref.key, problem);
  return json;
}

/** The value a reference stands for. @throws as fetchPayload, PayloadLost also where it is no JSON */
export async function fetchValue(ref: PayloadRef, what: string, store: PayloadStore | undefined): Promise<JsonValue> {
  const json = await fetchPayload(ref, what, store);
  try {
    return parseOwnJson(json);
  } catch (error) {
    throw new PayloadLost(what, ref.key, `it is ${(error as SyntaxError).message}`); // parseOwnJson throws nothing else
  }
}

/** The arguments a reference stands for. @throws as fetchValue */
export async function fetchArgs(
  ref: PayloadRef,
  what: string,
  store: PayloadStore | undefined,
): Promise<Pick<Envelope, "args" | "kwargs">> {
  const call = argsAndKwargs(await fetchValue(ref, what, store));
  if (call === undefined) throw new PayloadLost(what, ref.key, "it is not a list of arguments and keyword arguments");
  return call;
}
