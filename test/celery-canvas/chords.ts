// Celery's test_chord: what chords give, however they are nested, and whatever their tasks are handed.
import { expect } from "vitest";
import { chain, chord, group, signature } from "../../lib/canvas.ts";
import { gives, times } from "./cases.ts";
import type { Case, Readable } from "./world.ts";

export const chords: readonly Case[] = [
  {
    row: 32,
    name: "test_chord_soft_timeout_recuperation",
    run: async ({ tasks: { add, delayedSum, delayedSumWithSoftGuard }, value }) => {
      const guarded = delayedSumWithSoftGuard.s([100], 2).set({ softTimeLimit: "1s", timeLimit: "10s" });
      expect(await value(chord([add.s(1, 2), guarded], delayedSum.s(0)))).toBe(3);
    },
  },
  {
    row: 50,
    name: "test_simple_chord_with_a_delay_in_group_save",
    run: async ({ tasks: { add, tsum }, value, trouble }) => {
      trouble.slowCounts = 1;
      expect(await value(chord([add.si(1, 1), add.si(1, 1)], tsum.s()))).toBe(4);
    },
  },
  gives(
    51,
    "test_chord_order",
    ({ identity }) =>
      chord(
        times(10, (i) => identity.si(i)),
        identity.s(),
      ),
    times(10, (i) => i),
  ),
  {
    row: 51,
    name: "test_group_kwargs",
    run: async ({ app, tasks: { add, addToAll }, value }) => {
      const canvas = chain(add.s(2, 2), group(times(4, (i) => add.s(i))), addToAll.s(8)).toJSON();
      const called = { ...canvas, kwargs: { ...canvas.kwargs, z: 1 } };
      expect(await value(signature<[], unknown, Readable>(called, app))).toEqual([13, 14, 15, 16]);
    },
  },
  {
    row: 51,
    name: "test_group_args_and_kwargs",
    run: async ({ app, tasks: { add, addToAll }, get }) => {
      const canvas = chain(group(times(4, (i) => add.s(i))), addToAll.s(8)).toJSON();
      const called = { ...canvas, kwargs: { ...canvas.kwargs, z: 1 } };
      expect(await get(await signature<[number], unknown, Readable>(called, app).applyAsync([4]))).toEqual([
        13, 14, 15, 16,
      ]);
    },
  },
  {
    row: 52,
    name: "test_single_task_header",
    run: async ({ tasks: { add, addToAll }, value }) => {
      expect(await value(chord([add.s(2, 5)], addToAll.s(9)))).toEqual([16]);
      expect(await value(group([add.s(2, 5)]).pipe(addToAll.s(9)))).toEqual([16]);
    },
  },
  {
    row: 52,
    name: "test_empty_header_chord",
    run: async ({ tasks: { addToAll }, value }) => {
      expect(await value(chord([], addToAll.s(9)))).toEqual([]);
      expect(await value(chain(group([]), addToAll.s(9)))).toEqual([]);
    },
  },
  {
    row: 53,
    name: "test_nested_chord",
    run: async ({ tasks: { add, addToAll }, value }) => {
      const expected = [
        [3, 7, 5, "A"],
        [13, 10, "A"],
      ];
      const chorded = chord(
        [chord([add.s(1, 2), add.s(3, 4)], add.s([5])), chord([add.s(6, 7)], add.s([10]))],
        addToAll.s(["A"]),
      );
      expect(await value(chorded)).toEqual(expected);
      const piped = group([
        group([add.s(1, 2), add.s(3, 4)]).pipe(add.s([5])),
        group([add.s(6, 7)]).pipe(add.s([10])),
      ]).pipe(addToAll.s(["A"]));
      expect(await value(piped)).toEqual(expected);
      const third = group([add.s(1, 2)]).pipe(add.s([3]));
      const fourth = group([third]).pipe(add.s([4]));
      const fifth = group([fourth]).pipe(add.s([5]));
      expect(await value(group([fifth]).pipe(add.s([6])))).toEqual([[[[3, 3], 4], 5], 6]);
    },
  },
  gives(
    53,
    "test_replaced_nested_chord",
    ({ add, addReplaced, addToAll, tsum }) =>
      chord(
        [
          chord([add.s(1, 2), addReplaced.s(3, 4)], addToAll.s(5)).pipe(tsum.s()),
          chord([addReplaced.s(6, 7), add.s(0, 0)], addToAll.s(8)).pipe(tsum.s()),
        ],
        addToAll.s(9),
      ),
    [29, 38],
  ),
  gives(
    53,
    "test_parallel_chords",
    ({ add, tsum }) => {
      const ten = chord([add.s(1, 2), add.s(3, 4)], tsum.s());
      return group([ten, ten]);
    },
    [10, 10],
  ),
  gives(
    54,
    "test_chord_in_chords_with_chains",
    ({ add }) => {
      const three = add.si(1, 2);
      const member = chain(three, chord([three, three], three));
      return chord([member, member], add.si(2, 2));
    },
    4,
  ),
  gives(
    54,
    "test_chain_chord_chain_chord",
    ({ identity: { si } }) => chain(si(1), chord([si(2), chain(si(3), chord([si(4), si(5)], si(6)))], si(7))),
    7,
  ),
  gives(
    55,
    "test_large_header",
    ({ identity, tsum }) => group(times(1_000, (i) => identity.si(i))).pipe(tsum.s()),
    499_500,
  ),
  gives(
    55,
    "test_chain_to_a_chord_with_large_header",
    ({ identity, tsum }) => chain(identity.si(1), group(times(1_000, () => identity.s())), tsum.s()),
    1_000,
  ),

  // In no row of the table.
  {
    name: "test_generator",
    run: async ({ app, tasks: { identity, tsum }, get, journal }) => {
      for (const size of [3, 9]) {
        const before = journal.runs("identity").length;
        const header = async function* () {
          for (let i = 0; i < size; i++) {
            // The last one is made when another has run: a header that is unrolled first would wait for ever.
            while (i === size - 1 && journal.runs("identity").length === before) await app.clock.sleep(100);
            yield identity.si(i);
          }
        };
        const canvas = chord(group(header()), tsum.s());
        const called = { id: "", get: async () => await (await canvas.delay()).get() };
        expect(await get(called)).toBe((size * (size - 1)) / 2);
      }
    },
  },
  gives(
    undefined,
    "test_group_chain",
    ({ add, addToAll }) => chain(add.s(2, 2), group(times(4, (i) => add.s(i))), addToAll.s(8)),
    [12, 13, 14, 15],
  ),
  gives(
    undefined,
    "test_nested_group_chain",
    ({ add }) => {
      const inner = chain(add.si(1, 200), group([add.si(1, 1_000), add.si(1, 2_000)]));
      return chain(add.si(1, 0), group([add.si(1, 100), inner]), add.si(1, 10));
    },
    11,
  ),
  gives(
    undefined,
    "test_nested_chord_group",
    ({ identity }) => chord([group([identity.s(42), identity.s(42)])], identity.s()),
    [42, 42],
  ),
  gives(
    undefined,
    "test_nested_chord_group_chain_group_tail",
    ({ identity }) => chord([chain(identity.s(42), group([identity.s(), identity.s()]))], identity.s()),
    [[42, 42]],
  ),
  gives(
    undefined,
    "test_stamping_example_canvas",
    ({ identity, xsum, mul }) => {
      const six = chain(group([identity.s(1), identity.s(2), identity.s(3)]), xsum.s());
      return chain(six, chord([mul.s(10), mul.s(10), mul.s(10)], xsum.s()));
    },
    180,
  ),
];
