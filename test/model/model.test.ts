// The model holds within its bounds, it is the table's, and it is the code's.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { applied, type Change, holds } from "../../lib/core/changes.ts";
import { decideDeadLetter } from "../../lib/core/dead-letter.ts";
import * as decisions from "../../lib/core/decide.ts";
import type { Decision, Received } from "../../lib/core/decision.ts";
import { decidePurged } from "../../lib/core/purge.ts";
import { decideRedrive } from "../../lib/core/redrive.ts";
import type { Delivery } from "../../lib/ports/broker.ts";
import { apply } from "../../lib/worker/apply.ts";
import type { DecisionDeps } from "../../lib/worker/execution.ts";
import { sendAndCount } from "../../lib/worker/redrive.ts";
import { BOUNDS } from "./bounds.ts";
import { type Exploration, explore } from "./explore.ts";
import { FIRST_MESSAGE } from "./moment.ts";
import { MUTANTS } from "./mutants.ts";
import {
  circumstances,
  gistOfPlan,
  gistOfReal,
  KEY,
  modelRecord,
  NOW,
  policyOf,
  realChange,
  realOutcome,
  realRecord,
  received,
  tokenOf,
  untimely,
} from "./real.ts";
import { Recording } from "./recording.ts";
import { RULES } from "./rules.ts";
import { type Effect, isTerminal, type Plan } from "./world.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const recording = new Recording();
const { met } = recording;
const explored = new Map<string, Exploration>();

beforeAll(() => {
  for (const bound of BOUNDS) explored.set(bound.name, explore(bound, recording.rules));
}, 120_000);

describe("within its bounds the model keeps every invariant:", () => {
  test.each(BOUNDS)("$name", ({ name }) => {
    const found = explored.get(name);
    expect(found?.states).toBeGreaterThan(100);
    const violation = found?.violation;
    expect(violation && [violation.invariant, violation.wrong, ...violation.trace]).toBeUndefined();
  });

  test("docs/model.md says what they are, and how many states that makes", () => {
    const rows = read("docs/model.md").match(/^\| .* \| \d \| [\d,]+ \| [\d,]+ \| \d+ \|$/gm);
    const n = (count: number) => count.toLocaleString("en");
    const counted = BOUNDS.map(({ name, faults }) => {
      const { states = 0, transitions = 0, depth = 0 } = explored.get(name) ?? {};
      return `| ${name} | ${faults} | ${n(states)} | ${n(transitions)} | ${depth} |`;
    });
    console.info(`the model, explored:\n${counted.join("\n")}`);
    expect(rows).toEqual(counted);
  });

  test("everything that can happen does", () => {
    const kinds = new Set([...explored.values()].flatMap((one) => [...one.kinds]));
    expect([...kinds].sort()).toEqual([
      ...["claim", "crash", "dead letter", "dead letter stays", "duplicate", "forget", "heartbeat", "late delete"],
      ...["lease over", "lost answer", "outcome", "pause", "publish", "read", "read by a caller", "receive"],
      ...["redrive", "refusal", "revoke", "settle", "skew", "write"],
    ]);
  });
});

describe("the table and the model name the same rows:", () => {
  /** Rows that no step of the model carries out, and why. */
  const OUTSIDE: Readonly<Record<string, string>> = {
    "18a": "row 12 with another state, by the condition of row 15; what begins then are other tasks",
    "23": "what `progress()` writes is data that no rule reads; its condition is the heartbeat's, row 22",
  };
  /** Rows that no mutant can take away, and why. */
  const WITHOUT_MUTANT: Readonly<Record<string, string>> = {
    "17a": "row 14 with another cause",
    "17b": "row 17 with another cause and another pause",
    "17c": "row 12 with its value in another place",
    "18a": OUTSIDE["18a"] as string, // above
    "21": "a fault: there is nothing to leave out",
    "23": OUTSIDE["23"] as string, // two lines above
    "34": "nothing is done: a message that nobody can read waits for a human",
  };
  const table = [...read("docs/protocol.md").matchAll(/^\| (?<row>\d+[a-z]?) \|/gm)].map((match) => match.groups?.row);

  test("every row is found", () => {
    expect(table.length).toBeGreaterThan(40);
  });

  test("every row of docs/protocol.md is taken in the model, or is outside of it for a reason", () => {
    const taken = new Set([...explored.values()].flatMap((one) => [...one.rows]));
    taken.delete("");
    expect(new Set([...taken, ...Object.keys(OUTSIDE)])).toEqual(new Set(table));
    expect(Object.keys(OUTSIDE).filter((row) => taken.has(row))).toEqual([]);
  });

  test("every row has a mutant, or a reason to have none", () => {
    const rows = new Set(MUTANTS.flatMap((mutant) => mutant.rows.split(" ")));
    expect(new Set([...rows, ...Object.keys(WITHOUT_MUTANT)])).toEqual(new Set(table));
    expect(Object.keys(WITHOUT_MUTANT).filter((row) => rows.has(row))).toEqual([]);
  });
});

describe("the code does what the model does", () => {
  const mine = { token: 1, mode: "tracked" } as const;
  const last = ({ rows }: Plan) => rows.split(" ").at(-1);
  const first = ({ rows }: Plan) => rows.split(" ")[0];

  /** All at once, and the first that differ are shown. */
  function same<T>(all: readonly T[], differs: (one: T) => readonly [model: unknown, code: unknown]): void {
    expect(all.length).toBeGreaterThan(0);
    const pairs = all.map((one) => ({ one, pair: differs(one) }));
    const wrong = pairs.filter(({ pair: [model, code] }) => !equal(model, code));
    expect(wrong.slice(0, 3).map(({ one, pair: [model, code] }) => ({ one, model, code }))).toEqual([]);
  }
  const equal = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
  const gists = (plan: Plan, row: string | undefined, message: Received, decision: Decision, mode = mine.mode) =>
    [gistOfPlan(plan, row, message.envelope.id, { token: 1, mode }), gistOfReal(decision, message)] as const;

  test("every write that was tried on a record is allowed by both, or by neither", () => {
    same(met.guards, ({ of: [write, rec], answer }) => [
      answer,
      holds(realChange("t", write).when, realRecord("t", rec)),
    ]);
    expect(new Set(met.guards.map(({ of: [write], answer }) => `${write.kind} ${answer}`)).size).toBeGreaterThan(20);
  });

  test("every write leaves the same record", () => {
    same(met.written, ({ of: [write, rec], answer: { by: _, asked: __, ...answer } }) => {
      const { state, attempt, redrives, token, over, last, runs, revoke, rejected, value } = answer;
      const code = modelRecord(applied(realChange("t", write), realRecord("t", rec)));
      return [{ state, attempt, redrives, token, over, last, runs, revoke, rejected, value }, code];
    });
  });

  test("every record that refuses a message decides the same of it", () => {
    same(met.decisions.refused, ({ of: [message, rec, ranOut], answer }) => {
      const from = received(message);
      const decision = decisions.decideRefused(from, realRecord("t", rec), circumstances(ranOut));
      return gists(answer, last(answer), from, decision);
    });
  });

  test("every record that refuses a run's end decides the same of it", () => {
    same(met.decisions.writeRefused, ({ of: [message, rec, token, ranOut], answer }) => {
      const from = received(message);
      const policy = policyOf({ maxRetries: 1 });
      const decision = decisions.decideWriteRefused(
        ...([realRecord("t", rec), from, mine.mode, tokenOf(token), policy, circumstances(ranOut)] as const),
      );
      // The code says row 18 of what comes of row 19.
      const row = answer.rows === "19" ? "18" : last(answer);
      const plan = gistOfPlan(answer, row, message.id, { token, mode: mine.mode });
      return [plan, gistOfReal(decision, from)];
    });
  });

  test("every end of a run decides the same", () => {
    same(met.decisions.outcome, ({ of: [outcome, message, mode, limits], answer }) => {
      const from = received(message);
      const policy = policyOf(limits);
      const decision = decisions.decide(realOutcome(outcome), from, mode, tokenOf(1), policy, circumstances());
      return [gistOfPlan(answer, first(answer), message.id, { token: 1, mode }), gistOfReal(decision, from)];
    });
  });

  test("every dead letter decides the same", () => {
    same(met.decisions.deadLetter, ({ of: [message, rec, mode, limits], answer }) => {
      const from = { ...received(message, limits), maxReceiveCount: limits.maxReceives };
      const decision = decideDeadLetter(
        ...([from, realRecord("t", rec), mode, tokenOf(1), policyOf(limits), circumstances()] as const),
      );
      return [gistOfPlan(answer, last(answer), message.id, mine, limits), gistOfReal(decision, from)];
    });
  });

  test("every message that is not to be started decides the same; who cannot read one decides without a record", () => {
    const readable = met.decisions.place.filter(({ of: [{ kind }] }) => kind !== "unreadable" && kind !== "nameless");
    same(readable, ({ of: [message, circumstance, limits], answer }) => {
      const now = circumstances();
      const policy = policyOf(limits);
      if (circumstance === "due") {
        const from = received(message);
        const decision =
          decisions.decideExpired(from, policy, now, tokenOf(1)) ?? decisions.decideEarly(from, now) ?? null;
        return [answer ?? null, decision];
      }
      const from = circumstance === "unknown task" ? received(message, limits) : untimely(message, circumstance);
      const failure = { type: "NotRegistered", message: "" };
      const decision =
        circumstance === "unknown task"
          ? decisions.decideUnrunnable(from, failure, policy, now, tokenOf(1), circumstance)
          : (decisions.decideExpired(from, policy, now, tokenOf(1)) ?? decisions.decideEarly(from, now));
      if (answer === undefined || decision === undefined) return [answer ?? "nothing", decision ?? "nothing"];
      const rounds = circumstance === "unknown task" ? limits : undefined;
      return [gistOfPlan(answer, answer.rows, message.id, mine, rounds), gistOfReal(decision, from)];
    });
  });

  test("every message that is purged decides the same", () => {
    same(met.decisions.purge, ({ of: [message], answer }) => {
      const from = received(message);
      return gists(
        answer,
        answer.rows,
        from,
        decidePurged(from, policyOf({ maxRetries: 1 }), circumstances(), tokenOf(1)),
      );
    });
  });

  test("every redrive is sent, left alone or refused by both, under one id for one count", () => {
    const ids = new Map<string, Set<string>>();
    same(met.decisions.redrive, ({ of: [rec], answer }) => {
      const decision = decideRedrive("t", realRecord("t", rec), { again: false }, KEY);
      if (decision.kind !== "send") return [answer.rows, decision.kind === "refused" ? "42" : "41"];
      const { envelope, count } = decision;
      const planned = answer.publish?.id ?? "nothing";
      ids.set(planned, (ids.get(planned) ?? new Set()).add(envelope.id));
      const write = answer.write && realChange("t", { ...answer.write, ...mine });
      return [
        [answer.rows, answer.publish?.attempt, write?.when, write?.set],
        ["39", envelope.retries, count.when, count.set],
      ];
    });
    expect([...ids].map(([id, real]) => [id, real.size])).toEqual([["t.redrive0", 1]]);
  });

  test("effects come in the same order", async () => {
    const done: Effect[] = [];
    const did = (effect: Effect) => async () => {
      done.push(effect);
    };
    const written = (change: Change) => {
      done.push("write");
      return applied(change, undefined);
    };
    const { envelope, workload } = received(FIRST_MESSAGE);
    const deps = {
      store: { write: async (change: Change) => ({ applied: true, record: written(change) }) },
      broker: { send: did("publish"), delete: did("settle") },
      clock: { now: () => NOW },
      queue: () => "duckling-default",
    } as unknown as DecisionDeps; // all that is called of them
    const decision = decisions.decide(
      ...([realOutcome("success"), received(FIRST_MESSAGE), "tracked", "mine", policyOf({ maxRetries: 1 })] as const),
      circumstances(),
    );
    const delivery = { queue: "", messageId: "", body: "", receiptHandle: "", receiveCount: 1 } as unknown as Delivery; // settled, not read
    await apply(decision, delivery, workload, () => decision, deps);
    expect(done.splice(0)).toEqual(RULES.order);

    const count = realChange("t", { kind: "count redrive", attempt: 0, ...mine });
    await sendAndCount({ kind: "send", workload, envelope, count }, deps);
    expect(done).toEqual(RULES.redriveOrder);
  });

  test("a callback has one id, whoever sends it", () => {
    const message = received({ id: "t", kind: "plain", attempt: 0, receives: 1, resends: 0, dead: false });
    const ended = met.written.map(({ answer }) => answer).filter((rec) => isTerminal(rec) && rec.value);
    const ids = new Map<string, Set<string>>();
    const sent = (decision: Decision) => {
      for (const { envelope } of decision.publish)
        ids.set(envelope.task, (ids.get(envelope.task) ?? new Set()).add(envelope.id));
    };
    for (const outcome of ["success", "failure"] as const)
      sent(
        decisions.decide(
          realOutcome(outcome),
          message,
          "tracked",
          "mine",
          policyOf({ maxRetries: 1 }),
          circumstances(),
        ),
      );
    for (const rec of ended) sent(decisions.decideRefused(message, realRecord("t", rec), circumstances()));
    expect([...ids].map(([task, real]) => [task, real.size])).toEqual([
      ["callback", 1],
      ["error_callback", 1],
    ]);
  });
});
