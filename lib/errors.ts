// Every error class of Lovage. Each has a stable `code`, listed in docs/errors.md (a test checks both directions).
// Messages say what went wrong, the value given, what is allowed and the likely fix; lower case, no full stop.
import type { Duration } from "./duration.ts";
import { printableLine } from "./printable.ts";
import type { Failure } from "./store/record.ts";
import type { WireSignature } from "./wire/signature.ts";

export class LovageError extends Error {
  /** Stable, for programs: messages may change. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

// --- definitions and calls ---

/** An option that does not exist, or a value an option does not take. */
export class InvalidOption extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_INVALID_OPTION", message, options);
  }
}

/** Two tasks of one app have the same name. */
export class DuplicateTask extends LovageError {
  constructor(name: string) {
    super("LOVAGE_DUPLICATE_TASK", `task "${name}" is defined twice in this app; give one of them another name`);
  }
}

/** A value in arguments, keyword arguments, headers or a result that JSON would change or lose. */
export class NotSerializable extends LovageError {
  /** Where the value is, such as `args[0].when`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super("LOVAGE_NOT_SERIALIZABLE", `${path} ${problem}`);
    this.path = path;
  }
}

/** What a schema found wrong, and where: `args[1].email`, `result.total`. */
export interface SchemaIssue {
  readonly path: string;
  readonly message: string;
}

const issueList = (issues: readonly SchemaIssue[]) =>
  issues.map(({ path, message }) => `${path}: ${message}`).join("; ");

/** Arguments that the task's schema refuses, where they are sent or where they are run. Never retried by itself. */
export class InvalidArguments extends LovageError {
  readonly issues: readonly SchemaIssue[];

  constructor(task: string, issues: readonly SchemaIssue[]) {
    super("LOVAGE_INVALID_ARGUMENTS", `arguments of "${task}" do not fit its schema: ${issueList(issues)}`);
    this.issues = issues;
  }
}

/** A result that the task's schema refuses. The task has failed, though its code ended. */
export class InvalidResult extends LovageError {
  readonly issues: readonly SchemaIssue[];

  constructor(task: string, issues: readonly SchemaIssue[]) {
    super("LOVAGE_INVALID_RESULT", `the result of "${task}" does not fit its schema: ${issueList(issues)}`);
    this.issues = issues;
  }
}

/** A message over SQS's limit of 1 MiB, or arguments over what the payload store takes. */
export class MessageTooLarge extends LovageError {
  /** `why`: what would help. "no store": the app has no `payloads`. */
  constructor(
    what: string,
    bytes: number,
    limit: number,
    why: "at most" | "no store" | "not the arguments" = "at most",
  ) {
    super("LOVAGE_MESSAGE_TOO_LARGE", `${what} is ${bytes} bytes, the limit is ${limit}; ${TOO_LARGE[why]}`);
  }
}

const TOO_LARGE = {
  "at most": "pass an id or a key of what is stored elsewhere instead of the data",
  "no store":
    "set payloads on the app, which carries large arguments through S3, or pass a key of what is stored elsewhere",
  "not the arguments":
    "its callbacks or headers make it so large, and only a task's own arguments go through the payload store; pass them a key of what is stored elsewhere",
} as const;

/** A result over what a DynamoDB item holds, or over what the payload store takes. */
export class ResultTooLarge extends LovageError {
  /** `hasStore`: the app has `payloads`, and the limit is theirs. */
  constructor(task: string, bytes: number, limit: number, hasStore = false) {
    const fix = hasStore ? "" : "set payloads on the app, which keeps large results in S3, or ";
    super(
      "LOVAGE_RESULT_TOO_LARGE",
      `the result of "${task}" is ${bytes} bytes, the limit is ${limit}; ${fix}store it elsewhere and return its key`,
    );
  }
}

/** The results of a group are too many, or too large, to be handed to a task as an array. */
export class ResultsTooLarge extends LovageError {
  /** `what`: such as `12,000 results`. */
  constructor(task: string, group: string, what: string, limit: string) {
    super(
      "LOVAGE_RESULTS_TOO_LARGE",
      `task "${task}" follows group ${group}, which has ${what}; an array of them holds at most ${limit}: set results: "stream" on the task, which is handed them one by one then`,
    );
  }
}

/** A delay SQS cannot keep: negative, or over 15 minutes. */
export class InvalidDelay extends LovageError {
  constructor(message: string) {
    super("LOVAGE_INVALID_DELAY", message);
  }
}

/** A feature this version refuses, with the reason. */
export class NotSupported extends LovageError {
  constructor(message: string) {
    super("LOVAGE_NOT_SUPPORTED", message);
  }
}

/** A task calls a task, or its end calls one, further down a line of descent than the app's `maxHops` allows. */
export class HopLimitExceeded extends LovageError {
  constructor(task: string, hops: number, limit: number) {
    super(
      "LOVAGE_HOP_LIMIT_EXCEEDED",
      `the message of task "${task}" would have ${hops} messages before it in its line, the limit is ${limit}; most likely a task sends itself for ever: end that, call with hops: 0 where it is meant (a new line begins), or raise maxHops of the app`,
    );
  }
}

/** No task of this name in this app. */
export class NotRegistered extends LovageError {
  constructor(task: string, known: readonly string[]) {
    const shown = known.length === 0 ? "no tasks are registered" : `registered: ${known.slice(0, 20).join(", ")}`;
    super(
      "LOVAGE_NOT_REGISTERED",
      `task "${task}" is not registered here (${shown}); import its module in the app's include list`,
    );
  }
}

/** `currentTask()` outside a task, or `result.get()` inside one. */
export class WrongContext extends LovageError {
  constructor(message: string) {
    super("LOVAGE_WRONG_CONTEXT", message);
  }
}

// --- results ---

/** `get()` gave up waiting. The task is unaffected. */
export class ResultTimeout extends LovageError {
  /** `state`: undefined where the result store, or the payload store, gave no answer; `cause` says why. */
  constructor(id: string, state: string | undefined, seconds: number, options?: ErrorOptions) {
    const unknown = `what became of task ${id} could not be read within ${seconds} s`;
    const why = options?.cause instanceof Error ? `: ${options.cause.message}` : "";
    super(
      "LOVAGE_RESULT_TIMEOUT",
      state === undefined
        ? `${unknown}${why}; the task is unaffected, ask again`
        : `task ${id} is ${state} after ${seconds} s; it goes on, only the waiting ended`,
      options,
    );
  }
}

/** The task ended in FAILURE. `type`, `message`, `remoteStack` and `cause` are those of its error. */
export class TaskFailed extends LovageError {
  readonly taskId: string;
  /** Class name of the original error. */
  readonly type: string;
  /** Stack of the original error, where it was thrown. */
  readonly remoteStack: string | undefined;

  constructor(taskId: string, failure: Failure, cause: Error) {
    super("LOVAGE_TASK_FAILED", failure.message, { cause });
    this.taskId = taskId;
    this.type = failure.type;
    this.remoteStack = failure.stack;
  }
}

/** The task was revoked, or expired, before it ended. */
export class TaskRevoked extends LovageError {
  constructor(id: string, reason: string) {
    super("LOVAGE_TASK_REVOKED", `task ${id} was revoked: ${reason}`);
  }
}

/** No record and no message can be left: it was never consumed, or its record has been removed since. */
export class TaskLost extends LovageError {
  constructor(id: string) {
    super("LOVAGE_TASK_LOST", `task ${id} is LOST: it is older than any SQS message lives and has no record`);
  }
}

/** This app never made this id, and no record of it exists. */
export class TaskUnknown extends LovageError {
  constructor(id: string, app: string) {
    super(
      "LOVAGE_TASK_UNKNOWN",
      `task ${id} is UNKNOWN to app "${app}": the id was not made by it and has no record; check the app's name and the id`,
    );
  }
}

/** The task ended, but its value is hidden: `resultExpires` has passed, or `forget()` removed it. */
export class ResultExpired extends LovageError {
  constructor(id: string, why: string) {
    super("LOVAGE_RESULT_EXPIRED", `the result of task ${id} is gone: ${why}`);
  }
}

/** `forget()` of a task that has not ended. */
export class NotReady extends LovageError {
  constructor(id: string, state: string) {
    super("LOVAGE_NOT_READY", `task ${id} is ${state} and cannot be forgotten before it ends; revoke it first`);
  }
}

/** `revoke()` of a task with `ignoreResult`: nothing is written or read for it, so nobody would see it. */
export class NotRevocable extends LovageError {
  constructor(id: string) {
    super(
      "LOVAGE_NOT_REVOCABLE",
      `task ${id} was sent with ignoreResult and cannot be revoked; send it without, or give it expires`,
    );
  }
}

// --- inside a task ---

/** Thrown by `ctx.retry()`; may be thrown by hand. */
export class Retry extends LovageError {
  readonly options: RetryOptions;

  constructor(options: RetryOptions = {}) {
    super(
      "LOVAGE_RETRY",
      "the task asked to be retried",
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.options = options;
  }
}

export interface RetryOptions {
  /** Seconds (or "30s") until the next run. @default - the task's backoff or `defaultRetryDelay` */
  readonly countdown?: Duration;
  /** When the next run may start. Excludes `countdown`. */
  readonly eta?: Date;
  /** Arguments of the next run. @default - those of this run */
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** For this retry. `null` is without end. @default - the task's */
  readonly maxRetries?: number | null;
  /** What went wrong; becomes the failure once retries are exhausted. */
  readonly cause?: unknown;
}

/** Thrown by `ctx.replace()`; may be thrown by hand. */
export class Replace extends LovageError {
  /** What takes the task's place. */
  readonly signature: { readonly wire: WireSignature };

  constructor(signature: { readonly wire: WireSignature }) {
    super("LOVAGE_REPLACE", "the task put a workflow in its place");
    this.signature = signature;
  }
}

/** Ends the task as SUCCESS without a value and without callbacks (Celery: Ignore). */
export class Ignore extends LovageError {
  constructor(reason = "the task asked to be ignored") {
    super("LOVAGE_IGNORE", reason);
  }
}

/**
 * Gives the task back: `requeue: true` has it run again soon, as the same attempt: tasks that an earlier run of it sent are
 * not sent again. Otherwise it ends as FAILURE (Celery: Reject).
 */
export class Reject extends LovageError {
  readonly requeue: boolean;

  constructor({
    requeue = false,
    reason = "the task rejected its message",
  }: { requeue?: boolean; reason?: string } = {}) {
    super("LOVAGE_REJECT", reason);
    this.requeue = requeue;
  }
}

/** Retries are exhausted and the task gave no error of its own. */
export class MaxRetriesExceeded extends LovageError {
  constructor(task: string, id: string, maxRetries: number) {
    super("LOVAGE_MAX_RETRIES_EXCEEDED", `cannot retry ${task}[${id}]: ${maxRetries} retries are exhausted`);
  }
}

/** The soft limit passed: `ctx.signal` is aborted with this. */
export class SoftTimeLimitExceeded extends LovageError {
  constructor(seconds: number) {
    super("LOVAGE_SOFT_TIME_LIMIT_EXCEEDED", `soft time limit of ${seconds} s exceeded`);
  }
}

/** The hard limit passed: the execution was terminated. */
export class TimeLimitExceeded extends LovageError {
  constructor(seconds: number) {
    super("LOVAGE_TIME_LIMIT_EXCEEDED", `hard time limit of ${seconds} s exceeded`);
  }
}

/** The process that ran the task died: out of memory, `process.exit`, a crash. */
export class WorkerLost extends LovageError {
  constructor(message: string) {
    super("LOVAGE_WORKER_LOST", message);
  }
}

/** `ctx.signal` is aborted with this when another execution has taken the task over; its own writes are refused. */
export class ClaimLost extends LovageError {
  constructor(id: string) {
    super("LOVAGE_CLAIM_LOST", `the claim on task ${id} was taken over; this execution's outcome will be refused`);
  }
}

/** Nobody brought the task to an end within the receives its queue allows. */
export class DeadLettered extends LovageError {
  constructor(reason: string) {
    super("LOVAGE_DEAD_LETTERED", reason);
  }
}

// --- tests ---

/** `drain()`, or an eager call, does not come to an end: tasks keep sending tasks, or one of them waits for ever. */
export class NeverIdle extends LovageError {
  constructor(message: string) {
    super("LOVAGE_NEVER_IDLE", message);
  }
}

/** `inMemory()` of an app that an earlier test has left in memory. */
export class NotDisposed extends LovageError {
  constructor(app: string, since: string) {
    super(
      "LOVAGE_NOT_DISPOSED",
      `app "${app}" is in memory already, since ${since}; write "await using test = inMemory(app)", or await test.close() when that test ends`,
    );
  }
}

// --- messages and back ends ---

/** A message that cannot be read. `id` and `task` are set where they could be made out. */
export class DecodeError extends LovageError {
  readonly id: string | undefined;
  readonly task: string | undefined;
  /** The message as it came. */
  readonly body: string;

  constructor(problem: string, body: string, known: { id?: string | undefined; task?: string | undefined } = {}) {
    super("LOVAGE_DECODE_ERROR", `cannot read the message: ${printableLine(problem.toWellFormed())}`);
    this.body = body;
    this.id = known.id;
    this.task = known.task;
  }
}

/** A record in the table that Lovage did not write so, or an attribute of it. */
export class RecordUnreadable extends LovageError {
  /** `problem`: what is wrong with the attribute, after its name. */
  constructor(id: string, attribute: string, problem: string) {
    super(
      "LOVAGE_RECORD_UNREADABLE",
      `the record of task ${id} cannot be read: its attribute ${attribute} ${printableLine(problem)}; something other than Lovage has written it: look at the item, then mend or delete it`,
    );
  }
}

/** What a Lambda function was invoked with is no event of SQS. */
export class InvalidEvent extends LovageError {
  constructor(problem: string) {
    super(
      "LOVAGE_INVALID_EVENT",
      `the function was invoked with what is no event of SQS: ${problem}; connect it to its queue by an event source mapping, or send a task`,
    );
  }
}

/** SQS could not be reached in time, or throttled for too long. */
export class BrokerUnavailable extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_BROKER_UNAVAILABLE", message, options);
  }
}

/** SQS, DynamoDB or S3 refused a request for a reason that does not pass by itself. Trying again would be refused again. */
export class RequestRefused extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_REQUEST_REFUSED", message, options);
  }
}

/** The queue does not exist in this account and region. */
export class QueueNotFound extends LovageError {
  constructor(queue: string, endpoint: string) {
    super(
      "LOVAGE_QUEUE_NOT_FOUND",
      `queue "${queue}" does not exist at ${endpoint}; deploy the app, start "lovage dev", or check the region`,
    );
  }
}

/** DynamoDB could not be reached in time, or throttled for too long. The fate of a write is unknown. */
export class StoreUnavailable extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_STORE_UNAVAILABLE", message, options);
  }
}

/** The table does not exist in this account and region. */
export class TableNotFound extends LovageError {
  constructor(table: string, endpoint: string) {
    super(
      "LOVAGE_TABLE_NOT_FOUND",
      `table "${table}" does not exist at ${endpoint}; deploy the app, start "lovage dev", or check the region`,
    );
  }
}

/** The table has no index of failures, or it is still being filled. */
export class IndexNotFound extends LovageError {
  constructor(table: string, index: string, endpoint: string) {
    super(
      "LOVAGE_INDEX_NOT_FOUND",
      `table "${table}" at ${endpoint} has no index "${index}" that can be read: an older version made the table, or the index is still being filled; deploy the app again (local: start "lovage dev" again), and wait until DynamoDB says that the index is ACTIVE`,
    );
  }
}

/** S3 could not be reached in time, or throttled for too long. Nothing refers to what was being written. */
export class PayloadStoreUnavailable extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_PAYLOAD_STORE_UNAVAILABLE", message, options);
  }
}

/** Arguments or a result that travelled by reference are not where the reference says, or are not what they were. */
export class PayloadLost extends LovageError {
  constructor(what: string, key: string, why: string) {
    super("LOVAGE_PAYLOAD_LOST", `${what} cannot be brought back from "${key}" in the payload store: ${why}`);
  }
}

/** A stored part of a workflow is not there, or is not what it was: what follows in it cannot be done. */
export class WorkflowLost extends LovageError {
  /** `part`: such as `what waits for group …`. */
  constructor(part: string) {
    super(
      "LOVAGE_WORKFLOW_LOST",
      `${part} is not in the table any more, or is not what it was; it is kept for 90 days after its latest write: find what removes items of this app's table, and send the workflow again`,
    );
  }
}

/** Nothing is kept of a workflow with this id. */
export class WorkflowUnknown extends LovageError {
  constructor(id: string, app: string) {
    super(
      "LOVAGE_WORKFLOW_UNKNOWN",
      `no workflow of app "${app}" is known by id ${id}; it takes the id of the handle that a call of a chain, group or chord returned, or of its first task, for 90 days; a single task is read with result(id), or "lovage result"`,
    );
  }
}

/** The bucket of `payloads` does not exist in this account and region. */
export class BucketNotFound extends LovageError {
  constructor(bucket: string, endpoint: string) {
    super(
      "LOVAGE_BUCKET_NOT_FOUND",
      `bucket "${bucket}" does not exist at ${endpoint}; deploy the app, start "lovage dev", or check the bucket in payloads and the region`,
    );
  }
}

/** Credentials are missing, wrong, or do not allow the call. */
export class AccessDenied extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_ACCESS_DENIED", message, options);
  }
}

/** A worker, or the local stack, could not start; the message is the one cause. */
export class StartupFailed extends LovageError {
  constructor(message: string, options?: ErrorOptions) {
    super("LOVAGE_STARTUP_FAILED", message, options);
  }
}

/** None of the messages of a Lambda invocation could be finished: SQS or DynamoDB cannot be reached. They come again. */
export class InvocationFailed extends LovageError {
  constructor(messages: number) {
    super(
      "LOVAGE_INVOCATION_FAILED",
      `none of ${messages} messages could be finished, because a back end did not answer; they are delivered again, and Lambda slows down; the log has the cause of each`,
    );
  }
}

/** The worker stopped itself: nothing moved for too long. */
export class WorkerStalled extends LovageError {
  constructor(message: string) {
    super("LOVAGE_WORKER_STALLED", message);
  }
}
