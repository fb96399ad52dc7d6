// Celery's tests of `link` and `link_error` in canvases: which callbacks are called, and how often.
import { expect } from "vitest";
import { chain, group } from "../../lib/canvas.ts";
import { times } from "./cases.ts";
import type { CeleryTasks } from "./tasks.ts";
import type { Callable, Case } from "./world.ts";

const MANY = 42;
const KEY = "redis-count";

/** A canvas gives this, or fails, and its callback is called so many times. */
function calls(
  row: number | undefined,
  name: string,
  count: number,
  canvas: (tasks: CeleryTasks, callback: ReturnType<CeleryTasks["redisCount"]["si"]>) => Callable,
  expected: { readonly value: unknown } | "ExpectedException",
): Case {
  return {
    ...(row !== undefined && { row }),
    name,
    run: async ({ tasks, value, error, quiet, journal }) => {
      const sig = canvas(tasks, tasks.redisCount.si(KEY));
      if (expected === "ExpectedException") expect(await error(sig)).toBe(expected);
      else expect(await value(sig)).toEqual(expected.value);
      await quiet();
      expect(journal.list(KEY)).toHaveLength(count);
    },
  };
}

export const callbacks: readonly Case[] = [
  calls(
    36,
    "test_chain_children_with_callbacks",
    MANY,
    ({ identity }, callback) => {
      const child = identity.si(1337).link(callback);
      return times(MANY - 1, () => child).reduce((so, step) => so.pipe(step), child);
    },
    { value: 1337 },
  ),
  calls(
    36,
    "test_chain_children_with_errbacks",
    1,
    ({ fail }, errback) => {
      const child = fail.si().linkError(errback);
      return times(MANY - 1, () => child).reduce((so, step) => so.pipe(step), child);
    },
    "ExpectedException",
  ),
  {
    row: 38,
    name: "test_chain_flattening_keep_links_of_inner_chain",
    run: async ({ tasks: { identity, add, redisEcho }, value, quiet, journal }) => {
      const inner = chain(identity.s("a"), add.s("b")).link(redisEcho.si("link_b called")).linkError(identity.s());
      expect(await value(chain(inner, add.s("c")))).toBe("abc");
      await quiet();
      expect(journal.list("redis-echo")).toEqual(["link_b called"]);
    },
  },
  // Celery links it to the first member alone, and its source calls that misleading; here every member calls it.
  calls(
    48,
    "test_callback_called_by_group",
    2,
    ({ identity }, callback) => group([identity.si(42), identity.si(1337)]).link(callback),
    { value: [42, 1337] },
  ),
  calls(
    48,
    "test_errback_called_by_group_fail_first",
    1,
    ({ identity, fail }, errback) => group([fail.s(), identity.si(42)]).linkError(errback),
    "ExpectedException",
  ),
  calls(
    48,
    "test_errback_called_by_group_fail_last",
    1,
    ({ identity, fail }, errback) => group([identity.si(42), fail.s()]).linkError(errback),
    "ExpectedException",
  ),
  calls(
    48,
    "test_errback_called_by_group_fail_multiple",
    MANY,
    ({ identity, fail }, errback) =>
      group([...times(24, () => identity.si(42)), ...times(MANY, () => fail.s())]).linkError(errback),
    "ExpectedException",
  ),
  {
    row: 48,
    name: "test_mutable_errback_called_by_group",
    run: async ({ tasks: { fail, identity, errbackOldStyle }, error, quiet, journal }) => {
      expect(await error(group([fail.s(), identity.si(42)]).linkError(errbackOldStyle.s()))).toBe("ExpectedException");
      await quiet();
      const [failed] = journal.runs("fail");
      expect(journal.list(failed?.id ?? "")).toHaveLength(1);
    },
  },
  calls(
    48,
    "test_group_children_with_callbacks",
    MANY,
    ({ identity }, callback) => group(times(MANY, () => identity.si(1337).link(callback))),
    { value: times(MANY, () => 1337) },
  ),
  calls(
    48,
    "test_group_children_with_errbacks",
    MANY,
    ({ fail }, errback) => group(times(MANY, () => fail.si().linkError(errback))),
    "ExpectedException",
  ),

  // In no row of the table: callbacks of what a task puts in its place.
  calls(
    undefined,
    "test_chain_with_callback_child_replaced",
    1,
    ({ addReplaced, identity }, callback) => chain(addReplaced.si(42, 1337), identity.s()).link(callback),
    { value: 1379 },
  ),
  calls(
    undefined,
    "test_chain_with_errback_child_replaced",
    1,
    ({ addReplaced, fail }, errback) => chain(addReplaced.si(42, 1337), fail.s()).linkError(errback),
    "ExpectedException",
  ),
  calls(
    undefined,
    "test_chain_child_with_callback_replaced",
    1,
    ({ addReplaced, identity }, callback) => chain(addReplaced.si(42, 1337).link(callback), identity.s()),
    { value: 1379 },
  ),
  calls(
    undefined,
    "test_chain_child_with_errback_replaced",
    1,
    ({ failReplaced, identity }, errback) => chain(failReplaced.si().linkError(errback), identity.si(42)),
    "ExpectedException",
  ),
  // Of each member, as above.
  calls(
    undefined,
    "test_group_with_callback_child_replaced",
    2,
    ({ addReplaced, identity }, callback) => group([addReplaced.si(42, 1337), identity.si(31337)]).link(callback),
    { value: [1379, 31337] },
  ),
  calls(
    undefined,
    "test_group_with_errback_child_replaced",
    1,
    ({ addReplaced, fail }, errback) => group([addReplaced.si(42, 1337), fail.s()]).linkError(errback),
    "ExpectedException",
  ),
  calls(
    undefined,
    "test_group_child_with_callback_replaced",
    1,
    ({ addReplaced, identity }, callback) => group([addReplaced.si(42, 1337).link(callback), identity.si(31337)]),
    { value: [1379, 31337] },
  ),
  calls(
    undefined,
    "test_group_child_with_errback_replaced",
    1,
    ({ failReplaced, identity }, errback) => group([failReplaced.si().linkError(errback), identity.si(42)]),
    "ExpectedException",
  ),
];
