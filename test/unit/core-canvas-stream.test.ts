// A group whose members come one by one: what is planned before the first, and what each of them becomes.
import { describe, expect, test } from "vitest";
import { CHAIN, chainOf, chordOf, finalId, GROUP, groupOf, idOf, tasksOf } from "../../lib/core/canvas-shape.ts";
import { planStream, streamed } from "../../lib/core/canvas-stream.ts";
import type { Routes } from "../../lib/core/follow-ups.ts";
import { derivedId, idKey } from "../../lib/core/ids.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { signatureOf } from "../support/messages.ts";

const routes: Routes = {
  key: idKey("duckling"),
  now: Date.UTC(2026, 10, 21),
  maxHops: 9,
  route: () => ({ workload: "default", ignoreResult: false }),
};
const call = (sig: Parameters<typeof planStream>[0], more: object = {}) =>
  planStream(sig, { args: [], root: () => "root", ...more }, routes);
const [a, b] = [signatureOf("a"), signatureOf("b", { args: [1] })];

describe("a stream", () => {
  test("alone: nobody counts its members; its id is the root's", () => {
    expect(call(groupOf([]))).toMatchObject({ id: "root", group: "root", join: undefined, line: { rootId: "root" } });
  });

  test("before a body: its members are counted, and what follows is stored", () => {
    const plan = call(chordOf(groupOf([]), b));
    expect(plan).toMatchObject({ group: "root", join: { group: "root", stored: true, next: { task: "b" } } });
    expect(plan.join).not.toHaveProperty("size");
    expect(plan.id).toBe(finalId(plan.join?.next ?? a));
  });

  test("before more steps than one: all of them follow, in one chain", () => {
    for (const sig of [
      chainOf([groupOf([]), a, b]),
      chainOf([chordOf(groupOf([]), a), b]),
      chordOf(groupOf([]), chainOf([a, b])),
    ]) {
      const { next } = call(sig).join ?? {};
      expect(next && tasksOf(next).map(({ task }) => task)).toEqual(["a", "b"]);
    }
    const { next } = call(chainOf([chordOf(groupOf([]), chainOf([a, b])), a])).join ?? {};
    expect(next?.task).toBe(CHAIN);
    expect(next && tasksOf(next)).toHaveLength(3);
  });

  test("under a chosen id, and inside a task", () => {
    const plan = call(chordOf(groupOf([]), b), { taskId: "chosen", line: { rootId: "r", parentId: "p", hops: 2 } });
    expect(plan.id).toBe("chosen");
    expect(plan.group).toBe(derivedId(routes.key, "chosen", "first"));
    expect(plan.line).toEqual({ rootId: "r", parentId: "p", hops: 2 });
  });

  test("that its canvas does not begin with is refused", () => {
    expect(() => call(chainOf([a, b]))).toThrow(InvalidOption);
    expect(() => call(chainOf([a, b]))).toThrow("begin with it, or give it a list");
    expect(() => call(chainOf([]))).toThrow("a chain has no steps");
  });
});

describe("a member of a stream", () => {
  const one = (template: Parameters<typeof planStream>[0], member = a) => streamed(call(template).template, member);

  test("is told what its group was, and what the canvas was that begins with the group", () => {
    const link = [b] as never; // a signature is JSON
    const group = groupOf([], { link });
    expect(one({ ...group, args: [1] })).toMatchObject([{ task: "a", args: [1], options: { link: [{ task: "b" }] } }]);
    expect(one({ ...chordOf(group, b), args: [2] })).toMatchObject([{ task: "a", args: [2] }]);
    expect(one({ ...chainOf([groupOf([]), b]), args: [3] })).toMatchObject([{ task: "a", args: [3] }]);
  });

  test("that is a group is unrolled, and one that ends in a group is waited for", () => {
    expect(one(groupOf([]), groupOf([a, b])).map(({ task }) => task)).toEqual(["a", "b"]);
    const [chain] = one(groupOf([]), chainOf([a, groupOf([a, b])]));
    expect(chain && tasksOf(chain).at(-1)?.task).not.toBe(GROUP);
  });

  test("of a chain without a step is refused", () => {
    expect(() => call({ ...chainOf([]), args: [1] })).toThrow("a chain has no steps");
    expect(idOf(a)).toBeUndefined();
  });
});
