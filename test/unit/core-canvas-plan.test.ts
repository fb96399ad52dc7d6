import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memberId } from "../../lib/core/canvas-freeze.ts";
import {
  afterFailure,
  afterIgnored,
  afterRevoked,
  afterSuccess,
  type Called,
  joined,
  joinFailed,
  plan,
  replaced,
  startStreamed,
} from "../../lib/core/canvas-plan.ts";
import {
  chainOf,
  chordOf,
  finalId,
  GROUP,
  groupOf,
  headerOf,
  idOf,
  JOIN,
  STORED,
  tasksOf,
} from "../../lib/core/canvas-shape.ts";
import type { Join } from "../../lib/core/canvas-start.ts";
import { joinOf, type Wave } from "../../lib/core/canvas-start.ts";
import type { Routes } from "../../lib/core/follow-ups.ts";
import { certify, derivedId, idKey } from "../../lib/core/ids.ts";
import { STORED_BODY_BYTES } from "../../lib/defaults.ts";
import { decode, type Envelope } from "../../lib/wire/envelope.ts";
import type { JsonObject } from "../../lib/wire/serializer.ts";
import { type WireSignature, wireSignature } from "../../lib/wire/signature.ts";
import { envelopeOf } from "../support/messages.ts";

const KEY = idKey("duckling");
const NOW = Date.UTC(2026, 10, 21);
const routes: Routes = {
  key: KEY,
  now: NOW,
  maxHops: 9,
  route: (task, queue) => ({ workload: queue ?? (task === "render" ? "renders" : "default"), ignoreResult: false }),
};
const t = (task: string, facts: Partial<WireSignature> = {}) => wireSignature(task, facts);
const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => t(name)) as [
  WireSignature,
  WireSignature,
  WireSignature,
  WireSignature,
];
const options = (facts: object) => facts as JsonObject; // JSON, interfaces only have no index
const ROOT = "root-1";
const call = (sig: WireSignature, facts: Partial<Called> = {}) =>
  plan(sig, { args: [], root: () => ROOT, ...facts }, routes);
const sent = ({ publish }: Wave): readonly Envelope[] => publish.map(({ envelope }) => envelope);
const tasks = (wave: Wave) => sent(wave).map(({ task }) => task);
const derived = (id: string, ...labels: readonly string[]) =>
  labels.reduce((parent, label) => derivedId(KEY, parent, label), id);
const place = { group: "g-1", groupIndex: 2, chord: { ...t("body", { options: { task_id: "b-1" } }), chord_size: 3 } };
const member = { ...place, chord: place.chord as unknown as JsonObject };

describe("ids", () => {
  test("of a single unit are the root's", () => {
    expect(call(a)).toMatchObject({ id: ROOT, rootId: ROOT });
    expect(call(groupOf([a, b]))).toMatchObject({ id: ROOT, rootId: ROOT });
  });

  test("of a chain follow from its last step's, which follows from the first one's", () => {
    const { id, rootId, frozen } = call(chainOf([a, b, c]));
    expect([id, rootId]).toEqual([derived(ROOT, "end"), ROOT]);
    expect(tasksOf(frozen).map(idOf)).toEqual([ROOT, derived(id, "s1"), id]);
  });

  test("of a group's members follow from its own and their index", () => {
    const { frozen } = call(groupOf([a, chainOf([b, c])]));
    expect(tasksOf(frozen).map(finalId)).toEqual([memberId(KEY, ROOT, 0), memberId(KEY, ROOT, 1)]);
    expect(tasksOf(tasksOf(frozen)[1] as WireSignature).map(idOf)).toEqual([
      derived(ROOT, "1", "s0"),
      derived(ROOT, "1"),
    ]);
  });

  test("of a chord are its body's; its group is the first unit", () => {
    const { id, rootId, frozen } = call(chordOf(groupOf([a]), chordOf(groupOf([b]), c)));
    expect([id, rootId]).toEqual([derived(ROOT, "end"), ROOT]);
    expect(frozen).toMatchObject({
      kwargs: {
        header: { options: { task_id: ROOT } },
        body: { kwargs: { header: { options: { task_id: derived(id, "b.g") } }, body: { options: { task_id: id } } } },
      },
    });
  });

  test("may be chosen for the whole", () => {
    expect(call(a, { taskId: "mine" })).toMatchObject({ id: "mine", rootId: "mine" });
    expect(call(chainOf([a, b]), { taskId: "mine" })).toMatchObject({ id: "mine", rootId: derived("mine", "first") });
  });

  test("that are there stay", () => {
    const { frozen } = call(
      chainOf([t("a", { options: { task_id: "a-1" } }), b, t("c", { options: { task_id: "c-1" } })]),
    );
    expect(tasksOf(frozen).map(idOf)).toEqual(["a-1", derived("c-1", "s1"), "c-1"]);
  });

  test("say where nobody wants a result", () => {
    const asked: boolean[] = [];
    const root = (untracked: boolean) => {
      asked.push(untracked);
      return ROOT;
    };
    const ignored = { options: { ignore_result: true } };
    const { id, frozen } = call({ ...chainOf([a, b]), ...ignored }, { root });
    call({ ...groupOf([a]), ...ignored }, { root });
    call(chainOf([a, b]), { root });
    expect(asked).toEqual([true, true, false]);
    expect(certify(id, KEY).untracked).toBe(true);
    expect(sent(call({ ...groupOf([a]), ...ignored }))[0]).toMatchObject({
      ignoreResult: true,
      id: memberId(KEY, ROOT, 0, true),
    });
    expect(tasksOf(frozen)).toHaveLength(2);
  });
});

describe("a first wave", () => {
  test("of a chain is its first step, with the others: the last is next", () => {
    const wave = call(chainOf([a, b, c]), { args: [1] });
    const { id } = wave;
    expect(sent(wave)).toEqual([
      envelopeOf({
        id: ROOT,
        task: "a",
        args: [1],
        chain: [t("c", { options: { task_id: id } }), t("b", { options: { task_id: derived(id, "s1") } })],
      }),
    ]);
  });

  test("of a group is every member, and nobody counts them", () => {
    const wave = call(groupOf([a, t("render")]), { args: [1] });
    expect(
      sent(wave).map(({ task, args, group, groupIndex, chord }) => [task, args, group, groupIndex, chord]),
    ).toEqual([
      ["a", [1], ROOT, 0, undefined],
      ["render", [1], ROOT, 1, undefined],
    ]);
    expect(wave.publish.map(({ workload }) => workload)).toEqual(["default", "renders"]);
    expect(wave.joins).toEqual([{ group: ROOT, size: 2 }]);
  });

  test("of a chord begins a join, which every member knows", () => {
    const wave = call(chordOf(groupOf([a, b]), c));
    const next = t("c", { options: { task_id: wave.id } });
    expect(wave.joins).toEqual([{ group: ROOT, size: 2, next, stored: false }]);
    expect(sent(wave).map(({ chord, group, groupIndex }) => [chord, group, groupIndex])).toEqual([
      [{ ...next, chord_size: 2 }, ROOT, 0],
      [{ ...next, chord_size: 2 }, ROOT, 1],
    ]);
  });

  test("stores what is large and follows many members once", () => {
    const large = t("c", { args: ["x".repeat(STORED_BODY_BYTES)] });
    const wave = call(chainOf([groupOf([a, b]), large, d]));
    expect(wave.joins[0]).toMatchObject({ stored: true, next: { task: "celery.chain" } });
    expect(sent(wave).map(({ chord }) => chord)).toEqual(
      Array(2).fill({ ...t(STORED, { options: { task_id: wave.id } }), chord_size: 2 }),
    );
    expect(call(chordOf(groupOf([a]), large)).joins[0]).toMatchObject({ stored: false });
  });

  test("of an empty header is its body, handed an empty list", () => {
    const wave = call(chainOf([chordOf(groupOf([]), c), d]));
    expect(sent(wave)).toMatchObject([{ task: "c", args: [[]], chain: [{ task: "d" }] }]);
    expect(sent(wave)[0]).not.toHaveProperty("results");
    expect(wave.joins).toEqual([]);
  });

  test("of an empty group in a group has ended, and counts", () => {
    const wave = call(chordOf(groupOf([a, chainOf([groupOf([]), groupOf([])])]), c));
    const group = derived(ROOT, "1", "b.g");
    expect(wave.waited).toEqual([{ id: memberId(KEY, ROOT, 1), members: { group, size: 0 } }]);
    expect(wave.counts).toMatchObject([{ group: ROOT, index: 1, size: 2, failed: false }]);
  });

  test("says what its options say, in the message's words", () => {
    const all = {
      ...{ queue: "fast", countdown: 30, expires: 60, time_limit: 9, soft_time_limit: 8, headers: { tenant: "a" } },
      ...{ link: b, link_error: [c], priority: 3 },
    };
    const [publication] = call(t("a", { options: options(all) })).publish;
    expect(publication).toEqual({
      workload: "fast",
      delaySeconds: 30,
      envelope: envelopeOf({
        ...{ id: ROOT, task: "a", args: [], eta: NOW + 30_000, expires: NOW + 60_000, timeLimit: 9, softTimeLimit: 8 },
        ...{ headers: { tenant: "a" }, link: [b], linkError: [c] },
      }),
    });
    const moments = { eta: "2026-11-21T00:01:00Z", expires: "2026-11-21T00:02:00+00:00" };
    expect(sent(call(t("a", { options: moments })))[0]).toMatchObject({ eta: NOW + 60_000, expires: NOW + 120_000 });
    const nonsense = { countdown: "1", expires: true, time_limit: 0, headers: 7, queue: 7, chord: 7, group_index: "1" };
    expect(sent(call(t("a", { options: options(nonsense) })))).toEqual([envelopeOf({ id: ROOT, task: "a", args: [] })]);
  });

  test("belongs to the line it is called in", () => {
    const line = { rootId: "r", parentId: "p", hops: 10 };
    const wave = call(groupOf([a]), { line });
    expect(wave.publish[0]).toMatchObject({ overHops: 9, envelope: line });
    expect(wave.rootId).toBe("r");
  });

  test("that workers could not read again is refused", () => {
    let deep = a;
    for (let i = 0; i < 200; i++) deep = groupOf([chainOf([deep, a])]);
    expect(() => call(deep)).toThrow("nested deeper than the 496 levels of JSON that workers read");
    // One after another, groups are inside each other once they are chords.
    expect(() => call(chainOf(Array(300).fill(groupOf([a]))))).toThrow("nested deeper");
    expect(call(chainOf(Array(300).fill(a))).publish).toHaveLength(1);
  });

  test("of a stream is started member by member", () => {
    const line = { rootId: "r", hops: 0 };
    const join = joinOf("g", 3, t("c", { options: { task_id: "c-1" } }));
    expect(sent(startStreamed(a, 2, "g", join, [], line, routes))).toMatchObject([
      { id: memberId(KEY, "g", 2), group: "g", groupIndex: 2, chord: { task: "c", chord_size: 3 } },
    ]);
    const [alone] = sent(startStreamed(groupOf([a]), 0, "g", undefined, [7], line, routes));
    expect(alone).toMatchObject({ args: [7], chord: { task: JOIN, options: { task_id: memberId(KEY, "g", 0) } } });
    expect(alone?.chord).toMatchObject({ options: { group_id: "g", group_index: 0 } });
  });
});

describe("after success", () => {
  test("callbacks are handed the result, and so is the next step", () => {
    const task = envelopeOf({ hops: 3, link: [b, groupOf([c, c])], chain: [d, t("render", { args: [9] })] });
    const wave = afterSuccess(task, [5], routes);
    expect(sent(wave).map(({ task, args, id }) => [task, args, id])).toEqual([
      ["b", [5], derived("t-1", "link:0")],
      ["c", [5], derived("t-1", "link:1", "0")],
      ["c", [5], derived("t-1", "link:1", "1")],
      ["render", [5, 9], derived("t-1", "chain", "s0")],
    ]);
    for (const envelope of sent(wave)) expect(envelope).toMatchObject({ rootId: "t-1", parentId: "t-1", hops: 4 });
    expect(sent(wave).at(-1)?.chain).toEqual([t("d", { options: { task_id: derived("t-1", "chain") } })]);
    expect(wave).toMatchObject({ ended: [], counts: [] });
  });

  test("a result that lies elsewhere is handed on as it lies, and an immutable step gets none", () => {
    const ref = { key: "k", bytes: 1, sha256: "s", keptUntil: NOW };
    const wave = afterSuccess(envelopeOf({ link: [b, t("c", { immutable: true })] }), ref, routes);
    expect(wave.publish.map(({ first, envelope }) => [first, envelope.args])).toEqual([
      [ref, []],
      [undefined, []],
    ]);
  });

  test("a group as the next step is started by whoever ends the one before", () => {
    const wave = afterSuccess(envelopeOf({ chain: [d, groupOf([b, c])] }), [5], routes);
    expect(tasks(wave)).toEqual(["b", "c"]);
    expect(wave.joins).toMatchObject([{ size: 2, next: { task: "d" } }]);
  });

  test("the last unit counts, once everything follows that has to", () => {
    const task = envelopeOf(member);
    expect(afterSuccess(task, [5], routes).counts).toEqual([
      { group: "g-1", index: 2, size: 3, next: place.chord, failed: false },
    ]);
    expect(afterSuccess({ ...task, chain: [b] }, [5], routes).counts).toEqual([]);
    const { chord: _, ...uncounted } = member;
    expect(afterSuccess(envelopeOf(uncounted), [5], routes).counts).toEqual([]);
    const python = envelopeOf({ ...member, chord: options(t("body")) });
    expect(afterSuccess(python, [5], routes).counts).toEqual([
      { group: "g-1", index: 2, next: t("body"), failed: false },
    ]);
  });
});

describe("after failure", () => {
  const rest = [chordOf(groupOf([b, c]), t("render", { options: { link_error: [d] } as unknown as JsonObject }))];

  test("error callbacks are handed the id; the steps that never will be end with it", () => {
    const task = envelopeOf({ linkError: [d], chain: rest });
    const wave = afterFailure(task, routes);
    expect(sent(wave)).toMatchObject([
      { task: "d", args: ["t-1"], id: derived("t-1", "link_error:0"), parentId: "t-1" },
    ]);
    const id = derived("t-1", "chain");
    expect(wave.ended).toEqual([
      { id: derived(id, "g", "0"), task: "b", workload: "default" },
      { id: derived(id, "g", "1"), task: "c", workload: "default" },
      { id, task: "render", workload: "renders" },
    ]);
    expect(afterRevoked(task, routes)).toEqual({ ...wave, publish: [] });
  });

  test("a unit that never ran is recorded where it would have gone", () => {
    const task = envelopeOf({ chain: [t("b", { options: { queue: "fast" } })] });
    expect(afterFailure(task, routes).ended).toEqual([{ id: derived("t-1", "chain"), task: "b", workload: "fast" }]);
  });

  test("the ids are those that success would have used", () => {
    const task = envelopeOf({ chain: [d, groupOf([b]), c] });
    const started = afterSuccess(task, [1], routes);
    const ended = afterFailure(task, routes).ended.map(({ id }) => id);
    expect(ended).toContain(sent(started)[0]?.id);
    expect(ended).toContain(finalId(sent(started)[0]?.chain[0] as WireSignature));
  });

  test("a member counts as failed, whichever of its steps fails", () => {
    expect(afterFailure(envelopeOf(member), routes).counts).toMatchObject([{ group: "g-1", index: 2, failed: true }]);
    const wave = call(chordOf(groupOf([chainOf([a, b])]), c));
    const [first] = sent(wave);
    expect(afterFailure(first as Envelope, routes).counts).toMatchObject([
      { group: ROOT, index: 0, size: 1, failed: true },
    ]);
    expect(afterRevoked(envelopeOf(), routes).counts).toEqual([]);
  });
});

describe("after the last member of a group", () => {
  const line = { rootId: "r", parentId: "p", hops: 2 };

  test("the body is handed the results by reference", () => {
    const [join] = call(chordOf(groupOf([a, b]), chainOf([t("c", { args: [9] }), d]))).joins;
    const wave = joined(join as Required<Join>, line, routes);
    expect(sent(wave)).toMatchObject([{ task: "c", args: [9], results: { group: ROOT, size: 2 }, ...line }]);
    expect(sent(wave)[0]?.chain).toHaveLength(1);
  });

  test("a unit that waited has ended with it, and counts in its turn", () => {
    const inner = chainOf([a, groupOf([b, b])]);
    const outer = call(chordOf(groupOf([inner]), c));
    const [second] = afterSuccess(sent(outer)[0] as Envelope, [1], routes).joins;
    const wave = joined(second as Required<Join>, line, routes);
    const group = derived(memberId(KEY, ROOT, 0), "s1.g");
    expect(wave.waited).toEqual([{ id: memberId(KEY, ROOT, 0), members: { group, size: 2 } }]);
    expect(wave.counts).toMatchObject([{ group: ROOT, index: 0, size: 1, failed: false }]);
    const failed = joinFailed(second as Join, line, routes);
    expect(failed.ended).toEqual([{ id: memberId(KEY, ROOT, 0), task: JOIN, workload: "default" }]);
    expect(failed.counts).toMatchObject([{ group: ROOT, index: 0, failed: true }]);
  });

  test("where one has failed, what would have started calls its error callbacks, and the rest ends", () => {
    const told = (name: string) => t(name, { options: { link_error: [d] } as unknown as JsonObject });
    const [join] = call(chainOf([groupOf([a]), groupOf([told("b"), c]), told("render")])).joins;
    const wave = joinFailed(join as Join, line, routes);
    const ids = wave.ended.map(({ id }) => id);
    expect(wave.ended.map(({ task }) => task)).toEqual(["b", "c", "render"]);
    expect(sent(wave)).toMatchObject([{ task: "d", args: [ids[0]], parentId: ids[0], rootId: "r", hops: 2 }]);
  });
});

describe("a task that puts a canvas in its place", () => {
  const task = envelopeOf({ ...member, link: [c], linkError: [d], hops: 1 });

  test("hands it its callbacks and its place", () => {
    const wave = replaced(task, chainOf([a, b]), routes);
    expect(wave.id).toBe(derived("t-1", "r"));
    const [first] = sent(wave);
    expect(first).toMatchObject({ task: "a", args: [], parentId: "t-1", hops: 2, linkError: [d], link: [] });
    expect(first?.chain).toMatchObject([
      { task: "b", options: { link: [c], link_error: [d], group_id: "g-1", group_index: 2, chord: { task: "body" } } },
    ]);
  });

  test("hands it what was left of its chain", () => {
    const { chord: _, group: __, groupIndex: ___, ...alone } = task;
    const wave = replaced({ ...alone, chain: [d, c] }, a, routes);
    expect(sent(wave)[0]?.chain.map((step) => step.task)).toEqual(["d", "c"]);
    const last = t("d", { options: { ...(place && { chord: member.chord, group_id: "g-1", group_index: 2 }) } });
    expect(sent(replaced({ ...alone, chain: [last] }, a, routes))[0]).not.toHaveProperty("group");
    expect(sent(replaced({ ...alone, chain: [] }, a, routes))[0]).not.toHaveProperty("group");
  });

  test("by a group has its results for its own: its callbacks and the next step are handed the list, once", () => {
    const wave = replaced({ ...task, chain: [b] }, groupOf([a, a]), routes);
    const [join] = wave.joins;
    expect(tasks(wave)).toEqual(["a", "a"]);
    const line = { rootId: "r", parentId: "p", hops: 2 };
    const after = joined(join as Required<Join>, line, routes);
    expect(after.waited).toMatchObject([{ id: wave.id, members: { size: 2 } }]);
    expect(sent(after).map(({ task, results }) => [task, results])).toEqual([
      ["c", after.waited[0]?.members],
      ["b", after.waited[0]?.members],
    ]);
    expect(after.counts).toEqual([]);
    expect(tasks(joinFailed(join as Join, line, routes))).toEqual(["d"]);
  });

  test("by a chord keeps one error callback for each way to fail", () => {
    const wave = replaced(task, chainOf([chordOf(groupOf([a]), b), c]), routes);
    expect(sent(wave)[0]?.linkError).toEqual([]);
    const tail = chainOf(tasksOf((wave.joins[0] as Join).next));
    expect(tasksOf(tail).map(({ options }) => options.link_error)).toEqual([[d], [d]]);
    expect(replaced(envelopeOf(), a, routes).publish).toHaveLength(1);
  });

  test("by nothing, or by what nobody could read, is refused", () => {
    expect(() => replaced(task, chainOf([]), routes)).toThrow("a chain has no steps");
  });
});

describe("Python's messages", () => {
  const captured = JSON.parse(readFileSync("test/fixtures/celery_wire_fixtures.json", "utf8"));
  const message = (name: string, index = 0): Envelope => decode(captured.sqs[name][index].MessageBody);

  test("a chain goes on under the id that Python gave its next step", () => {
    const task = message("chain");
    const wave = afterSuccess(task, [5], routes);
    const next = task.chain.at(-1) as WireSignature;
    expect(sent(wave)).toMatchObject([
      { id: idOf(next), task: next.task, args: [5, ...next.args], rootId: task.rootId },
    ]);
  });

  test("a chord in a chain keeps the ids of its group and its body, its members get ours, and it is counted", () => {
    const task = message("chain with group in the middle (upgraded to chord)");
    const chord = task.chain[0] as WireSignature;
    const header = headerOf(chord);
    const wave = afterSuccess(task, [5], routes);
    expect(sent(wave).map(({ id, args }) => [id, args])).toEqual(
      tasksOf(header).map((one, i) => [memberId(KEY, idOf(header) as string, i), [5, ...one.args]]),
    );
    expect(wave.joins).toMatchObject([
      { group: idOf(header), size: 2, next: { options: { task_id: finalId(chord) } } },
    ]);
    for (const envelope of sent(wave)) expect(envelope.chord).toMatchObject({ task: "proj.tasks.xsum", chord_size: 2 });
  });

  test("a member of a chord that Python began names its group, whose size only Python knows", () => {
    const task = message("chord", 1);
    expect(afterSuccess(task, [2], routes).counts).toEqual([
      { group: task.group, index: 1, next: task.chord, failed: false },
    ]);
  });

  test("members of a group inside a chord are counted for that chord, as Python counts", () => {
    const frozen = groupOf([t("b", { options: { chord: member.chord, group_id: "outer", group_index: 4 } })], {
      task_id: "inner",
    });
    expect(frozen.task).toBe(GROUP);
    const wave = afterSuccess(envelopeOf({ chain: [frozen] }), [1], routes);
    expect(sent(wave)).toMatchObject([{ group: "outer", groupIndex: 4 }]);
  });
});

test("what is ignored counts, where it is not followed by more of its chain", () => {
  const chord = { ...t("c"), chord_size: 2 } as unknown as JsonObject; // a signature is JSON
  const member = envelopeOf({ chord, group: "g", groupIndex: 0 });
  expect(afterIgnored(member, routes).counts).toMatchObject([{ group: "g", index: 0, failed: false }]);
  expect(afterIgnored({ ...envelopeOf(), chain: [t("d", { options: { task_id: "d" } })] }, routes).ended).toMatchObject(
    [{ id: "d" }],
  );
});

test("a task has its id in nothing that replaces it", () => {
  const own = t("a", { options: { task_id: envelopeOf().id } });
  expect(() => replaced(envelopeOf(), chainOf([own, t("b")]), routes)).toThrow("has its id (task_id)");
});

test("a place in a group that cannot be counted is refused", () => {
  const broken = { ...envelopeOf({ group: "g", groupIndex: 0 }), chord: { task: 5 } as unknown as JsonObject };
  expect(() => afterSuccess(broken, [1], routes)).toThrow("a group cannot be counted");
});

test("what replaces a task has its stamps, beside its own", () => {
  const task = { ...envelopeOf(), stamps: { tenant: "a", run: 1 } };
  const own = { ...t("b"), options: { stamped_headers: ["run"], run: 2 } };
  const [first, second] = sent(replaced(task, chainOf([t("a"), own]), routes));
  expect(first?.stamps).toEqual({ tenant: "a", run: 1 });
  expect(second).toBeUndefined();
  expect(first?.chain[0]?.options).toMatchObject({ tenant: "a", run: 2 });
});
