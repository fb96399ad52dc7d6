// Stamps: values that travel with every task of a canvas, as headers that its tasks can read. On the wire they are Celery's: options of
// each task by their names, and the option `stamped_headers`, which lists them.
import type { Envelope } from "../wire/envelope.ts";
import type { JsonObject, JsonValue } from "../wire/serializer.ts";
import { CHAIN, type WireSignature } from "../wire/signature.ts";

/** What a task of a canvas is stamped with. Callbacks are asked about, too. */
export type Stamping = (sig: WireSignature) => JsonObject;

const CANVASES: ReadonlySet<string> = new Set([CHAIN, "celery.group", "celery.chord"]);
const PARTS = ["tasks", "header", "body"];
const LINKS = ["link", "link_error"];

/** Options of a signature that are none of its stamps, beside the names that a message has for itself. */
export const SIGNATURE_OPTIONS: ReadonlySet<string> = new Set(
  "task_id queue countdown time_limit soft_time_limit link link_error group_id errback_on_header priority".split(" "),
);

/** Every task of it, and its callbacks, with these stamps beside its own, which give way. */
export function stamped(sig: WireSignature, stamping: Stamping): WireSignature {
  const isTask = !CANVASES.has(sig.task);
  const hasNone = Array.isArray(sig.kwargs.tasks) && sig.kwargs.tasks.length === 0; // they may be a stream, and get what it has
  const within = (all: JsonObject, names: readonly string[]): JsonObject =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, names.includes(name) ? each(value) : value]));
  const each = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(each);
    return isSignature(value) ? (stamped(value, stamping) as unknown as JsonObject) : value; // interfaces only have no index
  };
  return {
    ...sig,
    ...(!isTask && { kwargs: within(sig.kwargs, PARTS) }),
    options: {
      ...within(sig.options, LINKS),
      ...((isTask || hasNone) && stampOptions({ ...stampsOf(sig.options), ...stamping(sig) })),
    },
  };
}

/** The stamps among a signature's options. */
export function stampsOf(options: JsonObject): JsonObject {
  return Object.fromEntries(namesOf(options).map((name) => [name, options[name] ?? null]));
}

/** Stamps as options of a signature. */
export function stampOptions(stamps: JsonObject): JsonObject {
  const names = Object.keys(stamps);
  return names.length === 0 ? {} : { ...stamps, stamped_headers: names };
}

/** Stamps as a message has them. */
export function stampHeaders(stamps: JsonObject = {}): Pick<Envelope, "stamps" | "stampedHeaders"> {
  const stampedHeaders = Object.keys(stamps);
  return stampedHeaders.length === 0 ? {} : { stamps, stampedHeaders };
}

function namesOf({ stamped_headers: names }: JsonObject): readonly string[] {
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

function isSignature(value: JsonValue): value is JsonValue & WireSignature {
  return typeof value === "object" && value !== null && "task" in value;
}
