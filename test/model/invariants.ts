// What must hold, whatever happens: of every world, or of every step from one to the next. Each says what is wrong, or nothing.
// That every task ends is not among them: explore.ts looks for it in the whole graph.
import type { Bound } from "./bounds.ts";
import type { Step } from "./moment.ts";
import { isTerminal, type Rec, type World } from "./world.ts";

type Wrong = string | undefined;

export interface Invariant {
  readonly name: string;
  readonly ofWorld?: (world: World, bound: Bound) => Wrong;
  readonly ofStep?: (before: World, step: Step, bound: Bound) => Wrong;
  /** Of a step that changed the record of `id`. */
  readonly ofRecord?: (id: string, was: Rec | undefined, is: Rec | undefined, step: Step, bound: Bound) => Wrong;
}

/** Writes that need the claim, where there is one. */
const FENCED = ["heartbeat", "succeed", "ignore", "fail", "revoke held", "retry"];

/** A message of it is on a queue, or in the hands of somebody who will settle it. */
const hasMessage = ({ messages, executions }: World, id: string) =>
  messages.some((one) => one.id === id) || executions.some((one) => one.message.id === id && !one.stale);

/** Two ids of one place in the workflow differ in a mark at their end. */
const role = (id: string) => id.replace(/'+$/, "");
const wasSent = ({ accepted }: World, id: string) => accepted.some((one) => role(one) === id);

/** How far a reader sees a task to be. */
function seen(rec: Rec | undefined): number {
  if (rec === undefined || rec.state === "PENDING") return 0;
  return isTerminal(rec) ? Number.POSITIVE_INFINITY : 1 + rec.attempt;
}

const said = (rec: Rec | undefined) => (rec ? `${rec.state} ${rec.attempt}` : "without a record");

export const INVARIANTS: readonly Invariant[] = [
  {
    name: "I1 one ending, never overwritten",
    ofRecord: (id, was, is) => {
      if (was === undefined || !isTerminal(was)) return undefined;
      const kept = is?.state === was.state && is.attempt === was.attempt && is.redrives >= was.redrives;
      if (!kept) return `${id} had ended as ${said(was)}, and is ${said(is)}`;
      return is.value && !was.value ? `what was forgotten of ${id} is back` : undefined;
    },
  },
  {
    name: "I1 one ending: what has ended does not run again",
    ofStep: ({ records, executions }, { id, uid, to }, { mode }) => {
      const isRun = (one: World["executions"][number]) => one.uid === uid && one.does === "run" && !one.stopped;
      const runs = to.executions.some(isRun) && !executions.some(isRun);
      const begins = runs && (id !== "t" || mode !== "untracked") && records[id] && isTerminal(records[id]);
      return begins ? `${id}, which is ${said(records[id])}, runs again` : undefined;
    },
  },
  {
    name: "I2 fenced: who has lost its claim writes nothing",
    ofRecord: (id, was, is, { uid, wrote }, { mode }) =>
      wrote !== undefined && FENCED.includes(wrote) && (id !== "t" || mode === "tracked") && was?.by !== uid
        ? `somebody without the claim on ${id}, which was ${said(was)}, wrote "${wrote}": ${said(is)}`
        : undefined,
  },
  {
    name: "I2 fenced: what a live lease holds is nobody else's",
    ofRecord: (id, was, is, { uid }) => {
      if (was?.state !== "STARTED" || was.over || (uid !== 0 && uid === was.by)) return undefined;
      const taken = is?.state !== was.state || (is.by !== 0 && is.by !== was.by);
      return taken ? `${id} was taken from its holder while the lease was live: ${said(is)}` : undefined;
    },
  },
  {
    name: "I3 ack last: what was accepted has ended, or has a message",
    ofWorld: (world) => {
      const lost = world.accepted.find(
        (id) => !isTerminal(world.records[id]) && !world.done.includes(id) && !hasMessage(world, id),
      );
      return lost && `${lost} is ${said(world.records[lost])}, and no message of it is left`;
    },
  },
  {
    name: "I3 ack last: what follows an ending was sent, or will be",
    ofWorld: (world, { message }) => {
      const { state, value } = world.records.t ?? {};
      if (hasMessage(world, "t") || message === "unreadable") return undefined; // nobody can tell what follows that
      if (((state === "SUCCESS" && value) || world.done.includes("t")) && !wasSent(world, "t.link"))
        return "t has succeeded, and nobody is left to send its callback";
      // Of two runs of an untracked task one may fail after the other's success has taken the message away.
      return state === "FAILURE" && !world.done.includes("t") && !wasSent(world, "t.link_error")
        ? "t has failed, and nobody is left to send its error callback"
        : undefined;
    },
  },
  {
    name: "I3 ack last: what follows, follows what is recorded",
    ofWorld: (world, { mode }) => {
      const state = world.records.t?.state;
      if (mode === "untracked") return undefined;
      if (wasSent(world, "t.link") && state !== "SUCCESS")
        return `the callback was sent, and t is ${said(world.records.t)}`;
      if (wasSent(world, "t.link_error") && state !== "FAILURE")
        return `the error callback was sent, and t is ${said(world.records.t)}`;
      if (wasSent(world, "t.redrive0") && state !== "FAILURE")
        return `t was sent again, and is ${said(world.records.t)}`;
      const redrives = world.records.t?.redrives ?? 0;
      return redrives > 0 && !wasSent(world, `t.redrive${redrives - 1}`)
        ? `a redrive of t is counted that ${world.executions.some(({ who }) => who === "operator") ? "is not sent yet" : "was never sent"}`
        : undefined;
    },
  },
  {
    name: "I4 derived ids: sent twice, it is one task",
    ofWorld: ({ accepted }) => {
      const again = accepted.find((id, i) => accepted.some((other, at) => at < i && role(other) === role(id)));
      if (again) return `${role(again)} was sent as two tasks: ${accepted.join(", ")}`;
      const redriven = accepted.filter((id) => id.startsWith("t.redrive"));
      return redriven.length > 1
        ? `t was sent again ${redriven.length} times, and nobody asked for more than one`
        : undefined;
    },
  },
  {
    name: "I4 derived ids: a redrive that was sent is counted",
    ofStep: ({ executions }, { uid, kind, to }) => {
      const isDone = kind !== "crash" && !to.executions.some((one) => one.uid === uid);
      if (!isDone || executions.find((one) => one.uid === uid)?.who !== "operator") return undefined;
      return to.records.t?.redrives === 0 ? "an operator has sent t again, and its record does not say so" : undefined;
    },
  },
  {
    name: "I5 no silence: attempts and rounds are bounded",
    ofWorld: ({ messages, records }, { limits }) => {
      const beyond = messages.find(
        ({ attempt, resends }) => attempt > limits.maxRetries || resends > limits.maxResends,
      );
      if (beyond) return `${beyond.id} goes on: attempt ${beyond.attempt}, round ${beyond.resends + 1} of deliveries`;
      const tried = Object.entries(records).find(([, { attempt }]) => attempt > limits.maxRetries);
      return tried && `${tried[0]} is ${said(tried[1])}`;
    },
  },
  {
    name: "I5 no silence: nobody leaves a claim behind",
    ofStep: ({ records }, { kind, uid, id, to }) => {
      const rec = records[id];
      const left = kind === "settle" || kind === "late delete" || kind === "refusal";
      return left && rec?.state === "STARTED" && rec.by === uid && !to.executions.some((one) => one.uid === uid)
        ? `the holder of ${id} is done, and its record is ${said(rec)} still`
        : undefined;
    },
  },
  {
    name: "I5 no silence: a task that kills its worker is not sent round again",
    ofStep: ({ records }, { rows, id }, { limits }) => {
      const { state, runs = 0, attempt = 0 } = records[id] ?? {};
      const wornOut = state === "STARTED" && runs - attempt >= limits.maxReceives;
      return rows === "30" && wornOut ? `the worker of ${id} was lost ${runs - attempt} times, and again` : undefined;
    },
  },
  {
    name: "I8 truth by id: what a reader has seen does not go back",
    ofRecord: (id, was, is, { kind }) => {
      if (kind === "read by a caller") return `a reader made ${id} ${said(is)}`;
      return seen(is) < seen(was) ? `${id} was ${said(was)}, and is ${said(is)}` : undefined;
    },
  },
  {
    name: "a revoke that was accepted is not lost",
    ofRecord: (id, was, is, { to, uid, wrote }) => {
      if (is === undefined || isTerminal(is) || !(was?.asked || is.asked)) return undefined;
      if (!is.revoke || !is.asked) return `nobody will know that ${id} is to be revoked: ${said(is)}`;
      const runs =
        wrote === "claim" && to.executions.some((one) => one.uid === uid && one.does === "run" && !one.stopped);
      return runs ? `${id} runs again, though it is to be revoked` : undefined;
    },
  },
];

/** The first that is broken by a step, and how. */
export function broken(before: World, step: Step, bound: Bound): { invariant: string; wrong: string } | undefined {
  const { to } = step;
  const ids = before.records === to.records ? [] : Object.keys({ ...before.records, ...to.records });
  for (const { name, ofWorld, ofStep, ofRecord } of INVARIANTS) {
    let wrong = ofWorld?.(to, bound) ?? ofStep?.(before, step, bound);
    for (const id of ofRecord ? ids : []) {
      const [was, is] = [before.records[id], to.records[id]];
      if (was !== is) wrong ??= ofRecord?.(id, was, is, step, bound);
    }
    if (wrong) return { invariant: name, wrong };
  }
  return undefined;
}
