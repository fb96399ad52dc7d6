// What is stored of a workflow: every unit of it comes back from that, with its id, whatever the workflow is.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstId, memberId } from "../../lib/core/canvas-freeze.ts";
import { type Outline, outlineOf } from "../../lib/core/canvas-outline.ts";
import { plan } from "../../lib/core/canvas-plan.ts";
import {
  bodyOf,
  CHAIN,
  CHORD,
  chainOf,
  chordOf,
  GROUP,
  groupOf,
  headerOf,
  idOf,
  starmapOf,
  tasksOf,
} from "../../lib/core/canvas-shape.ts";
import { planStream } from "../../lib/core/canvas-stream.ts";
import { type GroupUnit, type Unit, unitOf } from "../../lib/core/canvas-units.ts";
import type { Routes } from "../../lib/core/follow-ups.ts";
import { derivedId, idKey } from "../../lib/core/ids.ts";
import { type WireSignature, wireSignature } from "../../lib/wire/signature.ts";
import { canvases } from "../canvas/arbitrary.ts";

const key = idKey("duckling");
const routes: Routes = { key, now: 0, maxHops: 1_000, route: () => ({ workload: "default", ignoreResult: false }) };
const ROOT = derivedId(key, "somewhere", "root");
const called = (sig: WireSignature, taskId?: string) =>
  plan(sig, { args: [], root: () => ROOT, ...(taskId !== undefined && { taskId }) }, routes);

/** Ids and names of its tasks, and ids of its groups, in order. */
function unitsIn(sig: WireSignature): readonly string[] {
  if (sig.task === CHAIN) return tasksOf(sig).flatMap(unitsIn);
  if (sig.task === CHORD) return [...unitsIn(headerOf(sig)), ...unitsIn(bodyOf(sig))];
  if (sig.task === GROUP) return [`group ${idOf(sig)}`, ...tasksOf(sig).flatMap(unitsIn)];
  return [`${sig.task} ${idOf(sig)}`];
}

function unitsOf(unit: Unit): readonly string[] {
  if (unit.kind === "task") return [`${unit.task?.replace(/\(.*/, "")} ${unit.id}`];
  if (unit.kind === "chain") return unit.steps.flatMap(unitsOf);
  const members = Array.from({ length: unit.size ?? 0 }, (_, index) => unit.member(index));
  return [`group ${unit.id}`, ...members.flatMap(unitsOf), ...(unit.body ? unitsOf(unit.body) : [])];
}

function restored(sig: WireSignature, taskId?: string): { readonly outline: Outline; readonly unit: Unit } {
  const { frozen, id } = called(sig, taskId);
  const outline: Outline = JSON.parse(JSON.stringify(outlineOf(key, frozen)));
  return { outline, unit: unitOf(key, outline, id, firstId(frozen)) };
}

describe("the outline of a random canvas", () => {
  test("gives every unit back, with its id", () => {
    fc.assert(
      fc.property(canvases(), fc.option(fc.constant("chosen"), { nil: undefined }), (sig, taskId) => {
        expect(unitsOf(restored(sig, taskId).unit)).toEqual(unitsIn(called(sig, taskId).frozen));
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  test("gives back ids that were there before, as a Python program has chosen them", () => {
    const some = fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: undefined });
    fc.assert(
      fc.property(canvases(), fc.array(some, { minLength: 1, maxLength: 9 }), (sig, ids) => {
        let at = 0;
        const named = JSON.parse(JSON.stringify(sig), (_, value) => {
          const id = ids[at++ % ids.length];
          const isTask = typeof value?.task === "string" && !value.task.startsWith("celery.") && "options" in value;
          return isTask && id !== undefined
            ? { ...value, options: { ...value.options, task_id: `${id}-${at}` } }
            : value;
        });
        expect(unitsOf(restored(named).unit)).toEqual(unitsIn(called(named).frozen));
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});

describe("an outline", () => {
  const add = wireSignature("add", { args: [1, 2] });
  const sub = wireSignature("sub");

  test("says each thing once: members that are alike are one entry", () => {
    const members = Array.from({ length: 1_000 }, () => chainOf([add, sub]));
    const { outline } = restored(chordOf(groupOf(members), chainOf([sub, add])));
    expect(outline).toEqual({ group: 1_000, of: [{ chain: ["add", "sub"] }], body: { chain: ["sub", "add"] } });
  });

  test("tells kinds of members apart, in their order", () => {
    const { outline, unit } = restored(groupOf([add, add, sub, add]));
    expect(outline).toEqual({ group: 4, of: ["add", "sub"], runs: [0, 2, 1, 1, 0, 1] });
    const group = unit as GroupUnit;
    expect([0, 1, 2, 3].map((index) => group.member(index))).toEqual(
      ["add", "add", "sub", "add"].map((task, index) => ({ kind: "task", task, id: memberId(key, group.id, index) })),
    );
  });

  test("tells what was sent with ignoreResult: its id says so too", () => {
    const note = wireSignature("note", { options: { ignore_result: true } });
    const chosen = wireSignature("note", { options: { ignore_result: true, task_id: "mine" } });
    const quiet = groupOf([add, note], { ignore_result: true });
    const expected = [
      { chain: ["add", { task: "note", untracked: true }] },
      { chain: ["add", { task: "note", id: "mine", untracked: true }, "add"] },
      {
        group: 2,
        of: [
          { task: "add", untracked: true },
          { task: "note", untracked: true },
        ],
        runs: [0, 1, 1, 1],
      },
    ];
    for (const [i, sig] of [chainOf([add, note]), chainOf([add, chosen, add]), quiet].entries()) {
      const { outline, unit } = restored(sig);
      expect(outline).toEqual(expected[i]);
      expect(unitsOf(unit)).toEqual(unitsIn(called(sig).frozen));
    }
  });

  test("names what a starmap calls", () => {
    expect(restored(chainOf([starmapOf(add, [[1, 2]]), sub])).outline).toEqual({
      chain: ["celery.starmap(add)", "sub"],
    });
  });

  test("of a large group takes less than 30 bytes for each member, however different they are", () => {
    const size = 4_000;
    const sizes = [
      groupOf(Array.from({ length: size }, () => add)),
      groupOf(Array.from({ length: size }, (_, i) => (i % 2 === 0 ? add : chainOf([sub, add])))),
      groupOf(Array.from({ length: size }, (_, i) => wireSignature(`a-task-with-quite-a-long-name-${i % 250}`))),
      groupOf(Array.from({ length: size }, (_, i) => wireSignature("add", { options: { task_id: `chosen-${i}` } }))),
    ].map((sig) => JSON.stringify(outlineOf(key, called(sig).frozen)).length);
    expect(Math.max(...sizes) / size).toBeLessThan(30);
    expect(sizes[0]).toBeLessThan(50);
  });

  test("of a group whose members are still to come leaves them out, wherever it begins", () => {
    const none = groupOf([]);
    const outlines = [none, chordOf(none, add), chainOf([chordOf(none, add), sub]), chainOf([none, add])].map((sig) => {
      const { frozen, group, id } = planStream(sig, { args: [], root: () => ROOT }, routes);
      const outline = outlineOf(key, frozen, group);
      const unit = unitOf(key, outline, id, firstId(frozen));
      const [first = unit] = unit.kind === "chain" ? unit.steps : [];
      expect(first).toMatchObject({ kind: "group", id: group, size: undefined });
      expect((first as GroupUnit).member(3)).toEqual({ kind: "task", id: memberId(key, group, 3) });
      return outline;
    });
    const named = planStream(chordOf(groupOf([], { task_id: "g" }), add), { args: [], root: () => ROOT }, routes);
    expect(outlineOf(key, named.frozen, "g")).toEqual({ body: "add" }); // its id is that of the first unit
    expect(outlines).toEqual([{}, { body: "add" }, { chain: [{ body: "add" }, "sub"] }, { body: "add" }]);
  });

  test("of too many kinds keeps how many members there are, and their ids", () => {
    const { outline, unit } = restored(groupOf(Array.from({ length: 300 }, (_, i) => wireSignature(`task-${i}`))));
    expect(outline).toEqual({ group: 300 });
    const group = unit as GroupUnit;
    expect(group.member(299)).toEqual({ kind: "task", task: undefined, id: memberId(key, group.id, 299) });
  });
});
