// What the model's world is made of, and when two worlds are the same. Time is left out: whatever takes time (a delay, a
// visibility timeout, a lease) may have passed at any step, so that every speed of clocks and machines is among what is explored.

export type State = "PENDING" | "STARTED" | "RETRY" | "SUCCESS" | "FAILURE" | "REVOKED";
export type Mode = "tracked" | "unclaimed" | "untracked";

/** A task's record. `by` and `asked` are the model's own memory, for its invariants: no rule reads them. */
export interface Rec {
  readonly state: State;
  readonly attempt: number;
  /** The execution whose token it holds; 0: of nobody alive. */
  readonly token: number;
  /** STARTED: the lease is over. */
  readonly over: boolean;
  /** STARTED: by the last delivery that SQS makes. */
  readonly last: boolean;
  /** Claims so far. */
  readonly runs: number;
  /** A revoke was requested. */
  readonly revoke: boolean;
  /** RETRY by `Reject({ requeue: true })`. */
  readonly rejected: boolean;
  /** Ended, and not forgotten: SUCCESS has its value, FAILURE its message. */
  readonly value: boolean;
  readonly redrives: number;
  /** The execution that made the latest claim. */
  readonly by: number;
  /** A revoke was accepted while it ran. */
  readonly asked: boolean;
}

/** `early`: has an `eta`. `nameless`: unreadable, without an id. */
export type MessageKind = "plain" | "early" | "expires" | "unreadable" | "nameless";

export interface Message {
  readonly id: string;
  readonly kind: MessageKind;
  readonly attempt: number;
  readonly receives: number;
  readonly resends: number;
  /** It is on the dead-letter queue. */
  readonly dead: boolean;
}

export type WriteKind =
  | ("claim" | "heartbeat" | "succeed" | "ignore" | "fail" | "revoke held" | "retry") // who has a claim, or needs none
  | ("fail unheld" | "revoke unheld" | "pending" | "revoke" | "request revoke" | "resend" | "forget" | "count redrive"); // others

/** What a decision writes. */
export interface Intent {
  readonly kind: WriteKind;
  /** The message's attempt; of a `retry`, the attempt that comes next is `next`. */
  readonly attempt: number;
  readonly next?: number;
  readonly rejected?: boolean;
  readonly redrives?: number;
  /** Of a claim: by the last delivery. */
  readonly last?: boolean;
}

export interface Write extends Intent {
  readonly token: number;
  readonly mode: Mode;
}

export type Effect = "write" | "publish" | "settle";

/** A decision. `follow`: the callback, or the error callback, is published. */
export interface Plan {
  /** Rows of docs/protocol.md. */
  readonly rows: string;
  readonly write?: Intent;
  readonly publish?: Message;
  readonly follow?: "link" | "link_error";
  readonly settle: "ack" | "back" | "none";
  /** It ends an untracked task, of which nothing is recorded. */
  readonly unrecorded?: true;
}

/** Somebody at work: on a message, or, publishers and operators, on a task. */
export interface Execution {
  readonly uid: number;
  readonly who: "worker" | "dead-letter consumer" | "purge" | "publisher" | "operator";
  readonly message: Message;
  /** Its receipt handle is stale: the message is not in its hands any more. */
  readonly stale: boolean;
  readonly does: "claim" | "read" | "run" | "carry out" | "linger";
  /** It found a revoke requested when it claimed: the task's code does not start. */
  readonly stopped: boolean;
  readonly plan: Plan | undefined;
  /** Effects of the plan that are still to come. */
  readonly todo: readonly Effect[];
}

/** How many faults, of any kind, and which calls may still happen. */
export type Left = Readonly<Record<"faults" | Call, number>>;
export type Call = "publish" | "revoke" | "forget" | "purge" | "redrive";

export interface World {
  readonly records: Readonly<Record<string, Rec>>;
  /** On the queues. Those in somebody's hands are in `executions`. */
  readonly messages: readonly Message[];
  readonly executions: readonly Execution[];
  /** Ids whose message was sent: what was promised to end. */
  readonly accepted: readonly string[];
  /** Ids of untracked tasks that came to an end without a record. */
  readonly done: readonly string[];
  readonly left: Left;
}

export const isTerminal = (rec: Pick<Rec, "state"> | undefined): boolean =>
  rec !== undefined && (rec.state === "SUCCESS" || rec.state === "FAILURE" || rec.state === "REVOKED");

const flag = (...flags: readonly boolean[]) => flags.reduce((bits, one) => bits * 2 + (one ? 1 : 0), 0);

const messageText = ({ id, kind, attempt, receives, resends, dead }: Message) =>
  [id, kind, attempt, receives, resends, dead].join();

/** What has been done of a plan makes no difference any more. */
function executionText({ who, message, stale, does, stopped, plan, todo }: Execution): string {
  const { kind, attempt, next, rejected, redrives } = (todo.includes("write") && plan?.write) || {};
  const { publish, follow } = (todo.includes("publish") && plan) || {};
  const rest = [
    plan?.settle,
    plan?.unrecorded,
    kind,
    attempt,
    next,
    rejected,
    redrives,
    publish && codeOf(publish, messageText),
  ];
  return [who, codeOf(message, messageText), does, flag(stale, stopped), ...todo, ...rest, follow].join();
}

const recordText = ({ state, attempt, over, last, runs, revoke, rejected, value, redrives, asked }: Rec) =>
  [state, attempt, flag(over, last, revoke, rejected, value, asked), runs, redrives].join();

const letters = new Map<string, string>();
const known = new WeakMap<object, string>();

/** One letter for each message, record, or execution: worlds are compared by the million. */
function codeOf<T extends object>(part: T, textOf: (part: T) => string): string {
  let letter = known.get(part);
  if (letter === undefined) {
    letter = letterOf(textOf(part));
    known.set(part, letter);
  }
  return letter;
}

function letterOf(text: string): string {
  let letter = letters.get(text);
  if (letter === undefined) {
    if (letters.size > 0xd7_00) throw new Error("more kinds of parts than there are letters"); // surrogates begin at 0xd800
    letter = String.fromCharCode(0x80 + letters.size);
    letters.set(text, letter);
  }
  return letter;
}

export const isSame = (one: Message, other: Message) => codeOf(one, messageText) === codeOf(other, messageText);

/** The same for two worlds that differ only in the names of executions, or in the order of messages. */
export function keyOf({ records, messages, executions, accepted, done, left }: World): string {
  const ids = Object.keys(records).sort();
  const working = executions.map((one) => {
    let key = codeOf(one, executionText);
    for (const id of ids) {
      if (records[id]?.token === one.uid) key += `+${letterOf(id)}`;
      if (records[id]?.by === one.uid) key += `@${letterOf(id)}`;
    }
    return key;
  });
  let key = letterOf(Object.values(left).join()) + letterOf(accepted.join());
  if (done.length > 0) key += `!${letterOf(done.join())}`;
  for (const id of ids) key += letterOf(id) + codeOf(records[id] as Rec, recordText); // ids are its keys
  key += `#${working.sort().join("")}#`;
  return (
    key +
    messages
      .map((one) => codeOf(one, messageText))
      .sort()
      .join("")
  );
}
