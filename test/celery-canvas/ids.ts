// Celery's tests of who is whose parent and root, and of ids.
import { expect } from "vitest";
import { chain, chord, group } from "../../lib/canvas.ts";
import type { GroupResult } from "../../lib/group-result.ts";
import type { Handle } from "../../lib/result.ts";
import { times } from "./cases.ts";
import type { Case, World } from "./world.ts";

export const ids: readonly Case[] = [
  {
    row: 28,
    name: "test_chain::test_parent_ids",
    run: async ({ tasks: { ids }, get }) => {
      const count = 10;
      const [first = ids.si(0), ...rest] = times(count, (i) => ids.si(i));
      const result: Handle = await rest.reduce((so, step) => so.pipe(step), first).delay();
      const line = ancestors(result);
      expect(line).toHaveLength(count);
      const root = line.at(-1);
      for (const [back, handle] of line.entries())
        expect(await get(handle)).toEqual([root?.id, line[back + 1]?.id ?? null, count - 1 - back]);
    },
  },
  {
    row: 28,
    name: "test_group::test_parent_ids",
    run: async ({ tasks: { ids }, get }) => {
      const members = times(48, (i) => ids.si(i + 2));
      const result = await chain(ids.si(1), ids.si(2), group(members)).delay();
      const [, parent, root] = ancestors(result);
      expect(root).toBeDefined();
      expect(await get(result)).toEqual(times(48, (i) => [root?.id, parent?.id, i + 2]));
    },
  },
  {
    row: 28,
    name: "test_chord::test_parent_ids",
    run: async (world) => {
      const { ids, collectIds } = world.tasks;
      const header = times(47, (i) => ids.si(i + 3));
      const body = chain(collectIds.s(50), ids.si(51));
      await assertParents(world, await chain(ids.si(1), ids.si(2), chord(header, body)).delay());
    },
  },
  {
    row: 28,
    name: "test_chord::test_parent_ids__OR",
    run: async (world) => {
      const { ids, collectIds } = world.tasks;
      const header = group(times(47, (i) => ids.si(i + 3)));
      const canvas = ids.si(1).pipe(ids.si(2)).pipe(header).pipe(collectIds.s(50)).pipe(ids.si(51));
      await assertParents(world, await canvas.delay());
    },
  },
  {
    row: 39,
    name: "test_chord_header_id_duplicated_on_rabbitmq_msg_duplication",
    run: async ({ tasks: { identity, add }, get, quiet, trouble, journal, redeliver }) => {
      const result = await chain(identity.s(42), chord([add.s(1), add.s(2)], identity.s())).delay();
      expect(await get(result)).toEqual([43, 44]);
      await quiet();
      const [first] = trouble.messages("identity");
      if (first) await redeliver(first);
      await quiet();
      const members = trouble.messages("add");
      expect(members.length).toBeGreaterThanOrEqual(2);
      expect(new Set(members.map(({ group }) => group)).size).toBe(1);
      expect(new Set(members.map(({ id }) => id)).size).toBe(2);
      expect(journal.runs("add")).toHaveLength(2);
      expect(await get(result)).toEqual([43, 44]);
    },
  },
  {
    row: 41,
    name: "test_freezing_chain_sets_id_of_last_task",
    run: async ({ tasks: { add }, get, quiet, journal }) => {
      const taskId = "42";
      const result = await chain(add.s(4, 4), add.s(2).set({ taskId })).delay();
      expect(result.id).toBe(taskId);
      await quiet();
      expect(await get(result)).toBe(10);
      expect(journal.runs("add").map(({ id }) => id === taskId)).toEqual([false, true]);
    },
  },
];

/** The handle itself, the step before it, and so on. */
function ancestors(handle: Handle): readonly Handle[] {
  return handle.parent === undefined ? [handle] : [handle, ...ancestors(handle.parent)];
}

/**
 * Of ids(1), ids(2), a group of ids(3..49), collect_ids(50), ids(51). Celery's body is the child of whichever member ended last;
 * here it is the group's, whatever the order, and who repeats it says the same.
 */
async function assertParents({ get }: World, result: Handle): Promise<void> {
  const [last, body, header, second, first] = ancestors(result);
  const root = first?.id;
  expect(ancestors(result)).toHaveLength(5);
  expect(await get(last as Handle)).toEqual([root, body?.id, 51]); // its length has been asserted
  const members = times(47, (i) => [root, second?.id, i + 3]);
  expect(await get(body as Handle)).toEqual([members, [root, header?.id, 50]]);
  expect(await get(header as GroupResult)).toEqual(members);
  expect(await get(second as Handle)).toEqual([root, first?.id, 2]);
  expect(await get(first as Handle)).toEqual([root, null, 1]);
}
