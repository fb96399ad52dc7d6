// Celery's test_group and test_result_set: what groups give, however they are nested.
import { expect } from "vitest";
import { chain, chord, group, signature } from "../../lib/canvas.ts";
import { type GroupResult, groupResult } from "../../lib/group-result.ts";
import { gives, times } from "./cases.ts";
import type { Case } from "./world.ts";

const MANY = 42;

export const groups: readonly Case[] = [
  {
    row: 43,
    name: "test_result_set",
    run: async ({ tasks: { add }, get }) => {
      const results = await Promise.all([add.delay(1, 1), add.delay(2, 2)]);
      expect(await Promise.all(results.map(get))).toEqual([2, 4]);
    },
  },
  {
    row: 43,
    name: "test_result_set_error",
    run: async ({ tasks: { add, raiseError }, get, errorOf }) => {
      const [failing, adding] = await Promise.all([raiseError.delay(), add.delay(1, 1)]);
      expect(await errorOf(failing)).toBe("ValueError");
      expect(await get(adding)).toBe(2);
      expect([await failing.failed(), await failing.successful()]).toEqual([true, false]);
      expect([await adding.failed(), await adding.successful()]).toEqual([false, true]);
    },
  },
  {
    row: 43,
    name: "test_result_set_built_via_add",
    run: async ({ tasks: { add }, get }) => {
      const results = [await add.delay(1, 1)];
      results.push(await add.delay(2, 2));
      expect(await Promise.all(results.map(get))).toEqual([2, 4]);
    },
  },
  gives(
    44,
    "test_nested_group",
    ({ add }) => group([add.si(1, 10), group([add.si(1, 100), group([add.si(1, 1_000), add.si(1, 2_000)])])]),
    [11, 101, 1_001, 2_001],
  ),
  gives(44, "test_nested_group_group", ({ identity }) => group([group([identity.s(42), identity.s(42)])]), [42, 42]),
  gives(
    45,
    "test_large_group",
    ({ identity }) => group(times(1_000, (i) => identity.s(i))),
    times(1_000, (i) => i),
  ),
  {
    row: 46,
    name: "test_empty_group_result",
    run: async ({ app, get }) => {
      const empty = signature<[], readonly [], GroupResult<readonly []>>(group([]).toJSON(), app);
      const result = await empty.delay();
      expect(await get(result)).toEqual([]);
      const restored = await groupResult(result.id, app);
      expect([restored.size, restored.results]).toEqual([0, []]);
      expect(await get(restored)).toEqual([]);
    },
  },
  gives(
    47,
    "test_nested_group_chord_counting_simple",
    ({ identity }) => group([chord([identity.si(42)], identity.s())]),
    [[42]],
  ),
  gives(
    47,
    "test_nested_group_chord_counting_chain",
    ({ identity }) => {
      const long = times(MANY - 1, () => identity.si(1337)).reduce((so, step) => so.pipe(step), identity.si(1337));
      return group([chord([long], identity.s())]);
    },
    [[1337]],
  ),
  gives(
    47,
    "test_nested_group_chord_counting_group",
    ({ identity }) => group([chord([group(times(MANY, () => identity.si(1337)))], identity.s())]),
    [times(MANY, () => 1337)],
  ),
  gives(
    47,
    "test_nested_group_chord_counting_chord",
    ({ identity }) => {
      const inner = chord(
        times(MANY, () => identity.si(1337)),
        identity.si(31337),
      );
      return group([chord([inner], identity.s())]);
    },
    [[31337]],
  ),
  gives(
    47,
    "test_nested_group_chord_counting_mixed",
    ({ identity }) => {
      const one = identity.si(42);
      const many = times(MANY, () => one);
      const long = many.slice(1).reduce((so, step) => so.pipe(step), one);
      const counted = chord([one, long, group(many), chord(many, identity.si(1337))], identity.s());
      return group([counted]);
    },
    [[42, 42, ...times(MANY, () => 42), 1337]],
  ),
  gives(
    49,
    "test_task_replace_with_group_preserves_group_order",
    ({ addToAll }) => group(times(20, (i) => addToAll.s(i % 2 === 0 ? [2, 1] : [4, 3], 1))),
    times(20, (i) => (i % 2 === 0 ? [3, 2] : [5, 4])),
  ),

  // Known wrong upstream (celery issue 6734): it waits for ever.
  gives(
    undefined,
    "test_nested_group_chord_body_chain",
    ({ identity }) => group([chord([identity.si(42)], chain(identity.s()))]),
    [[42]],
  ),

  // In no row of the table.
  gives(undefined, "test_group_lone", ({ identity }) => group([identity.s(42), identity.s(42)]), [42, 42]),
  {
    name: "test_ready_with_exception",
    run: async ({ tasks: { add, raiseError }, quiet }) => {
      const result = await group([add.s(1, 2), raiseError.s()]).delay();
      await quiet();
      expect(await result.ready()).toBe(true);
    },
  },
];
