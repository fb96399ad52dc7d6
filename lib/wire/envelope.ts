// The message: Celery's protocol v2 in plain JSON, which Celery's Python workers run as it is (docs/wire-format.md).
//
// The life of a message, and the fields each step uses:
//
// 1. A call becomes an envelope: `id` (fresh, or derived from its parent's), `task`, `args`, `kwargs`, what the caller asked
//    for (`eta`, `expires`, `timeLimit`, `softTimeLimit`, `ignoreResult`, `shadow`, `headers`, `link`, `linkError`), and where
//    it stands in a workflow (`rootId`, `parentId`, `hops`, `chain`, `chord`, `group`, `groupIndex`, `stamps`).
// 2. encode() makes it the body of an SQS message: ASCII, at most 1 MiB. The queue's name is its routing key, nothing else.
// 3. A worker receives it; decode() makes it an envelope again, or throws DecodeError, which becomes a recorded failure.
// 4. `expires` passed: revoked. `eta` not reached: sent again with the delay that is left. Otherwise it is claimed with
//    (`id`, `retries`) and run with `args` and `kwargs`. Nothing here is believed about claims: Python workers copy headers back.
// 5. A retry is the same message with `retries` + 1 and a new `eta`; `id`, `rootId`, `hops` and `expires` stay.
// 6. An ending sends what follows: the last of `chain` and every `link` on success, every `linkError` on failure; their
//    `rootId` is this `rootId`, their `parentId` is this `id`, their `hops` this `hops` + 1. `chord` and `group` count the ending.
// 7. A dead letter that nobody ever claimed is sent again, with `resends` + 1, a few times.
// 8. A failed task that somebody sends again (`lovage redrive`) is a new task: its first message is the last one of the old task with an
//    id of its own and `redrivenFrom`, without what belonged to the old one's attempt, time and group (core/redrive.ts).
//
// Arguments too large to travel lie in the payload store; the message has `argsRef` and no others (seal.ts).
import { SQS } from "../defaults.ts";
import { InvalidOption, MessageTooLarge } from "../errors.ts";
import type { PayloadRef } from "../store/payload.ts";
import {
  ARGS_CHANGED_HEADER,
  ARGS_REF_HEADER,
  HOPS_HEADER,
  isReservedHeader,
  REDRIVEN_FROM_HEADER,
  RESENDS_HEADER,
  RESULTS_HEADER,
} from "./headers.ts";
import { type JsonObject, type JsonValue, toAscii } from "./serializer.ts";
import type { WireSignature } from "./signature.ts";
import { formatTime } from "./time.ts";

export { decode } from "./decode.ts";
export { isReservedHeader, RESERVED_HEADERS } from "./headers.ts";

export interface Envelope {
  readonly id: string;
  readonly task: string;
  readonly args: readonly JsonValue[];
  readonly kwargs: JsonObject;
  /** Id of the task that began the workflow; its own where it stands alone. */
  readonly rootId: string;
  /** Id of the task that sent this one. */
  readonly parentId?: string;
  /** Which run this message is for: 0 for the first. */
  readonly retries: number;
  /** Epoch ms before which it must not start. */
  readonly eta?: number;
  /** Epoch ms after which it must not start. */
  readonly expires?: number;
  /** Hard limit of a run in seconds. @default - the task's */
  readonly timeLimit?: number;
  /** Soft limit of a run in seconds. @default - the task's */
  readonly softTimeLimit?: number;
  readonly ignoreResult: boolean;
  /** Who wrote it: "js" is Lovage, "py" is Celery. */
  readonly lang: string;
  /** Process that sent it, for people to read. */
  readonly origin?: string;
  /** The caller's own. Names in RESERVED_HEADERS are refused. */
  readonly headers: JsonObject;
  /** Sent when it succeeds. */
  readonly link: readonly WireSignature[];
  /** Sent when it fails. */
  readonly linkError: readonly WireSignature[];
  /** The steps that follow, in Celery's order: the LAST is next. */
  readonly chain: readonly WireSignature[];
  /** The chord's body, where it is a member of one (Celery: a signature). */
  readonly chord?: JsonObject | undefined;
  readonly group?: string;
  readonly groupIndex?: number;
  /** Name shown instead of the task's. */
  readonly shadow?: string;
  readonly stamps?: JsonObject;
  readonly stampedHeaders?: readonly string[];
  /** A retry asked for other arguments than the first message has: later records must keep them. Ours. */
  readonly argsChanged?: boolean;
  /** Messages before it in its line of descent (core/hops.ts): 0 for a call from outside tasks. Ours. @default 0 */
  readonly hops?: number;
  /** Times the dead-letter consumer sent it again. Ours. */
  readonly resends?: number;
  /** The failed task whose message this is, sent again. Ours. */
  readonly redrivenFrom?: string;
  /** Where `[args, kwargs]` lie; both are empty here. Ours. */
  readonly argsRef?: PayloadRef;
  /** The group whose results come before `args`: its worker reads them. Ours. */
  readonly results?: GroupRef;
}

/** A group by its id, and how many members it has: their ids follow from both. */
export interface GroupRef {
  readonly group: string;
  readonly size: number;
}

/** `compose`, within what SQS takes. Throws MessageTooLarge over 1 MiB. */
export function encode(envelope: Envelope, queue: string): string {
  const text = compose(envelope, queue);
  if (text.length <= SQS.maxMessageBytes) return text;
  throw new MessageTooLarge(`the message of task "${envelope.task}"`, text.length, SQS.maxMessageBytes);
}

/**
 * The body of an SQS message, in ASCII, of whatever size. Values must be JSON already (`assertJson`).
 * Throws InvalidOption for a reserved header or a time no Python worker could read.
 */
export function compose(envelope: Envelope, queue: string): string {
  const { id, headers } = envelope;
  // What Celery's protocol document calls optional is left out where it says nothing: every byte is escaped, hashed, sent
  // and received. Left out always: argsrepr and kwargsrepr, a second copy of the arguments for logs that tells secrets.
  const protocol = {
    lang: envelope.lang,
    task: envelope.task,
    id,
    root_id: envelope.rootId,
    parent_id: envelope.parentId ?? null,
    group: envelope.group ?? null,
    retries: envelope.retries,
    ignore_result: envelope.ignoreResult, // missing, it would be the Python task's own setting
    shadow: envelope.shadow,
    eta: time("eta", envelope.eta),
    expires: time("expires", envelope.expires),
    group_index: envelope.groupIndex,
    timelimit: limits(envelope),
    origin: envelope.origin,
    stamped_headers: envelope.stampedHeaders,
    stamps: envelope.stamps,
    [HOPS_HEADER]: envelope.hops || undefined,
    [RESENDS_HEADER]: envelope.resends,
    [ARGS_CHANGED_HEADER]: envelope.argsChanged === true ? true : undefined,
    [REDRIVEN_FROM_HEADER]: envelope.redrivenFrom,
    [ARGS_REF_HEADER]: envelope.argsRef && refToWire(envelope.argsRef),
    [RESULTS_HEADER]: envelope.results,
  };
  const message = {
    // Not escaped here: toAscii() below reaches it too, and escaping twice would double its backslashes.
    body: JSON.stringify([envelope.args, envelope.kwargs, embed(envelope)]),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: withOwn(protocol, headers),
    // kombu takes a message without delivery_info for somebody else's, and acknowledges and returns it by this queue name.
    properties: {
      correlation_id: id,
      delivery_info: { exchange: "", routing_key: queue },
      delivery_tag: id,
    },
  };
  return toAscii(JSON.stringify(message));
}

function refToWire({ key, bytes, sha256, keptUntil }: PayloadRef): JsonObject {
  return { key, bytes, sha256, kept_until: keptUntil };
}

/** What follows the task, the third part of the body. */
function embed({ link, linkError, chain, chord }: Envelope) {
  return {
    callbacks: link.length === 0 ? undefined : link,
    errbacks: linkError.length === 0 ? undefined : linkError,
    chain: chain.length === 0 ? undefined : chain,
    chord,
  };
}

/** [hard, soft], the order of Celery's code. */
function limits({ timeLimit, softTimeLimit }: Envelope) {
  return timeLimit === undefined && softTimeLimit === undefined
    ? undefined
    : [timeLimit ?? null, softTimeLimit ?? null];
}

function withOwn(protocol: object, own: JsonObject): object {
  const taken = Object.keys(own).find(isReservedHeader);
  if (taken === undefined) return { ...protocol, ...own };
  throw new InvalidOption(
    `header "${taken}" is reserved by the message format; give it another name, such as "x-${taken}"`,
  );
}

function time(name: string, epochMs: number | undefined): string | undefined {
  if (epochMs === undefined) return undefined;
  const text = formatTime(epochMs);
  if (text !== undefined) return text;
  throw new InvalidOption(`${name} is ${epochMs}, not epoch milliseconds within the years 1 to 9999`);
}
