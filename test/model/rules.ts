// The protocol, a second time: every rule of docs/protocol.md as a function of its own, written from the table and not from lib/.
// refinement.test.ts compares the two; mutants.ts takes the rules away one by one.
import type { Effect, Intent, Message, Mode, Plan, Rec, State, Write, WriteKind } from "./world.ts";
import { isTerminal } from "./world.ts";

export type Guard = (write: Write, rec: Rec | undefined) => boolean;
export type Outcome = "success" | "ignored" | "failure" | "retry" | "requeue" | "interrupted" | "revoked";
export type Circumstance = "due" | "early" | "expired" | "unknown task";

export interface Limits {
  readonly maxRetries: number;
  readonly maxReceives: number;
  readonly maxResends: number;
  /** Times an unknown task is given back before it fails. */
  readonly unknownPauses: number;
}

/** Rows 6, 31, 35: whoever holds this message may start the task, or end it unstarted. */
const claimable: Guard = ({ attempt }, rec) =>
  rec === undefined ||
  rec.state === "PENDING" ||
  (rec.state === "RETRY" && rec.attempt <= attempt) ||
  (rec.state === "STARTED" && rec.attempt <= attempt && rec.over);

/** Rows 12 to 18: the right to finish. */
const mayFinish: Guard = ({ mode, token, attempt }, rec) =>
  mode === "tracked"
    ? rec?.state === "STARTED" && rec.token === token
    : rec === undefined || (!isTerminal(rec) && rec.attempt <= attempt);

const guards: Readonly<Record<WriteKind, Guard>> = {
  claim: claimable,
  "fail unheld": claimable,
  "revoke unheld": claimable,
  succeed: mayFinish,
  ignore: mayFinish,
  fail: mayFinish,
  "revoke held": mayFinish,
  retry: (write, rec) => mayFinish(write, rec) && !rec?.revoke,
  heartbeat: ({ token }, rec) => rec?.state === "STARTED" && rec.token === token,
  pending: (_, rec) => rec === undefined || rec.state === "PENDING",
  revoke: (_, rec) => rec === undefined || rec.state === "PENDING" || rec.state === "RETRY",
  "request revoke": (_, rec) => rec?.state === "STARTED",
  resend: ({ attempt }, rec) => (rec?.state === "RETRY" || rec?.state === "STARTED") && rec.attempt <= attempt,
  forget: (_, rec) => isTerminal(rec),
  "count redrive": ({ redrives }, rec) => rec?.state === "FAILURE" && rec.redrives === redrives,
};

const BLANK: Rec = {
  state: "PENDING",
  attempt: 0,
  token: 0,
  over: false,
  last: false,
  runs: 0,
  revoke: false,
  rejected: false,
  value: false,
  redrives: 0,
  by: 0,
  asked: false,
};

const ended = (state: State, attempt: number, token: number, rec: Rec | undefined, value = false): Rec => ({
  ...BLANK,
  state,
  attempt,
  token,
  value,
  by: rec?.by ?? 0,
});

/** The record after a write whose guard holds. */
function written(
  { kind, attempt, token, next = attempt, rejected = false, last = false }: Write,
  rec: Rec | undefined,
): Rec {
  const { runs, revoke, asked, by } = rec ?? BLANK;
  switch (kind) {
    case "claim":
      return { ...BLANK, state: "STARTED", attempt, token, last, runs: runs + 1, by: token, revoke, asked };
    case "heartbeat":
      return { ...(rec ?? BLANK), over: false };
    case "succeed":
      return ended("SUCCESS", attempt, token, rec, true);
    case "ignore":
      return ended("SUCCESS", attempt, token, rec);
    case "fail":
    case "fail unheld":
      return ended("FAILURE", attempt, token, rec, true);
    case "revoke held":
      return ended("REVOKED", attempt, token, rec);
    case "revoke":
    case "revoke unheld":
      return ended("REVOKED", rec?.attempt ?? 0, 0, rec);
    case "retry":
      return { ...BLANK, state: "RETRY", attempt: next, token, runs, rejected, by, asked };
    case "pending":
      return BLANK;
    case "request revoke":
      return { ...(rec ?? BLANK), revoke: true, asked: true };
    case "resend":
      return rec ?? BLANK; // it notes a time
    case "forget":
      return { ...(rec ?? BLANK), value: false };
    case "count redrive":
      return { ...(rec ?? BLANK), redrives: (rec?.redrives ?? 0) + 1 };
    default:
      return kind satisfies never;
  }
}

const plan = (rows: string, settle: Plan["settle"], rest: Omit<Plan, "rows" | "settle"> = {}): Plan => ({
  rows,
  settle,
  ...rest,
});
const fresh = (message: Message): Message => ({ ...message, receives: 0, dead: false });
const write = (
  kind: WriteKind,
  { attempt }: Pick<Message, "attempt">,
  rest: Partial<Intent> = {},
): { write: Intent } => ({
  write: { kind, attempt, ...rest },
});

/** Rows 1 to 5: a message that is not to be started. */
function place(message: Message, circumstance: Circumstance, { unknownPauses }: Limits): Plan | undefined {
  if (message.kind === "nameless") return plan("1", "ack", { publish: { ...fresh(message), dead: true } });
  if (message.kind === "unreadable") return plan("2", "ack", write("fail unheld", message));
  if (circumstance === "expired") return plan("3", "ack", write("revoke unheld", message));
  if (circumstance === "early") return plan("4", "ack", { publish: fresh(message) });
  if (circumstance === "due") return undefined;
  if (message.receives <= unknownPauses) return plan("5", "back");
  return plan("5", "ack", { ...write("fail unheld", message), follow: "link_error" });
}

/** Row 7: refused by its own claim. */
const isOwn = (rec: Rec | undefined, token: number) => rec?.state === "STARTED" && rec.token === token;

/** Rows 8 to 11. `ranOut`: the lease ended after the refusal. */
function refused(message: Message, rec: Rec | undefined, ranOut: boolean): Plan {
  if (rec !== undefined && isTerminal(rec)) {
    if (rec.state === "SUCCESS" && rec.value) return plan("8", "ack", { follow: "link" });
    if (rec.state === "FAILURE") return plan("8", "ack", { follow: "link_error" });
    return plan("8", "ack");
  }
  if (rec?.state === "RETRY" && rec.attempt > message.attempt)
    return plan("9", "ack", { publish: { ...fresh(message), attempt: rec.attempt } });
  if (rec?.state === "STARTED" && !rec.over && !ranOut) return plan("10", "back");
  return plan("11", "back");
}

/** Rows 12 to 18. A payload store's troubles end a run in one of the same ways. */
function outcome(how: Outcome, message: Message, mode: Mode, { maxRetries }: Limits): Plan {
  const unlessUntracked = (kind: WriteKind, rest?: Partial<Intent>) =>
    mode === "untracked" ? {} : write(kind, message, rest);
  const unrecorded = mode === "untracked" ? ({ unrecorded: true } as const) : {};
  const ifTracked = (rest: Partial<Intent>) => (mode === "tracked" ? write("retry", message, rest) : {});
  switch (how) {
    case "success":
      return plan("12 17c", "ack", { ...unlessUntracked("succeed"), ...unrecorded, follow: "link" });
    case "ignored":
      return plan("13", "ack", { ...unlessUntracked("ignore"), ...unrecorded });
    case "retry": {
      const next = message.attempt + 1;
      if (next > maxRetries) return outcome("failure", message, mode, { maxRetries } as Limits); // no other is read
      return plan("15", "ack", {
        ...unlessUntracked("retry", { next }),
        publish: { ...fresh(message), attempt: next },
      });
    }
    case "failure":
      return plan("14 17a", "ack", { ...write("fail", message), follow: "link_error" });
    case "requeue":
      return plan("16", "back", ifTracked({ rejected: true }));
    case "interrupted":
      return plan("17 17b", "back", ifTracked({}));
    case "revoked":
      return plan("18", "ack", write("revoke held", message));
    default:
      return how satisfies never;
  }
}

/** Rows 19 and 20: the write of a plan is refused. */
function writeRefused(message: Message, rec: Rec | undefined, token: number, ranOut: boolean): Plan {
  if (isOwn(rec, token) && rec?.revoke) return plan("19", "ack", write("revoke held", message));
  const instead = refused(message, rec, ranOut);
  return { ...instead, rows: `20 ${instead.rows}` };
}

/** Rows 30 to 32, from the record as it was read. */
function deadLetter(message: Message, rec: Rec | undefined, mode: Mode, limits: Limits): Plan {
  const waits =
    rec === undefined || rec.state === "PENDING" || (rec.state === "RETRY" && rec.attempt <= message.attempt);
  const isOver = rec?.state === "STARTED" && rec.attempt <= message.attempt && rec.over;
  const wornOut = isOver && (rec.last || rec.runs - rec.attempt >= limits.maxReceives);
  const unfinished = isOver && !wornOut;
  if ((waits || unfinished) && !rec?.rejected && mode === "tracked" && message.resends < limits.maxResends) {
    const notes = rec === undefined || rec.state === "PENDING" ? write("pending", message) : write("resend", rec);
    return plan("30", "ack", { ...notes, publish: { ...fresh(message), resends: message.resends + 1 } });
  }
  if (waits || isOver) return plan("31", "ack", { ...write("fail unheld", message), follow: "link_error" });
  const instead = refused(message, rec, false);
  return { ...instead, rows: `32 ${instead.rows}` };
}

/** Rows 39, 41 and 42: a redrive that was not asked to do it again. The id is derived from the count that was read; `_sent` makes no difference. */
function redrive(rec: Rec | undefined, _sent: readonly string[]): Plan {
  if (rec?.state !== "FAILURE" || !rec.value) return plan("42", "none");
  if (rec.redrives > 0) return plan("41", "none");
  const id = `t.redrive${rec.redrives}`;
  const message: Message = { id, kind: "plain", attempt: 0, receives: 0, resends: 0, dead: false };
  return plan("39", "none", { publish: message, write: { kind: "count redrive", attempt: 0, redrives: rec.redrives } });
}

export const RULES = {
  guards,
  written,
  place,
  isOwn,
  refused,
  outcome,
  writeRefused,
  deadLetter,
  redrive,
  /** Row 6: whoever claims a task that is to be revoked does not run it. */
  stopsAtClaim: (rec: Rec): boolean => rec.revoke,
  /** Without a claim a task is read before it runs. */
  readsFirst: true,
  /** Row 35. */
  purge: (message: Message): Plan => plan("35", "ack", write("revoke unheld", message)),
  /** Row 25: recorded, then sent. */
  publish: (message: Message): Plan => plan("25", "none", { ...write("pending", message), publish: message }),
  /** Row 29. What a reader writes: nothing, ever. */
  read: (_: Rec): State | undefined => undefined,
  /** The id of what follows a task. `sent`: the ids that were sent before. */
  derivedId: (parent: string, path: string, _sent: readonly string[]): string => `${parent}.${path}`,
  order: ["write", "publish", "settle"] as readonly Effect[],
  /** Row 39: sent first, counted then. */
  redriveOrder: ["publish", "write"] as readonly Effect[],
  /** Row 24: nothing of an execution touches its message once it is settled. */
  heartbeatEnds: true,
};
export type Rules = typeof RULES;
