// The model with one rule taken away, each. The checker must find where that goes wrong.
import { type Guard, RULES, type Rules } from "./rules.ts";
import { isTerminal, type Plan, type Rec, type WriteKind } from "./world.ts";

export interface Mutant {
  readonly name: string;
  /** Rows of docs/protocol.md whose rule is gone, or weaker. */
  readonly rows: string;
  /** The invariant that does not hold without it. */
  readonly breaks: string;
  /** The bound within which it shows. @default - "a task and its callbacks" */
  readonly within?: string;
  /** Where fewer faults are enough. @default - as many as in the bound */
  readonly faults?: number;
  readonly edit: Partial<Rules>;
}

const guards = (some: Partial<Record<WriteKind, Guard>>): Partial<Rules> => ({ guards: { ...RULES.guards, ...some } });
const claimable = RULES.guards.claim;

/** Everybody who could take a task needs this as well. */
function taking(also: Guard, others: Partial<Rules["guards"]> = {}): Partial<Rules> {
  const guard: Guard = (write, rec) => claimable(write, rec) && also(write, rec);
  return guards({ claim: guard, "fail unheld": guard, "revoke unheld": guard, ...others });
}

/** The right to finish is another. */
function finishing(guard: Guard): Partial<Rules> {
  const retry: Guard = (write, rec) => guard(write, rec) && !rec?.revoke;
  return guards({ succeed: guard, ignore: guard, fail: guard, "revoke held": guard, retry });
}

/** Decisions of these rows are others. */
function atRow(rows: RegExp, edit: (plan: Plan) => Plan): Partial<Rules> {
  const edited = (plan: Plan) => (rows.test(plan.rows) ? edit(plan) : plan);
  const { place, refused, outcome, writeRefused, deadLetter } = RULES;
  return {
    place: (...of) => {
      const plan = place(...of);
      return plan && edited(plan);
    },
    refused: (...of) => edited(refused(...of)),
    outcome: (...of) => edited(outcome(...of)),
    writeRefused: (...of) => edited(writeRefused(...of)),
    deadLetter: (...of) => edited(deadLetter(...of)),
  };
}

const silent = ({ publish: _, follow: __, ...rest }: Plan): Plan => rest;
const unwritten = ({ write: _, ...rest }: Plan): Plan => rest;
const acked = (plan: Plan): Plan => ({ ...plan, settle: "ack" });
const FOREVER = Number.POSITIVE_INFINITY;
const isState = (rec: Rec | undefined, state: string) => rec?.state === state;

const CLAIM: readonly Mutant[] = [
  { name: "a claim needs no condition", rows: "6", breaks: "I2", edit: guards({ claim: () => true }) },
  {
    name: "a claim takes a live lease",
    ...{ rows: "6 10", breaks: "I2" },
    edit: guards({ claim: (write, rec) => claimable(write, rec) || isState(rec, "STARTED") }),
  },
  {
    name: "a claim takes what has ended",
    ...{ rows: "6 8", breaks: "I1" },
    edit: guards({ claim: (write, rec) => claimable(write, rec) || isTerminal(rec) }),
  },
  {
    name: "a claim trusts its message's attempt, not the record's",
    ...{ rows: "6 9", breaks: "I8" },
    edit: guards({ claim: (write, rec) => claimable({ ...write, attempt: FOREVER }, rec) }),
  },
  {
    name: "nobody may take, or note, what has no record",
    ...{ rows: "6 30", breaks: "I5", faults: 1 },
    edit: taking((_, rec) => !!rec, { pending: (_, rec) => isState(rec, "PENDING") }),
  },
  {
    name: "nobody may take a RETRY",
    ...{ rows: "6 15", breaks: "I5", faults: 0 },
    edit: taking((_, rec) => !isState(rec, "RETRY")),
  },
  {
    name: "nobody may take what is PENDING",
    ...{ rows: "6 25", breaks: "I5", within: "a chosen id", faults: 0 },
    edit: taking((_, rec) => !isState(rec, "PENDING")),
  },
  {
    name: "nobody may take a lease that is over",
    ...{ rows: "6 31", breaks: "I5", faults: 1 },
    edit: taking((_, rec) => !isState(rec, "STARTED")),
  },
  {
    name: "a claim whose answer was lost is not recognised",
    ...{ rows: "7", breaks: "I5 no silence: nobody leaves a claim behind" },
    edit: { isOwn: () => false },
  },
  {
    name: "a task without a claim is not read before it runs",
    ...{ rows: "8", breaks: "I1 one ending: what has ended does not run again", within: "without a claim" },
    edit: { readsFirst: false },
  },
];

const FENCE: readonly Mutant[] = [
  {
    name: "a finish needs no token",
    ...{ rows: "12 14 15 18 20", breaks: "I2" },
    edit: finishing((_, rec) => isState(rec, "STARTED")),
  },
  {
    name: "a finish trusts the attempt of its message, not the token",
    ...{ rows: "12 14 15 18 20", breaks: "I2" },
    edit: finishing(({ attempt }, rec) => isState(rec, "STARTED") && rec?.attempt === attempt),
  },
  {
    name: "a finish needs no state",
    ...{ rows: "12 14 15 18 20", breaks: "I1", within: "revoke and forget", faults: 1 },
    edit: finishing(({ token }, rec) => rec?.token === token),
  },
  {
    name: "a finish without a claim needs no state",
    ...{ rows: "12 14 20", breaks: "I1", within: "without a claim" },
    edit: finishing(() => true),
  },
  {
    name: "a finish without a claim goes back to an earlier attempt",
    ...{ rows: "15 20", breaks: "I8", within: "without a claim, retried" },
    edit: finishing((_, rec) => !isTerminal(rec)),
  },
  {
    name: "a heartbeat needs no token",
    ...{ rows: "22", breaks: "I2" },
    edit: guards({ heartbeat: (_, rec) => isState(rec, "STARTED") }),
  },
  {
    name: "a heartbeat goes on after its message was given back",
    ...{ rows: "24", breaks: "I5 no silence: without", within: "what hands a task back", faults: 0 },
    edit: { heartbeatEnds: false },
  },
];

const ORDER: readonly Mutant[] = [
  {
    name: "the message is acknowledged before the record is written",
    ...{ rows: "12 14 15", breaks: "I3" },
    edit: { order: ["settle", "write", "publish"] },
  },
  {
    name: "the message is acknowledged before the follow-ups are sent",
    ...{ rows: "12 14 15", breaks: "I3" },
    edit: { order: ["write", "settle", "publish"] },
  },
  {
    name: "follow-ups are sent before the record is written",
    ...{ rows: "12 14", breaks: "I3 ack last: what follows, follows what is recorded" },
    edit: { order: ["publish", "write", "settle"] },
  },
  {
    name: "a follow-up's id is not derived",
    ...{ rows: "8 12", breaks: "I4" },
    edit: {
      derivedId: (parent, path, sent) => {
        let id = `${parent}.${path}`;
        while (sent.includes(id)) id += "'";
        return id;
      },
    },
  },
];

const REFUSED: readonly Mutant[] = [
  { name: "a terminal record's follow-ups are not sent again", rows: "8", breaks: "I3", edit: atRow(/\b8$/, silent) },
  {
    name: "a terminal record's message is never acknowledged",
    ...{ rows: "8", breaks: "I5 no silence: without", faults: 1 },
    edit: atRow(/\b8$/, (plan) => ({ ...plan, settle: "back" })),
  },
  { name: "a late message does not send the next attempt again", rows: "9", breaks: "I3", edit: atRow(/\b9$/, silent) },
  { name: "a message refused by a live lease is acknowledged", rows: "10", breaks: "I3", edit: atRow(/\b10$/, acked) },
  { name: "a message refused in a race is acknowledged", rows: "11", breaks: "I3", edit: atRow(/\b11$/, acked) },
];

const REVOKE = "a revoke that was accepted is not lost";

const RUN: readonly Mutant[] = [
  { name: "a success is not recorded", rows: "12", breaks: "I3", edit: atRow(/^12/, unwritten) },
  { name: "a success sends no callback", rows: "12", breaks: "I3", edit: atRow(/^12/, silent) },
  {
    name: "what its task ignored is not recorded",
    ...{ rows: "13", breaks: "I3", within: "a revoke of what runs" },
    edit: atRow(/^13/, unwritten),
  },
  {
    name: "a failure is not recorded, with ignoreResult",
    ...{ rows: "14", breaks: "I3", within: "ignoreResult" },
    edit: atRow(/^14/, unwritten),
  },
  { name: "a failure sends no error callback", rows: "14", breaks: "I3", edit: atRow(/^14/, silent) },
  { name: "a retry is not recorded", rows: "15", breaks: "I5", edit: atRow(/^15/, unwritten) },
  { name: "a retry does not send its next attempt", rows: "15", breaks: "I3", edit: atRow(/^15/, silent) },
  {
    name: "retries are never exhausted",
    ...{ rows: "14 15", breaks: "I5" },
    edit: {
      outcome: (how, message, mode, limits) => RULES.outcome(how, message, mode, { ...limits, maxRetries: FOREVER }),
    },
  },
  {
    name: "a retry ignores a request to revoke",
    ...{ rows: "15 19", breaks: REVOKE, within: "a revoke of what runs" },
    edit: guards({ retry: RULES.guards.succeed }),
  },
  {
    name: "a requeue acknowledges its message",
    ...{ rows: "16", breaks: "I3", within: "what hands a task back" },
    edit: atRow(/^16/, acked),
  },
  {
    name: "a requeue is not recorded",
    ...{ rows: "16", breaks: "I5", within: "what hands a task back" },
    edit: atRow(/^16/, unwritten),
  },
  {
    name: "a shutdown keeps its claim",
    ...{ rows: "17", breaks: "I5", within: "what hands a task back" },
    edit: atRow(/^17/, unwritten),
  },
  {
    name: "a task that was revoked while it ran is not recorded",
    ...{ rows: "18", breaks: "I3", within: "a revoke of what runs" },
    edit: atRow(/^18/, unwritten),
  },
  {
    name: "a retry that a revoke refuses is given back",
    ...{ rows: "19", breaks: "I5", within: "a revoke of what runs" },
    edit: { writeRefused: (message, rec, _, ranOut) => RULES.refused(message, rec, ranOut) },
  },
];

const CALLERS: readonly Mutant[] = [
  {
    name: "a takeover forgets that a revoke was requested",
    ...{ rows: "27", breaks: REVOKE, within: "a revoke of what runs" },
    edit: {
      written: (write, rec) => RULES.written(write, rec && write.kind === "claim" ? { ...rec, revoke: false } : rec),
    },
  },
  {
    name: "who takes over what is to be revoked runs it",
    ...{ rows: "27", breaks: REVOKE, within: "a revoke of what runs" },
    edit: { stopsAtClaim: () => false },
  },
  {
    name: "a revoke ends what runs",
    ...{ rows: "26 27", breaks: "I2", within: "revoke and forget" },
    edit: guards({ revoke: (write, rec) => RULES.guards.revoke(write, rec) || isState(rec, "STARTED") }),
  },
  {
    name: "a revoke ends what has ended",
    ...{ rows: "26", breaks: "I1", within: "revoke and forget" },
    edit: guards({ revoke: (write, rec) => RULES.guards.revoke(write, rec) || isTerminal(rec) }),
  },
  {
    name: "forget leaves no tombstone",
    ...{ rows: "28", breaks: "I1", within: "revoke and forget" },
    edit: {
      written: (write, rec) => RULES.written(write.kind === "forget" ? { ...write, kind: "pending" } : write, rec),
    },
  },
  {
    name: "a reader ends a task that it sees stalled",
    ...{ rows: "29", breaks: "I8", within: "a revoke of what runs" },
    edit: { read: (rec) => (rec.state === "STARTED" && rec.over ? "FAILURE" : undefined) },
  },
  {
    name: "a chosen id that is published again starts over",
    ...{ rows: "25", breaks: "I2", within: "a chosen id" },
    edit: guards({ pending: () => true }),
  },
  {
    name: "a chosen id that has ended is published again",
    ...{ rows: "25", breaks: "I1", within: "a chosen id" },
    edit: guards({ pending: (write, rec) => RULES.guards.pending(write, rec) || isTerminal(rec) }),
  },
];

const MESSAGES: readonly Mutant[] = [
  {
    name: "what cannot be read and has no id is dropped",
    ...{ rows: "1 38", breaks: "I3", within: "one without an id" },
    edit: atRow(/^1$/, silent),
  },
  {
    name: "what cannot be read is acknowledged without a record",
    ...{ rows: "2 33 37", breaks: "I3", within: "a message that cannot be read" },
    edit: atRow(/^2$/, unwritten),
  },
  {
    name: "an expired message is acknowledged without a record",
    ...{ rows: "3", breaks: "I3", within: "expires" },
    edit: atRow(/^3$/, unwritten),
  },
  {
    name: "an early message is acknowledged without a hop",
    ...{ rows: "4", breaks: "I3", within: "an eta" },
    edit: atRow(/^4$/, silent),
  },
  {
    name: "an unknown task is acknowledged without a record",
    ...{ rows: "5", breaks: "I3", within: "a task this worker does not know" },
    edit: atRow(/^5$/, unwritten),
  },
  { name: "a dead letter that nobody claimed is dropped", rows: "30", breaks: "I3", edit: atRow(/^30/, silent) },
  {
    name: "a dead letter goes round for ever",
    ...{ rows: "30 31", breaks: "I5", within: "what hands a task back" },
    edit: {
      deadLetter: (message, rec, mode, limits) =>
        RULES.deadLetter(message, rec, mode, { ...limits, maxResends: FOREVER }),
    },
  },
  {
    name: "how often its worker was lost makes no difference to a dead letter",
    ...{ rows: "30 31", breaks: "I5", within: "a task that kills its worker" },
    edit: { deadLetter: (message, rec, ...of) => RULES.deadLetter(message, rec && { ...rec, runs: 0 }, ...of) },
  },
  { name: "a dead letter is acknowledged without a record", rows: "31", breaks: "I3", edit: atRow(/^31/, unwritten) },
  { name: "a dead letter's error callback is not sent", rows: "31", breaks: "I3", edit: atRow(/^31/, silent) },
  {
    name: "the dead-letter consumer ends what a live lease holds",
    ...{ rows: "31 32", breaks: "I2" },
    edit: {
      ...guards({ "fail unheld": (write, rec) => claimable(write, rec && { ...rec, over: true }) }),
      deadLetter: (message, rec, ...of) => RULES.deadLetter(message, rec && { ...rec, over: true }, ...of),
    },
  },
  {
    name: "a purge takes what somebody runs",
    ...{ rows: "35", breaks: "I2", within: "a purge" },
    edit: guards({ "revoke unheld": (write, rec) => claimable(write, rec) || isState(rec, "STARTED") }),
  },
  {
    name: "a purge drops its messages without a record",
    ...{ rows: "35", breaks: "I3", within: "a purge" },
    edit: { purge: (message) => unwritten(RULES.purge(message)) },
  },
  {
    name: "a purge drops the message of what runs",
    ...{ rows: "36", breaks: "I3", within: "a purge" },
    edit: { refused: (...of) => acked(RULES.refused(...of)) },
  },
];

/** Redrives of what is not a FAILURE that was never redriven, as if it were. */
const redriving = (rec: Rec | undefined, sent: readonly string[]): Plan =>
  RULES.redrive(rec && { ...rec, state: "FAILURE", value: true, redrives: 0 }, sent);

const REDRIVES: readonly Mutant[] = [
  {
    name: "a redrive is counted before it is sent",
    ...{ rows: "39", breaks: "I3", within: "redrives" },
    edit: { redriveOrder: ["write", "publish"] },
  },
  {
    name: "a redrive's id is fresh",
    ...{ rows: "39 40", breaks: "I4", within: "redrives" },
    edit: {
      redrive: (rec, sent) => {
        const { publish, ...rest } = RULES.redrive(rec, sent);
        return publish ? { ...rest, publish: { ...publish, id: publish.id + "'".repeat(sent.length) } } : rest;
      },
    },
  },
  {
    name: "a redrive is not counted",
    ...{ rows: "39", breaks: "I4", within: "redrives" },
    edit: { redrive: (rec, sent) => unwritten(RULES.redrive(rec, sent)) },
  },
  {
    name: "a redrive's count needs no condition",
    ...{ rows: "39 40", breaks: "I3", within: "redrives" },
    edit: guards({ "count redrive": () => true }),
  },
  {
    name: "what was redriven is redriven again",
    ...{ rows: "41", breaks: "I4", within: "redrives" },
    edit: {
      redrive: (rec, sent) => {
        const { publish, write, ...rest } = RULES.redrive(rec && { ...rec, redrives: 0 }, sent);
        const redrives = rec?.redrives ?? 0;
        if (publish === undefined || write === undefined) return rest;
        return { ...rest, publish: { ...publish, id: `t.redrive${redrives}` }, write: { ...write, redrives } };
      },
    },
  },
  {
    name: "what has not failed is redriven",
    ...{ rows: "42", breaks: "I3", within: "redrives" },
    edit: { redrive: (rec, sent) => (rec?.redrives ? RULES.redrive(rec, sent) : redriving(rec, sent)) },
  },
];

export const MUTANTS: readonly Mutant[] = [CLAIM, FENCE, ORDER, REFUSED, RUN, CALLERS, MESSAGES, REDRIVES].flat();
