// Where arguments and results lie that are too large to travel, and how they are referred to. Pure: the runtime writes by
// these keys, and the CDK constructs derive the bucket's lifecycle rules and permissions from them.
//
//   <app>/32d/args/<task id>.<digest>      arguments: publishing them twice writes the same object
//   <app>/16d/results/<task id>.<token>    a result: two executions of one task never share a key
//
// The first part after the app is how long the store keeps the object: it expires by itself, with nothing to delete.
import { createHash } from "node:crypto";
import { MESSAGE_LIFETIME_MS, PAYLOADS, RECORD_LIFETIME_MS } from "../defaults.ts";
import { PayloadLost } from "../errors.ts";

const KEY_PARTS = /^(\d{1,4})d\/(args|results)\/(?!\.*$)[A-Za-z0-9\-_.!~*'()%]{1,940}$/;

/** Whether a key is of the form above: what comes from outside must not lead out of its place, nor be kept for ever. */
export function isPayloadKey(key: string, kind: PayloadKind): boolean {
  const [, days, found] = KEY_PARTS.exec(key) ?? [];
  return found === kind && PAYLOADS.keptDays.some((one) => String(one) === days);
}

/** Stands for a payload in a message or a record. */
export interface PayloadRef {
  /** Without the app, which is its store's own. */
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 of the object, base64url. */
  readonly sha256: string;
  /** Epoch ms until which it is surely kept. */
  readonly keptUntil: number;
}

/** An object to write before anything refers to it. */
export interface Payload {
  readonly ref: PayloadRef;
  /** ASCII JSON: its length is its size. */
  readonly json: string;
}

/** Sizes in bytes over which payloads travel by reference. */
export interface PayloadLimits {
  /** Of a message. */
  readonly argsOver: number;
  /** Of a result, and of changed arguments in a record. */
  readonly resultsOver: number;
}

/** In keys, between how long an object is kept and its task. */
export const PAYLOAD_KINDS = ["args", "results"] as const;
export type PayloadKind = (typeof PAYLOAD_KINDS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The store's clock may differ, by up to 15 minutes before S3 refuses a request. */
const SKEW_MS = HOUR_MS;

/** What comes before every key of an app in its bucket. */
export function payloadPrefix(app: string): string {
  return `${app}/`;
}

/** What every key of objects kept for `days` begins with, after the app. */
export function keptPrefix(days: number): string {
  return `${days}d/`;
}

/** Days an object is kept by its key. */
export function keptDays(key: string): number {
  return Number.parseInt(key, 10);
}

/** `json`: `[args, kwargs]`. `sentAt`: epoch ms when the message enters its queue. */
export function argsPayload(id: string, json: string, now: number, sentAt: number): Payload {
  const sha256 = digest(json);
  return payload(json, sha256, "args", `${segment(id)}.${sha256}`, now, argsNeededUntil(sentAt));
}

/** `until`: epoch ms to which its record is kept. */
export function resultPayload(id: string, token: string, json: string, now: number, until: number): Payload {
  return payload(json, digest(json), "results", `${segment(id)}.${segment(token)}`, now, until);
}

/** A message may come for the last time when it is 14 days old; the record of its failure may keep it for 15 more. */
export function argsNeededUntil(sentAt: number): number {
  return sentAt + MESSAGE_LIFETIME_MS + RECORD_LIFETIME_MS;
}

/** The same object, written again: it is kept from now on. */
export function renewed({ ref, json }: Payload, now: number): Payload {
  return { json, ref: { ...ref, keptUntil: keptUntil(keptDays(ref.key), now) } };
}

/** An object that is larger than its reference says: nobody reads it, or a small reference could fill a worker's memory. */
export function tooLarge({ key, bytes }: PayloadRef, found: number): PayloadLost {
  return new PayloadLost("a payload", key, `it has ${found} bytes, its reference says ${bytes}`);
}

/** What is wrong with what was found, if anything. */
export function mismatch({ bytes, sha256 }: PayloadRef, json: string): string | undefined {
  const found = Buffer.byteLength(json);
  if (found !== bytes) return `it has ${found} bytes, its reference says ${bytes}`;
  return digest(json) === sha256 ? undefined : "its content is not what its reference stands for";
}

function payload(json: string, sha256: string, kind: PayloadKind, name: string, now: number, until: number): Payload {
  const days = daysFor(until - now);
  const key = `${keptPrefix(days)}${kind}/${name}`;
  return { json, ref: { key, bytes: json.length, sha256, keptUntil: keptUntil(days, now) } };
}

const LONGEST_DAYS = Math.max(...PAYLOADS.keptDays);

/** Longest that a result can be kept. */
export const LONGEST_KEPT_MS = LONGEST_DAYS * DAY_MS - SKEW_MS;

/** For how many days an object is kept that is needed for `ms`. */
export function daysFor(ms: number): number {
  return PAYLOADS.keptDays.find((days) => days * DAY_MS - SKEW_MS >= ms) ?? LONGEST_DAYS;
}

function keptUntil(days: number, now: number): number {
  return now + days * DAY_MS - SKEW_MS;
}

/** Ids that users choose may hold slashes; a key has its own. */
function segment(text: string): string {
  return encodeURIComponent(text);
}

function digest(json: string): string {
  return createHash("sha256").update(json).digest("base64url");
}
