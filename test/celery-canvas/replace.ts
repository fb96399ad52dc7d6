// Celery's tests of tasks that put others in their place (`Task.replace`).
import { expect } from "vitest";
import { chain, chord, group } from "../../lib/canvas.ts";
import { gives } from "./cases.ts";
import type { Case } from "./world.ts";

export const replacements: readonly Case[] = [
  gives(34, "test_task_replaced_with_chain", ({ replaceWithChain }) => replaceWithChain.si(42), 42),
  gives(
    34,
    "test_chain_child_replaced_with_chain_first",
    ({ identity, replaceWithChain }) => chain(replaceWithChain.si(42), identity.s()),
    42,
  ),
  gives(
    34,
    "test_chain_child_replaced_with_chain_middle",
    ({ identity, replaceWithChain }) => chain(identity.s(42), replaceWithChain.s(), identity.s()),
    42,
  ),
  gives(
    34,
    "test_chain_child_replaced_with_chain_last",
    ({ identity, replaceWithChain }) => chain(identity.s(42), replaceWithChain.s()),
    42,
  ),
  {
    row: 35,
    name: "test_replace_chain_with_empty_chain",
    run: async ({ tasks: { identity, replaceWithEmptyChain }, get }) => {
      const result = await chain(identity.s(1), replaceWithEmptyChain.s()).delay();
      await expect(get(result)).rejects.toThrow("a chain has no steps");
    },
  },
  {
    row: 37,
    name: "test_chain_with_cb_replaced_with_chain_with_cb",
    run: async ({ tasks: { identity, replaceWithChain, add, redisEcho }, value, quiet, journal }) => {
      const inner = "Internal chain callback";
      const canvas = chain(identity.s("Hello "), replaceWithChain.s(inner), add.s("world")).link(redisEcho.s());
      expect(await value(canvas)).toBe("Hello world");
      await quiet();
      expect(journal.list("redis-echo").toSorted()).toEqual(["Hello world", inner]);
    },
  },

  gives(
    60,
    "test_chord_header_task_replaced_with_chain",
    ({ identity, replaceWithChain }) => chord([replaceWithChain.si(42)], identity.s()),
    [42],
  ),
  gives(
    60,
    "test_chord_header_child_replaced_with_chain_first",
    ({ identity, replaceWithChain }) => chord([replaceWithChain.si(42), identity.s(1337)], identity.s()),
    [42, 1337],
  ),
  gives(
    60,
    "test_chord_header_child_replaced_with_chain_middle",
    ({ identity, replaceWithChain }) =>
      chord([identity.s(42), replaceWithChain.s(1337), identity.s(31337)], identity.s()),
    [42, 1337, 31337],
  ),
  gives(
    60,
    "test_chord_header_child_replaced_with_chain_last",
    ({ identity, replaceWithChain }) => chord([identity.s(42), replaceWithChain.s(1337)], identity.s()),
    [42, 1337],
  ),
  gives(
    60,
    "test_chord_body_task_replaced_with_chain",
    ({ identity, replaceWithChain }) => chord([identity.s(42)], replaceWithChain.s()),
    [42],
  ),
  gives(
    60,
    "test_chord_body_chain_child_replaced_with_chain_first",
    ({ identity, replaceWithChain }) => chord([identity.s(42)], chain(replaceWithChain.s(), identity.s())),
    [42],
  ),
  gives(
    60,
    "test_chord_body_chain_child_replaced_with_chain_middle",
    ({ identity, replaceWithChain }) =>
      chord([identity.s(42)], chain(identity.s(), replaceWithChain.s(), identity.s())),
    [42],
  ),
  gives(
    60,
    "test_chord_body_chain_child_replaced_with_chain_last",
    ({ identity, replaceWithChain }) => chord([identity.s(42)], chain(identity.s(), replaceWithChain.s())),
    [42],
  ),

  // In no row of the table, or in one that is not of canvases (21).
  gives(
    undefined,
    "test_group_child_replaced_with_chain_first",
    ({ identity, replaceWithChain }) => group([replaceWithChain.si(42), identity.s(1337)]),
    [42, 1337],
  ),
  gives(
    undefined,
    "test_group_child_replaced_with_chain_middle",
    ({ identity, replaceWithChain }) => group([identity.s(42), replaceWithChain.s(1337), identity.s(31337)]),
    [42, 1337, 31337],
  ),
  gives(
    undefined,
    "test_group_child_replaced_with_chain_last",
    ({ identity, replaceWithChain }) => group([identity.s(42), replaceWithChain.s(1337)]),
    [42, 1337],
  ),
  {
    name: "test_second_order_replace",
    run: async ({ tasks: { secondOrderReplace1 }, value, journal }) => {
      await value(secondOrderReplace1.s());
      expect(journal.list("redis-echo")).toEqual(["In A", "In B", "In/Out C", "Out B", "Out A"]);
    },
  },
  {
    name: "test_chain_replaced_with_a_chain_and_a_callback",
    run: async ({ tasks: { identity, replaceWithChain, add }, value, quiet, journal }) => {
      const inner = "Internal chain callback";
      const canvas = chain(identity.s("Hello "), replaceWithChain.s(inner), add.s("world"));
      expect(await value(canvas)).toBe("Hello world");
      await quiet();
      expect(journal.list("redis-echo")).toEqual([inner]);
    },
  },
  {
    name: "test_chain_replaced_with_a_chain_and_an_error_callback",
    run: async ({ tasks: { identity, replaceWithChainWhichRaises, add }, error, quiet, journal }) => {
      const inner = "Internal chain errback";
      const canvas = chain(identity.s("Hello "), replaceWithChainWhichRaises.s(inner), add.s(" will never be seen :("));
      expect(await error(canvas)).toBe("ValueError");
      await quiet();
      expect(journal.list("redis-echo")).toEqual([inner]);
    },
  },
  {
    name: "test_chain_with_eb_replaced_with_chain_with_eb",
    run: async ({ tasks: { identity, replaceWithChainWhichRaises, add, redisEcho }, error, quiet, journal }) => {
      const [inner, outer] = ["Internal chain errback", "External chain errback"];
      const canvas = chain(identity.s("Hello "), replaceWithChainWhichRaises.s(inner), add.s("world"));
      expect(await error(canvas.linkError(redisEcho.si(outer)))).toBe("ValueError");
      await quiet();
      expect(journal.list("redis-echo").toSorted()).toEqual([outer, inner]);
    },
  },
];
