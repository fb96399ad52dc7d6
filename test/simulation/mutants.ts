// The protocol with one rule taken away, each. The simulation must notice every one of them.
import type { Change, ChangeKind, Clause } from "../../lib/core/changes.ts";
import type { Decision, Settle } from "../../lib/core/decision.ts";
import type { Publication } from "../../lib/core/follow-ups.ts";
import type { RedriveDecision } from "../../lib/core/redrive.ts";
import { CLOCK_SKEW_MS } from "../../lib/defaults.ts";
import { settle } from "../../lib/worker/apply.ts";
import { type Protocol, protocol } from "../../lib/worker/execution.ts";
import type { Mutant } from "./mutant.ts";
import { isBeat, VISIBILITY } from "./names.ts";

type Edit = (change: Change) => Change;

/** Writes of these kinds go through `edit`. */
function onKinds(kinds: readonly ChangeKind[], edit: (change: Change) => Change): Edit {
  return (change) => (kinds.includes(change.kind) ? edit(change) : change);
}

/** Every clause of these kinds loses one of its conditions. */
function without(part: keyof Clause, kinds: readonly ChangeKind[], states?: string): Edit {
  return onKinds(kinds, (change) => ({
    ...change,
    when: change.when.map((clause) => {
      if (states !== undefined && clause.states?.join() !== states) return clause;
      const { [part]: _, ...rest } = clause;
      return rest;
    }),
  }));
}

/** The clauses for these states are gone: what they allowed is refused. */
function withoutClause(states: string | "absent", kinds: readonly ChangeKind[]): Edit {
  return onKinds(kinds, (change) => ({
    ...change,
    when: change.when.filter((clause) => (states === "absent" ? !clause.absent : clause.states?.join() !== states)),
  }));
}

const always = (kinds: readonly ChangeKind[]): Edit =>
  onKinds(kinds, (change) => ({ ...change, when: [{ absent: true }, {}] }));

/** A decision of this row is settled, or followed up, otherwise. */
function atRow(name: keyof Protocol, rows: RegExp, edit: (decision: Decision) => Decision): Partial<Protocol> {
  const original = protocol[name] as (...args: unknown[]) => Decision | undefined;
  return {
    [name]: (...args: unknown[]) => {
      const decision = original(...args);
      return decision && rows.test(decision.row) ? edit(decision) : decision;
    },
  };
}

const settled =
  (kind: Settle) =>
  (decision: Decision): Decision => ({ ...decision, settle: kind });
const silent = (decision: Decision): Decision => ({ ...decision, publish: [] });
const ACK: Settle = { kind: "ack" };

export const MUTANTS: readonly Mutant[] = [
  // conditions
  { name: "a claim needs no condition", change: always(["claim"]) },
  { name: "a claim is refused where there is no record", change: withoutClause("absent", ["claim", "fail"]) },
  { name: "a claim is refused where the record is PENDING", change: withoutClause("PENDING", ["claim", "fail"]) },
  { name: "a claim is refused in RETRY", change: withoutClause("RETRY", ["claim", "fail"]) },
  { name: "a claim is refused though the lease is over", change: withoutClause("STARTED", ["claim"]) },
  { name: "a claim takes a live lease", change: without("leaseOverAt", ["claim"]) },
  { name: "a claim takes a later attempt's RETRY", change: without("attemptAtMost", ["claim"], "RETRY") },
  { name: "a claim takes a later attempt's STARTED", change: without("attemptAtMost", ["claim"], "STARTED") },
  {
    name: "a takeover forgets that a revoke was requested",
    change: onKinds(["claim"], (change) => ({ ...change, set: { ...change.set, revokeRequested: undefined } })),
  },
  { name: "a finish needs no token", change: without("token", ["succeed", "fail", "retry", "revoke"]) },
  { name: "a finish needs no state", change: without("states", ["succeed", "fail", "retry", "revoke"]) },
  {
    name: "a finish without a claim goes back to an earlier attempt",
    change: without("attemptAtMost", ["succeed", "fail", "retry"]),
  },
  { name: "a retry ignores a request to revoke", change: without("notRevokeRequested", ["retry"]) },
  { name: "a revoke ends what has ended", change: always(["revoke"]) },
  {
    name: "a revoke by a reader ends what runs",
    change: onKinds(["revoke"], (c) => ({ ...c, when: [...c.when, { states: ["STARTED"] }] })),
  },
  { name: "a repeated publish starts over", change: always(["record-pending"]) },
  {
    name: "a heartbeat does not extend the lease",
    change: onKinds(["heartbeat"], (change) => ({ ...change, when: [{ absent: true }] })),
  },
  { name: "a heartbeat needs no token", change: without("token", ["heartbeat"]) },
  {
    name: "forget leaves no tombstone",
    change: onKinds(["forget"], (change) => ({ ...change, set: { ...change.set, state: "PENDING", attempt: 0 } })),
  },
  {
    name: "forget needs no ending",
    change: onKinds(["forget"], (c) => ({ ...c, when: [{ absent: true }, {}], set: { ...c.set, state: "SUCCESS" } })),
  },
  // rows
  { name: "an early message runs at once", protocol: { decideEarly: () => undefined } },
  { name: "an early message is acknowledged without a hop", protocol: atRow("decideEarly", /./, silent) },
  {
    name: "an expired message is acknowledged without a record",
    protocol: atRow("decideExpired", /./, ({ change: _, ...rest }) => rest),
  },
  {
    name: "a purged message is acknowledged without a record",
    protocol: atRow("decidePurged", /./, ({ change: _, ...rest }) => rest),
  },
  {
    name: "a purge takes what somebody runs",
    protocol: atRow("decidePurged", /./, (decision) => ({
      ...decision,
      ...(decision.change && {
        change: { ...decision.change, when: [...decision.change.when, { states: ["STARTED"] }] },
      }),
    })),
  },
  {
    name: "a terminal record's follow-ups are not repeated",
    protocol: atRow("decideRefused", /already ended/, silent),
  },
  {
    name: "that what follows was sent again is noted before it is",
    protocol: atRow("decideRefused", /already ended/, ({ note, ...decision }) => ({
      ...decision,
      ...(note && { change: note }),
    })),
  },
  {
    name: "a record says from its ending on that what follows was sent again",
    change: onKinds(["succeed", "fail"], (change) => ({ ...change, set: { ...change.set, followed: true } })),
  },
  {
    name: "a terminal record's message is never acknowledged",
    protocol: atRow("decideRefused", /already ended/, settled({ kind: "leave" })),
  },
  { name: "a lost next attempt is not published again", protocol: atRow("decideRefused", /retry ahead/, silent) },
  {
    name: "a message refused by a live lease is acknowledged",
    protocol: atRow("decideRefused", /live lease/, settled(ACK)),
  },
  {
    name: "a message refused in a race is acknowledged",
    from: 365,
    protocol: atRow("decideRefused", /changed meanwhile/, settled(ACK)),
  },
  { name: "a success publishes no callbacks", protocol: atRow("decide", /^success/, silent) },
  { name: "a failure publishes no error callbacks", protocol: atRow("decide", /^failure/, silent) },
  { name: "a retry publishes no next attempt", protocol: atRow("decide", /^retry$/, silent) },
  {
    name: "a record forgets the arguments a retry asked for",
    change: onKinds(["retry"], (change) => ({ ...change, set: { ...change.set, retryArgs: undefined } })),
  },
  { name: "a retry writes no record", protocol: atRow("decide", /^retry$/, ({ change: _, ...rest }) => rest) },
  { name: "a requeue acknowledges its message", protocol: atRow("decide", /requeued/, settled(ACK)) },
  { name: "a requeue writes no record", protocol: atRow("decide", /requeued/, ({ change: _, ...rest }) => rest) },
  {
    name: "exhausted retries go on",
    protocol: atRow("decide", /retries exhausted/, (d) => ({ ...d, ...{ change: undefined } }) as unknown as Decision),
  },
  {
    name: "a dead letter that nobody claimed is dropped",
    protocol: atRow("decideDeadLetter", /never claimed/, silent),
  },
  {
    name: "a dead letter that nobody could finish is dropped",
    protocol: atRow("decideDeadLetter", /never finished/, silent),
  },
  {
    name: "a dead letter is acknowledged without a record",
    protocol: atRow("decideDeadLetter", /^dead letter$/, ({ change: _, ...rest }) => rest),
  },
  {
    name: "a dead letter's error callbacks are not published",
    protocol: atRow("decideDeadLetter", /^dead letter$/, silent),
  },
  {
    name: "a claim whose answer was lost is not recognised",
    change: onKinds(["claim"], (change) => ({ ...change, set: { ...change.set, token: `${change.set.token}'` } })),
  },
  {
    name: "a task whose payload store was down is acknowledged",
    protocol: atRow("decide", /payload unavailable/, settled(ACK)),
  },
  {
    name: "the results of two executions share a key",
    protocol: atRow("decide", /^success/, ({ put, change, ...rest }) => {
      if (put === undefined || change === undefined) return { ...rest, ...(change && { change }) };
      const ref = { ...put.ref, key: put.ref.key.slice(0, put.ref.key.lastIndexOf(".")) };
      return { ...rest, put: { ...put, ref }, change: { ...change, set: { ...change.set, resultRef: ref } } };
    }),
  },
  {
    name: "a retry loses the reference to its arguments",
    protocol: atRow("decide", /^retry$/, (decision) => ({
      ...decision,
      publish: decision.publish.map((one) => {
        const { argsRef: _, ...envelope } = one.envelope;
        return { ...one, envelope };
      }),
    })),
  },
  // lines of descent
  {
    name: "a callback one too far is sent all the same",
    protocol: publishing(({ overHops: _, ...publication }) => publication),
  },
  {
    name: "a callback begins a new line",
    protocol: publishing((publication) => {
      const { hops: _, ...envelope } = publication.envelope;
      return envelope.task === "callback" ? { ...publication, envelope } : publication;
    }),
  },
  {
    name: "a retry begins a new line",
    protocol: atRow("decide", /^retry$/, (decision) => ({
      ...decision,
      publish: decision.publish.map(({ envelope: { hops: _, ...envelope }, ...rest }) => ({ ...rest, envelope })),
    })),
  },
  // redrives
  {
    name: "a failure does not keep its message",
    change: onKinds(["fail"], (change) => ({ ...change, set: { ...change.set, body: undefined } })),
  },
  { name: "a redrive's count needs no condition", change: always(["count-redrive"]) },
  {
    name: "a redrive is not counted",
    change: onKinds(["count-redrive"], (change) => ({ ...change, set: {} })),
  },
  {
    name: "a redrive has an id that is not derived",
    protocol: redriven((decision) => ({
      ...decision,
      envelope: { ...decision.envelope, id: `${decision.envelope.id}${++operators}` },
    })),
  },
  {
    name: "a redrive goes on with the attempt that failed",
    protocol: redriven((decision) => ({ ...decision, envelope: { ...decision.envelope, retries: 1 } })),
  },
  {
    name: "what was redriven is redriven again",
    protocol: { decideRedrive: (id, record, _, key) => protocol.decideRedrive(id, record, { again: true }, key) },
  },
  {
    name: "a redrive is counted before it is sent",
    protocol: {
      sendAndCount: async (decision, deps) => {
        await deps.store.write(decision.count);
        return protocol.sendAndCount(decision, deps);
      },
    },
  },
  // order
  {
    name: "a record is written before the object it refers to",
    protocol: ordered("write", "put", "publish", "settle"),
  },
  { name: "the message is acknowledged first", protocol: ordered("settle", "write", "publish") },
  { name: "follow-ups are published before the record is written", protocol: ordered("publish", "write", "settle") },
  {
    name: "the message is acknowledged before the follow-ups are out",
    protocol: ordered("write", "settle", "publish"),
  },
  {
    name: "a dead letter that is sent again says nothing of it",
    protocol: atRow("decideDeadLetter", /never claimed/, ({ change: _, ...rest }) => rest),
  },
  {
    name: "an overdue next attempt that is sent again says nothing of it",
    from: 1_245,
    protocol: atRow("decideRefused", /retry ahead/, ({ change: _, ...rest }) => rest),
  },
  // messages
  {
    name: "a message that cannot be read is dropped",
    protocol: applying((decision) => (decision.row === "unreadable, no id" ? { ...decision, settle: ACK } : decision)),
  },
  {
    name: "a message that cannot be read is acknowledged without a record",
    protocol: applying((decision) => {
      const { change: _, ...rest } = decision;
      return decision.row === "unreadable" ? rest : decision;
    }),
  },
  {
    name: "an unknown task is acknowledged without a record",
    protocol: atRow("decideUnrunnable", /^unrunnable$/, ({ change: _, ...rest }) => rest),
  },
  {
    name: "an unknown task is given back for ever",
    protocol: atRow("decideUnrunnable", /^unrunnable$/, givenBackForEver),
  },
  {
    name: "a heartbeat goes on when its message has been given back",
    broker: (broker, clock) => ({
      ...broker,
      changeVisibility: async (delivery, seconds) => {
        const answer = await broker.changeVisibility(delivery, seconds);
        if (!isBeat(seconds))
          clock.timer(500, () => void broker.changeVisibility(delivery, VISIBILITY).catch(() => {}));
        return answer;
      },
    }),
  },
  {
    name: "a function reports nothing as failed",
    response: () => ({ batchItemFailures: [] }),
  },
  // clocks
  {
    name: "a lease is over at once where it ends, whatever the clocks",
    change: onKinds(["claim"], (change) => ({
      ...change,
      when: change.when.map((clause) =>
        clause.leaseOverAt === undefined ? clause : { ...clause, leaseOverAt: clause.leaseOverAt + CLOCK_SKEW_MS },
      ),
    })),
  },
  // hooks
  {
    name: "an ending that another execution recorded is announced again",
    protocol: atRow("decideRefused", /already ended/, (decision) => ({
      ...decision,
      ending: { kind: "success", result: undefined },
    })),
  },
  {
    name: "an ending is announced though its write was refused",
    protocol: {
      apply: (decision, delivery, workload, refused, deps, steps) =>
        protocol.apply(decision, delivery, workload, refused, deps, {
          ...steps,
          recorded: () => steps?.recorded?.(decision),
        }),
    },
  },
];

/** Makes ids that are not derived differ. */
let operators = 0;

/** What is to be sent again is sent otherwise. */
function redriven(edit: (decision: Extract<RedriveDecision, { kind: "send" }>) => RedriveDecision): Partial<Protocol> {
  return {
    decideRedrive: (...args) => {
      const decision = protocol.decideRedrive(...args);
      return decision.kind === "send" ? edit(decision) : decision;
    },
  };
}

/** What may go wrong in the batching layer alone: run where claims and endings are batched. */
export const BATCH_MUTANTS: readonly Mutant[] = [
  {
    name: "a thrown batch counts as done",
    execute: (execute) => (batch) => execute(batch).catch(() => batch.map(() => "done")),
  },
  {
    name: "a refused statement counts as done",
    execute: (execute) => async (batch) => (await execute(batch)).map(() => "done"),
  },
  {
    name: "answers come in another order",
    execute: (execute) => async (batch) => [...(await execute(batch))].reverse(),
  },
  { name: "an INSERT overwrites", statement: always(["claim"]) },
  { name: "an ending's statement needs no token", statement: without("token", ["succeed", "fail", "retry", "revoke"]) },
  {
    name: "an ending's statement needs no state",
    statement: without("states", ["succeed", "fail", "retry", "revoke"]),
  },
  { name: "a retry's statement ignores a request to revoke", statement: without("notRevokeRequested", ["retry"]) },
];

function givenBackForEver(decision: Decision): Decision {
  return { row: decision.row, publish: [], settle: { kind: "release", seconds: 10 } };
}

/** What is applied is changed. */
function applying(edit: (decision: Decision) => Decision): Partial<Protocol> {
  return {
    apply: (decision, delivery, workload, refused, deps, steps) =>
      protocol.apply(edit(decision), delivery, workload, (existing) => edit(refused(existing)), deps, steps),
  };
}

/** Throws where there is none of that name. */
export function mutantNamed(name: string): Mutant {
  const all = [...MUTANTS, ...BATCH_MUTANTS];
  const found = all.find((mutant) => mutant.name === name);
  if (found === undefined)
    throw new Error(`there is no mutant "${name}"; there are\n  ${all.map((one) => one.name).join("\n  ")}`);
  return found;
}

/** `apply`, with what it publishes changed. */
function publishing(edit: (publication: Publication) => Publication): Partial<Protocol> {
  return applying((decision) => ({ ...decision, publish: decision.publish.map(edit) }));
}

/** `apply` with its effects in another order. Unless it is named, the payload is put first. */
function ordered(...order: readonly ("put" | "write" | "publish" | "settle")[]): Partial<Protocol> {
  return {
    apply: async (decision, delivery, workload, refused, deps) => {
      let current = decision;
      const effects = {
        put: async () => {
          if (decision.put) await deps.payloads?.store.put(decision.put);
        },
        write: async () => {
          while (current.change) {
            const answer = await deps.store.write(current.change);
            if (answer.applied) return;
            current = refused(answer.existing);
          }
        },
        publish: () =>
          protocol.apply(
            { row: "", publish: current.publish, settle: { kind: "leave" } },
            delivery,
            workload,
            refused,
            deps,
          ),
        settle: () => settle(current.settle, delivery, workload, deps),
      };
      if (!order.includes("put")) await effects.put();
      for (const effect of order) await effects[effect]();
      return current;
    },
  };
}
