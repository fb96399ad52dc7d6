// The options of one call, checked. What SQS or this version cannot keep is refused here, with the reason.
import type { Clock } from "./clock.ts";
import { SIGNATURE_OPTIONS, stampHeaders, stampOptions } from "./core/canvas-stamp.ts";
import { SQS } from "./defaults.ts";
import { type Duration, describe } from "./duration.ts";
import { InvalidDelay, InvalidOption } from "./errors.ts";
import { check, duration, flag, positiveDuration, type Rule, refused, text } from "./options.ts";
import { checkLimits, type TaskSettings } from "./settings.ts";
import type { Taking } from "./signature.ts";
import { isReservedHeader } from "./wire/envelope.ts";
import { isTaskId } from "./wire/fields.ts";
import { assertJson, type JsonObject } from "./wire/serializer.ts";
import type { WireSignature } from "./wire/signature.ts";

/** Celery's `apply_async` options. `R` is what the task returns, as it is handed on: null for no value. */
export interface CallOptions<R = unknown> {
  /** Pause before it may start, at most 15 minutes. Excludes `eta`. */
  readonly countdown?: Duration;
  /** When it may start, at most 15 minutes ahead. Excludes `countdown`. */
  readonly eta?: Date;
  /** After this it is revoked instead of started: a Date, or a time from now. */
  readonly expires?: Date | Duration;
  /** Workload to send it to. @default - the task's */
  readonly workload?: string;
  /**
   * An id of your own: 1 to 255 printable ASCII characters. It is recorded at publish (one write), and publishing it
   * again sends it again while it is PENDING and does nothing once it has started.
   */
  readonly taskId?: string;
  /** Your own headers: JSON, for `ctx.headers`. */
  readonly headers?: JsonObject;
  /** Stamps, for `ctx.stamps`: JSON, by name. Unlike headers they reach every task of a workflow (Celery: stamping). */
  readonly stamps?: JsonObject;
  /** @default - the task's */
  readonly timeLimit?: Duration;
  /** @default - nine tenths of the call's `timeLimit`, or else the task's */
  readonly softTimeLimit?: Duration;
  /** @default - the task's */
  readonly ignoreResult?: boolean;
  /**
   * 0 begins a new line of descent: for a task that is meant to send itself for ever, which `maxHops` of the app would end.
   * `rootId` and `parentId` stay. Outside a task every call begins one. @default - inside a task, one more than its own
   */
  readonly hops?: 0;
  /** Called with the result when it succeeds: one, or more. */
  readonly link?: Taking<[R]> | readonly Taking<[R]>[];
  /** Called with the task's id when it fails: one, or more. */
  readonly linkError?: Taking<[string]> | readonly Taking<[string]>[];
}

export interface CheckedCall {
  /** Epoch ms. */
  readonly eta?: number;
  readonly expires?: number;
  readonly workload?: string;
  readonly taskId?: string;
  readonly headers: JsonObject;
  readonly stamps?: JsonObject;
  readonly stampedHeaders?: readonly string[];
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly ignoreResult?: boolean;
  readonly hops?: 0;
  readonly link: readonly WireSignature[];
  readonly linkError: readonly WireSignature[];
}

const UNTIL_SCHEDULER =
  "SQS delays a message by at most 15 minutes, and this version has no scheduler for longer ones; send it later, or let the task retry with a countdown";
const FIFO = "FIFO queues are not supported: they cannot delay a single message, and a retry loses its place";

const date: Rule<number> = (value, name) => {
  if (!(value instanceof Date) || !Number.isFinite(value.getTime()))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes a valid Date`);
  return value.getTime();
};

/** A caller's own headers. Throws NotSerializable or InvalidOption. */
export const headers: Rule<JsonObject> = (value, name) => {
  assertJson(value, "headers");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes an object`);
  const reserved = Object.keys(value).find(isReservedHeader);
  if (reserved !== undefined)
    throw new InvalidOption(`${name} contains "${reserved}", which the message itself uses; give it another name`);
  return value as JsonObject; // assertJson has checked it
};

/** Stamps travel among a signature's options: none may be taken for one. Throws NotSerializable or InvalidOption. */
export const stamps: Rule<JsonObject> = (value, name) => {
  const checked = headers(value, name);
  const taken = Object.keys(checked).find((key) => SIGNATURE_OPTIONS.has(key));
  if (taken === undefined) return checked;
  throw new InvalidOption(`${name} contains "${taken}", which is an option of signatures; give it another name`);
};

const signatures: Rule<readonly WireSignature[]> = (value, name) =>
  [value].flat().map((one) => {
    const wire = (one as Taking<[]> | undefined)?.wire;
    if (wire === undefined)
      throw new InvalidOption(
        `${name} is ${describe(one)}; it takes a signature, made with task.s(...) or task.si(...), or several`,
      );
    return wire;
  });

const taskId: Rule<string> = (value, name) => {
  if (typeof value !== "string" || !isTaskId(value))
    throw new InvalidOption(`${name} is ${describe(value)}; it takes 1 to 255 printable ASCII characters`);
  return value;
};

const newLine: Rule<0> = (value, name) => {
  if (value !== 0)
    throw new InvalidOption(
      `${name} is ${describe(value)}; it takes 0, which begins a new line; otherwise Lovage counts by itself`,
    );
  return value;
};

const RULES = {
  countdown: duration,
  eta: date,
  expires: ((value, name) =>
    value instanceof Date ? { at: date(value, name) } : { after: positiveDuration(value, name) }) as Rule<
    { at: number } | { after: number }
  >,
  workload: text,
  taskId,
  headers,
  stamps,
  timeLimit: positiveDuration,
  softTimeLimit: positiveDuration,
  ignoreResult: flag,
  hops: newLine,
  link: signatures,
  linkError: signatures,
  priority: refused("SQS has no priorities; give urgent tasks a workload of their own"),
  queue: refused("a task goes to a workload; write workload"),
  messageGroupId: refused(FIFO),
  messageDeduplicationId: refused(FIFO),
};

/** Checks the options of one call. Throws InvalidOption, InvalidDelay or NotSerializable. */
export function checkCall(owner: string, options: object, task: TaskSettings | undefined, clock: Clock): CheckedCall {
  const { countdown, eta: at, expires: end, stamps: marks, ...call } = check(owner, options, RULES);
  const now = clock.now();
  if (countdown !== undefined && at !== undefined)
    throw new InvalidOption(`${owner} was given countdown and eta; it takes one of them`);
  const eta = countdown === undefined ? at : countdown === 0 ? undefined : now + countdown * 1_000;
  if (eta !== undefined && eta - now > SQS.maxDelaySeconds * 1_000) {
    throw new InvalidDelay(`${owner} is to start in ${Math.round((eta - now) / 1_000)} s; ${UNTIL_SCHEDULER}`);
  }
  const timeLimit = call.timeLimit ?? task?.timeLimit;
  if (call.softTimeLimit !== undefined && timeLimit !== undefined) checkLimits(owner, timeLimit, call.softTimeLimit);
  const expires = end && ("at" in end ? end.at : now + end.after * 1_000);
  return {
    ...{ headers: {}, link: [], linkError: [] },
    ...call, // what is not given is not there
    ...stampHeaders(marks),
    ...(eta !== undefined && { eta }),
    ...(expires !== undefined && { expires }),
  };
}

/** The options of a signature as Celery writes them. Throws InvalidOption or NotSerializable. */
export function wireOptions(options: CallOptions<never>): JsonObject {
  const {
    expires,
    timeLimit,
    softTimeLimit,
    ignoreResult,
    linkError,
    workload,
    taskId,
    stamps: marks,
    ...same
  } = check("the signature", options, RULES);
  const named = {
    ...same,
    eta: options.eta,
    expires: expires && ("at" in expires ? options.expires : expires.after),
    queue: workload,
    task_id: taskId,
    time_limit: timeLimit,
    soft_time_limit: softTimeLimit,
    ignore_result: ignoreResult,
    link_error: linkError,
    ...(marks && stampOptions(marks)),
  };
  return JSON.parse(JSON.stringify(named)); // without what is not given, and with moments in ISO 8601
}
