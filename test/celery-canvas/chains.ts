// Celery's test_chain: what chains give, with groups and chords among their steps.
import { expect } from "vitest";
import { chain, chord, group } from "../../lib/canvas.ts";
import { gives, times } from "./cases.ts";
import { inPlace } from "./eager.ts";
import type { CeleryTasks } from "./tasks.ts";
import type { Case } from "./world.ts";

export const chains: readonly Case[] = [
  gives(23, "test_simple_chain", ({ add }) => add.s(4, 4).pipe(add.s(8)).pipe(add.s(16)), 32),
  gives(23, "test_single_chain", ({ add }) => chain(add.s(3, 4)), 7),
  gives(
    24,
    "test_complex_chain",
    ({ add, addReplaced }) => {
      const inner = chain(add.s(4), addReplaced.s(8), add.s(16), add.s(32));
      return chain(add.s(2, 2), inner, group(times(4, (i) => add.s(i))));
    },
    [64, 65, 66, 67],
  ),
  gives(
    25,
    "test_chain_inside_group_receives_arguments",
    ({ add }) => chain(add.s(5, 6), group([chain(add.s(1), add.s(2)), add.s(3)])),
    [14, 14],
  ),
  {
    row: 27,
    name: "test_group_chord_group_chain",
    run: async ({ tasks: { redisEcho }, value, journal }) => {
      const before = group(times(3, (i) => redisEcho.si(`before ${i}`)));
      const after = group(times(2, (i) => redisEcho.si(`after ${i}`)));
      await value(chain(before, redisEcho.si("connect"), after));
      const echoed = journal.list("redis-echo");
      expect(echoed.slice(0, 3).toSorted()).toEqual(["before 0", "before 1", "before 2"]);
      expect(echoed[3]).toBe("connect");
      expect(echoed.slice(4).toSorted()).toEqual(["after 0", "after 1"]);
    },
  },
  gives(
    29,
    "test_chain_of_task_a_group_and_a_chord",
    ({ add, tsum }) => chain(add.si(1, 0), group([add.s(1), add.s(1)]), group([tsum.s(), tsum.s()]), tsum.s()),
    8,
  ),
  gives(
    29,
    "test_chain_of_chords_as_groups_chained_to_a_task_with_two_tasks",
    ({ add, tsum }) => {
      const two = group([add.s(1), add.s(1)]);
      return chain(add.si(1, 0), two, tsum.s(), add.s(1), two, tsum.s());
    },
    12,
  ),
  gives(
    29,
    "test_chain_of_chords_with_two_tasks",
    ({ add, tsum }) => {
      const two = group([add.s(1), add.s(1)]);
      return chain(add.si(1, 0), two, tsum.s(), add.s(1), chord(two, tsum.s()));
    },
    12,
  ),
  gives(
    29,
    "test_chain_of_explicit_chords",
    ({ add, tsum }) => {
      const summed = (n: number) => chord([add.s(n), add.s(n)], tsum.s());
      const first = chain(chord([add.si(1, 0), add.si(1, 0)], tsum.s()), summed(1), summed(0));
      return first.pipe(chain(summed(10), summed(0), summed(1)));
    },
    178,
  ),
  gives(
    29,
    "test_chain_of_nine_chords",
    ({ add, tsum }) => {
      const first = chord([add.si(1, 0), add.si(1, 0), add.si(1, 0)], tsum.s());
      const tripled = chord([add.s(1), add.s(1), add.s(1)], tsum.s());
      const last = chord([add.s(0), add.s(0), add.s(0)], tsum.s());
      return chain(first, tripled, tripled, tripled, tripled, tripled, tripled, tripled, last);
    },
    29520,
  ),
  gives(
    29,
    "test_chain_of_a_chord_and_a_group_with_two_tasks",
    ({ add, tsum }) => {
      const two = group([add.s(1), add.s(1)]);
      return chain(add.si(1, 0), two, tsum.s(), add.s(1), two);
    },
    [6, 6],
  ),
  ...(
    [
      ["test_chain_of_a_chord_and_a_task_and_a_group", 1],
      ["test_chain_of_a_chord_and_two_tasks_and_a_group", 2],
      ["test_chain_of_a_chord_and_three_tasks_and_a_group", 3],
    ] as const
  ).map(([name, between]) =>
    gives(
      29,
      name,
      ({ add, tsum }) => {
        const begun = chain(group([add.s(1, 1), add.s(1, 1)]), tsum.s());
        const told = times(between, () => add.s(1)).reduce((so, step) => so.pipe(step), begun);
        return told.pipe(group([add.s(1), add.s(1)]));
      },
      [5 + between, 5 + between],
    ),
  ),
  gives(30, "test_nested_chain_group_lone", ({ identity }) => chain(group([identity.s(42), identity.s(42)])), [42, 42]),
  gives(
    30,
    "test_nested_chain_group_mid",
    ({ identity }) => chain(identity.s(42), group([identity.s(), identity.s()]), identity.s()),
    [42, 42],
  ),
  gives(
    30,
    "test_nested_chain_group_last",
    ({ identity }) => chain(identity.s(42), group([identity.s(), identity.s()])),
    [42, 42],
  ),
  {
    row: 31,
    name: "test_chain_error_handler_with_eta",
    run: async ({ app, tasks: { add, tsum, identity }, get, journal }) => {
      const canvas = chain(group([add.s(1, 2), add.s(3, 4)]), tsum.s()).linkError(identity.s());
      const eta = new Date(app.clock.now() + 2_000);
      expect(await get(await canvas.applyAsync([], { eta }))).toBe(10);
      expect(app.clock.now()).toBeGreaterThanOrEqual(eta.getTime());
      expect(journal.runs("identity")).toEqual([]);
    },
  },
  {
    row: 40,
    name: "test_chaining_upgraded_chords_pure_groups",
    run: async (world) => {
      const { redisEcho } = world.tasks;
      const echo = (n: number) => redisEcho.si(String(n), "echo_chamber");
      const groups = chain(
        group([echo(1), echo(2), echo(3)]),
        group([echo(4), echo(5), echo(6)]),
        group([echo(7)]),
        group([echo(8)]),
      );
      await echoesNine(world, chain(groups, echo(9), redisEcho.si("Done", "Done")));
    },
  },
  {
    row: 40,
    name: "test_chaining_upgraded_chords_starting_with_chord",
    run: async (world) => {
      const { redisEcho } = world.tasks;
      const echo = (n: number) => redisEcho.si(String(n), "echo_chamber");
      const begun = chord([echo(1), echo(2), echo(3)], group([echo(4), echo(5), echo(6)]));
      const done = redisEcho.si("Done", "Done");
      await echoesNine(world, chain(begun, group([echo(7)]), group([echo(8)]), echo(9), done));
    },
  },
  {
    row: 40,
    name: "test_chaining_upgraded_chords_mixed_canvas",
    run: async (world) => {
      const { redisEcho } = world.tasks;
      const echo = (n: number) => redisEcho.si(String(n), "echo_chamber");
      const begun = chord([echo(1), echo(2), echo(3)], group([echo(4), echo(5), echo(6)]));
      const done = redisEcho.si("Done", "Done");
      await echoesNine(world, chain(begun, echo(7), group([echo(8)]), echo(9), done));
    },
  },
  ...[false, true].map(
    (grouped): Case => ({
      row: 40,
      name: `test_chaining_upgraded_chords_mixed_canvas_protocol_2[${grouped ? "True" : "False"}]`,
      run: async (world) => {
        const { redisEcho } = world.tasks;
        const echo = (n: number) => redisEcho.si(String(n), "echo_chamber");
        const done = redisEcho.si("Done", "Done");
        const nine = chain(
          group([echo(1), echo(2)]),
          group([echo(3), echo(4), echo(5)]),
          group([echo(6), echo(7), echo(8), echo(9)]),
        );
        await echoesNine(world, grouped ? nine.pipe(group([done])) : nine.pipe(done));
      },
    }),
  ),
  gives(
    42,
    "test_group_in_center_of_chain",
    ({ add, tsum }) => {
      const inner = chain(tsum.s(), group([add.s(8), add.s(16)]), chain(tsum.s(), add.s(32)));
      return chord([add.s(0, 1)], chord([tsum.s(), tsum.s()], inner));
    },
    60,
  ),
  {
    row: 42,
    name: "test_upgrade_to_chord_inside_chains",
    run: async ({ tasks: { redisEcho }, value, quiet, journal }) => {
      const a = redisEcho.si("a", "ab");
      const two = group([a, a]);
      await value(chain(chain(two, two), chain(a, redisEcho.si("b", "ab"))));
      await quiet();
      expect(journal.list("ab").toSorted()).toEqual(["a", "a", "a", "a", "a", "b"]);
      expect(journal.list("ab").at(-1)).toBe("b");
    },
  },

  // Known wrong upstream.
  // Celery writes [4, 5], which nobody has seen: its test times out. A chain is not unrolled in a group, as in
  // test_group_result_not_has_cache and test_nested_chord_group_chain_group_tail, so its result is one member's.
  gives(
    undefined,
    "test_group_results_in_chain",
    ({ add }) => group([chain(add.s(1, 2), group([add.s(1), add.s(2)]))]),
    [[4, 5]],
  ),
  {
    name: "test_chain_in_chain_with_args",
    run: async ({ tasks: { identity }, get }) => {
      const canvas = ({ identity: { s } }: Pick<CeleryTasks, "identity">) => chain(chain(s(), s()));
      expect(await get(await canvas({ identity }).applyAsync([1]))).toBe(1);
      await inPlace(async (tasks) => expect(await (await canvas(tasks).applyAsync([1])).get()).toBe(1));
    },
  },
  {
    name: "test_chord_in_chain_with_args",
    run: async ({ tasks: { identity }, get }) => {
      const canvas = ({ identity: { s } }: Pick<CeleryTasks, "identity">) => chain(chord([s(), s()], s()), s());
      expect(await get(await canvas({ identity }).applyAsync([1]))).toEqual([1, 1]);
      await inPlace(async (tasks) => expect(await (await canvas(tasks).applyAsync([1])).get()).toEqual([1, 1]));
    },
  },

  // In no row of the table.
  gives(undefined, "test_chain_of_chain_with_a_single_task", ({ identity }) => chain(chain(identity.s(42))), 42),
  gives(
    undefined,
    "test_group_result_not_has_cache",
    ({ identity }) => {
      const last = chain(identity.si(5), group([identity.si(3), identity.si(4)]));
      return group([identity.si(1), identity.si(2), last]);
    },
    [1, 2, [3, 4]],
  ),
];

/** Each of nine tasks, and the last one, has run once. */
async function echoesNine(
  { value, quiet, journal }: Parameters<Case["run"]>[0],
  canvas: Parameters<Parameters<Case["run"]>[0]["value"]>[0],
): Promise<void> {
  await value(canvas);
  await quiet();
  expect(journal.list("Done")).toHaveLength(1);
  expect(journal.list("echo_chamber").toSorted()).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}
