// The checker can fail: each piece of evidence here is doctored in one place, and it says so.
import { describe, expect, it } from "vitest";
import { derivedId, freshId, idKey } from "../../lib/core/ids.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import { check, type Verdict } from "./checker.ts";
import type { Evidence } from "./evidence.ts";
import type { Accepted, Effect, FaultLine, Mode } from "./lines.ts";
import { percentile } from "./recovery.ts";
import type { StoredTask } from "./table.ts";

const KEY = idKey("chaos");
const AT = Date.UTC(2026, 10, 21);
const random = seededRandom(1);
const newId = () =>
  freshId(
    KEY,
    AT,
    Uint8Array.from({ length: 10 }, () => random() * 256),
  );

const TASKS: Readonly<Record<Mode, string>> = {
  tracked: "io",
  unclaimed: "light",
  untracked: "ignored",
  unreadable: "unreadable",
};

function accepted(id: string, mode: Mode, more: Partial<Accepted> = {}): Accepted {
  return { at: AT, id, task: TASKS[mode], mode, work: { ms: 5, ends: "value" }, ...more };
}

function begin(id: string, run: string, at: number, mode: Mode = "tracked", worker = 1): Effect {
  return { at: AT + at, what: "begin", run, id, attempt: 0, task: TASKS[mode], pid: worker, worker };
}

const end = (run: string, at: number, how: "value" | "error" = "value"): Effect => ({
  at: AT + at,
  what: "end",
  run,
  how,
});
const success = (id: string, run: string, at: number): Effect => ({
  at: AT + at,
  what: "recorded",
  id,
  state: "SUCCESS",
  run,
});

/** One run of a task, from its beginning to its recorded end 100 ms later. */
function ran(id: string, run: string, at = 0, mode: Mode = "tracked", worker = 1): readonly Effect[] {
  return [begin(id, run, at, mode, worker), end(run, at + 100), success(id, run, at + 101)];
}

function stored(id: string, run: string, more: Partial<StoredTask> = {}): StoredTask {
  return { id, state: "SUCCESS", attempt: 0, token: `token of ${run}`, endedAt: AT + 101, run, ...more };
}

const byId = (tasks: readonly StoredTask[]) => new Map(tasks.map((task) => [task.id, task]));

function evidence(more: Partial<Omit<Evidence, "records" | "sightings">>, records: readonly StoredTask[]): Evidence {
  return {
    ...{ accepted: [], unconfirmed: [], effects: [], faults: [], queues: [] },
    ...more,
    records: byId(records),
    sightings: byId(records.filter(({ state }) => state === "SUCCESS")),
  };
}

const verdictOf = (one: Evidence) => check(one, KEY);
const kinds = ({ problems }: Verdict) => problems.map(({ kind, id }) => [kind, id]);

describe("a run in which everything went well", () => {
  const [a, b, c, parent] = [newId(), newId(), newId(), newId()];
  const callback = derivedId(KEY, parent, "link:0");
  const fine = evidence(
    {
      accepted: [
        accepted(a, "tracked"),
        accepted(b, "unclaimed"),
        accepted(c, "untracked"),
        accepted(parent, "tracked", { link: true }),
        accepted("unreadable-7", "unreadable", { task: "unreadable, no id" }),
      ],
      effects: [
        ...ran(a, "a1"),
        ...ran(b, "b1", 0, "unclaimed"),
        ...ran(c, "c1", 0, "untracked"),
        ...ran(parent, "p1"),
        { ...begin(callback, "k1", 200), got: "p1" } as Effect, // a beginning has it
        end("k1", 201),
        success(callback, "k1", 202),
      ],
      queues: [{ name: "chaos-default-dead", messages: [{ messageId: "m", body: "unreadable-7: not JSON" }] }],
    },
    [stored(a, "a1"), stored(b, "b1"), stored(parent, "p1"), stored(callback, "k1")],
  );

  it("has no problem, and counts", () => {
    const verdict = verdictOf(fine);

    expect(verdict.problems).toEqual([]);
    expect(verdict).toMatchObject({ accepted: 5, terminal: 5, owed: 1, ranMoreThanOnce: 0, recovery: [] });
    expect(verdict.endings).toEqual({ SUCCESS: 4 });
  });

  it.each([
    ["a record that is gone", a, { state: undefined }],
    ["one left in STARTED", a, { state: "STARTED" }],
    ["one left in RETRY", b, { state: "RETRY" }],
    ["a callback that was never sent", callback, { state: undefined }],
  ] as const)("%s: lost", (_, id, { state }) => {
    const records = new Map(fine.records);
    if (state === undefined) records.delete(id);
    else records.set(id, stored(id, "", { state }));
    const sightings = new Map([...fine.sightings].filter(([seen]) => seen !== id));
    const effects = fine.effects.filter((effect) => !("id" in effect && effect.id === callback));

    expect(kinds(verdictOf({ ...fine, effects, records, sightings }))).toContainEqual(["lost", id]);
  });

  it("a task whose result nobody wants is lost where none of its runs returned", () => {
    const effects = fine.effects.filter((effect) => !(effect.what === "end" && effect.run === "c1"));

    expect(kinds(verdictOf({ ...fine, effects }))).toEqual([["lost", c]]);
  });

  it("an unreadable message that is not kept aside is lost", () => {
    expect(kinds(verdictOf({ ...fine, queues: [] }))).toEqual([["lost", "unreadable-7"]]);
  });

  it("a message that somebody could read is left", () => {
    const queues = [...fine.queues, { name: "chaos-default", messages: [{ messageId: "m2", body: "{}" }] }];

    expect(kinds(verdictOf({ ...fine, queues }))).toEqual([["left", "m2"]]);
  });

  it("a send that nobody confirmed may be absent, and has to end where it is there", () => {
    const [absent, there, announced] = [newId(), newId(), "chosen-1"];
    const unconfirmed = [absent, there, announced].map((id) => ({ at: AT, id, error: "BrokerUnavailable" }));
    const states = [stored(there, "", { state: "STARTED" }), stored(announced, "", { state: "PENDING" })];
    const records = new Map([...fine.records, ...byId(states)]);

    expect(kinds(verdictOf({ ...fine, unconfirmed, records }))).toEqual([["lost", there]]);
    expect(kinds(verdictOf({ ...fine, records }))).toContainEqual(["lost", announced]);
  });

  it("a record that was written over is a second ending", () => {
    const sightings = new Map([...fine.sightings, [a, stored(a, "a0", { token: "another" })] as const]);

    expect(kinds(verdictOf({ ...fine, sightings }))).toEqual([["finished twice", a]]);
  });

  it("two recorded endings are a second ending", () => {
    expect(kinds(verdictOf({ ...fine, effects: [...fine.effects, success(b, "b1", 150)] }))).toEqual([
      ["finished twice", b],
    ]);
  });

  it("a callback that got another result is a second ending", () => {
    const effects = fine.effects.map((effect) =>
      effect.what === "begin" && effect.run === "k1" ? { ...effect, got: "p0" } : effect,
    );

    expect(kinds(verdictOf({ ...fine, effects }))).toEqual([["finished twice", parent]]);
  });

  it("a result of a run that never was is wrong", () => {
    const made = stored(a, "nobody");
    const [records, sightings] = [fine.records, fine.sightings].map((map) => new Map([...map, [a, made] as const]));

    expect(
      kinds(verdictOf({ ...fine, records: records ?? fine.records, sightings: sightings ?? fine.sightings })),
    ).toEqual([["wrong", a]]);
  });
});

describe("a task that ran again", () => {
  const id = newId();
  /** Begun by worker 1, and 20 s later by worker 2, which ended it. */
  const twice = (mode: Mode, faults: readonly FaultLine[]) =>
    evidence(
      {
        accepted: [accepted(id, mode)],
        effects: [begin(id, "r1", 0, mode), ...ran(id, "r2", 20_000, mode, 2)],
        faults,
      },
      mode === "untracked" ? [] : [stored(id, "r2", { endedAt: AT + 20_101 })],
    );
  const fault = (kind: string, at: number, more: Partial<FaultLine> = {}): FaultLine => ({
    at: AT + at,
    kind,
    ...more,
  });
  const ofSqs = (kind: string, operation: string, at = 1_000) =>
    fault(kind, at, { service: "sqs", operation, ids: [id] });
  const ofDynamodb = (kind: string, at = 1_000) =>
    fault(kind, at, { service: "dynamodb", operation: "UpdateItem", ids: [id] });

  it.each<[string, Mode, FaultLine[]]>([
    ["nothing", "tracked", []],
    ["nothing", "untracked", []],
    ["the death of another worker", "tracked", [fault("kill", 1_000, { pid: 3 })]],
    ["its worker's death long before", "tracked", [fault("kill", -10_000, { pid: 1 })]],
    ["its worker's death after it", "tracked", [fault("kill", 30_000, { pid: 1 })]],
    ["a short delay", "tracked", [ofDynamodb("delay")]],
    ["a fault about another task", "unclaimed", [{ ...ofSqs("duplicate", "SendMessageBatch"), ids: [newId()] }]],
    ["a message sent twice, which a claim holds off", "tracked", [ofSqs("duplicate", "SendMessageBatch")]],
    ["a message not deleted, which a claim holds off", "tracked", [ofSqs("drop_before", "DeleteMessageBatch")]],
    ["an outage of SQS, which a claim holds off", "tracked", [fault("outage_sqs", 1_000, { until: AT + 5_000 })]],
    ["a send that was not heard", "unclaimed", [ofSqs("drop_before", "SendMessageBatch", -5_000)]],
    ["a poll that was not heard", "untracked", [ofSqs("drop_before", "ReceiveMessage")]],
  ])("is not explained by %s (%s)", (_, mode, faults) => {
    const verdict = verdictOf(twice(mode, faults));

    expect(kinds(verdict)).toEqual([["unexplained", id]]);
    expect(verdict.ranMoreThanOnce).toBe(1);
  });

  it.each<[string, Mode, FaultLine]>([
    ["its worker's death", "tracked", fault("kill", 1_000, { pid: 1 })],
    ["a pause of its worker", "tracked", fault("stop", -500, { pid: 1, until: AT + 25_000 })],
    ["an end of its write that nobody heard", "tracked", ofDynamodb("drop_after")],
    ["an outage of DynamoDB", "tracked", fault("outage_dynamodb", -1_000, { until: AT + 3_000 })],
    ["a restart of DynamoDB", "tracked", fault("restart_dynamodb", 500, { until: AT + 600 })],
    ["a message sent twice, any time before", "unclaimed", ofSqs("duplicate", "SendMessageBatch", -60_000)],
    ["a message not deleted", "untracked", ofSqs("drop_before", "DeleteMessageBatch")],
    ["an outage of SQS", "untracked", fault("outage_sqs", 1_000, { until: AT + 5_000 })],
  ])("is explained by %s (%s)", (_, mode, cause) => {
    const verdict = verdictOf(twice(mode, [cause]));

    expect(verdict.problems).toEqual([]);
    expect(verdict.explainedBy).toEqual({ [`${mode}: ${cause.kind}`]: 1 });
  });

  it.each([
    ["stopped while it sent this one", 8_000, []],
    ["stopped when that was over", 15_000, [["unexplained", id]]],
  ] as const)("where an earlier attempt was %s", (_, stopped, problems) => {
    const first = [begin(id, "r0", 0, "unclaimed", 3), { ...end("r0", 100), how: "retry" } as Effect]; // an end has it
    const again = twice("unclaimed", [fault("stop", stopped, { pid: 3, until: AT + stopped + 20_000 })]);
    const later = again.effects.map((effect) => ({
      ...effect,
      at: effect.at + 30_000,
      ...(effect.what === "begin" && { attempt: 1 }),
    }));

    expect(kinds(verdictOf({ ...again, effects: [...first, ...later] }))).toEqual(problems);
  });

  it("has recovered when it has ended, counted from the first fault that hit it", () => {
    const { recovery } = verdictOf(
      twice("tracked", [fault("kill", 1_000, { pid: 1 }), fault("outage_sqs", 20_050, { until: AT + 25_000 })]),
    );

    expect(recovery).toEqual([{ id, fault: "kill", seconds: 19.101 }]);
  });
});

it("takes the nearest rank", () => {
  expect(percentile([5, 1, 3, 2, 4], 0.5)).toBe(3);
  expect(percentile([1, 2], 1)).toBe(2);
  expect(percentile([], 0.5)).toBe(0);
});
