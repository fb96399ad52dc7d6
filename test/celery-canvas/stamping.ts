// Celery's test_stamping_mechanism: a stamp reaches every task of a canvas, its callbacks too, and stays through retries and replacements.
import { expect } from "vitest";
import { chain, chord, group, signature } from "../../lib/canvas.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import type { Case, Readable, World } from "./world.ts";

const STAMP = { stamp: 42 };

/** All runs, all messages, and all callbacks in these have the stamp. */
function expectStamped({ journal, trouble }: World, [name, value]: readonly [string, unknown] = ["stamp", 42]): void {
  const stamped = ({ options }: WireSignature) => ({ [name]: options[name], stamped_headers: options.stamped_headers });
  expect(journal.runs()).not.toEqual([]);
  expect(journal.runs().map(({ stamps }) => stamps[name])).toEqual(journal.runs().map(() => value));
  const messages = trouble.sent.filter(({ task }) => !task.startsWith("lovage."));
  for (const { stamps, stampedHeaders, link, linkError } of messages) {
    expect([stamps?.[name], stampedHeaders]).toEqual([value, expect.arrayContaining([name])]);
    for (const sig of [...link, ...linkError])
      expect(stamped(sig)).toEqual({ [name]: value, stamped_headers: expect.arrayContaining([name]) });
  }
}

export const stamping: readonly Case[] = [
  {
    row: 62,
    name: "test_stamping_workflow",
    run: async (world) => {
      const { add, identity, xsum } = world.tasks;
      const header = group([chain(add.s(1, 2), add.s(3)), chain(add.s(4, 5), add.s(6)), identity.si(21)]);
      const workflow = chain(header, group([xsum.s(), xsum.s()]))
        .link(identity.si("link"))
        .linkError(identity.si("link_error"))
        .stamp(() => ({ on_signature: 42 }));
      expect(await world.value(workflow)).toEqual([42, 42]);
      await world.quiet();
      expectStamped(world, ["on_signature", 42]);
      expect(world.journal.runs("identity").map(({ args }) => args[0])).toEqual([21, "link", "link"]);
    },
  },
  {
    row: 62,
    name: "test_all_tasks_of_canvas_are_stamped",
    run: async (world) => {
      const { add, xsum } = world.tasks;
      const eleven = chain(add.s(1, 1), add.s(10));
      const twentyTwo = chain(add.s(2, 2), add.s(20));
      for (const canvas of [
        add.s(1, 1),
        group([add.s(1, 1), add.s(2, 2)]),
        chain(add.s(1, 1), add.s(2)),
        chord([add.s(1, 1), add.s(2, 2)], xsum.s()),
        chain(group([add.s(0, 0)]), xsum.s()), // in Celery a group of one is its member there, and add.s(-1) follows it
        eleven,
        group([eleven, twentyTwo]),
        chain(eleven, chain(add.s(2), add.s(20))),
        chord([eleven, twentyTwo], xsum.s()),
        chain(chain(eleven, chain(add.s(2), add.s(20))), chain(add.s(3), add.s(30))),
        chord([chain(add.s(1, 1), add.s(2)), chord([add.s(3, 3), add.s(4, 4)], xsum.s())], xsum.s()),
      ]) {
        await world.value(canvas.stamp(STAMP));
        expectStamped(world);
      }
    },
  },
  {
    row: 62,
    name: "test_replace_merge_stamps",
    run: async (world) => {
      expect(await world.value(world.tasks.replaceWithStampedTask.s().stamp(STAMP))).toBe(true);
      expectStamped(world);
      expect(world.journal.runs("replaced_with_me").map(({ stamps }) => stamps)).toEqual([
        { ...STAMP, StampOnReplace: "This is the replaced task" },
      ]);
    },
  },
  {
    row: 62,
    name: "test_stamps_remain_on_task_retry",
    run: async (world) => {
      expect(await world.value(world.tasks.retryOnce.si().stamp(STAMP))).toBe(1);
      expect(world.journal.runs("retry_once").map(({ retries }) => retries)).toEqual([0, 1]);
      expectStamped(world);
    },
  },
  {
    row: 62,
    name: "test_properties_not_affected_from_stamping",
    run: async (world) => {
      expect(await world.value(world.tasks.add.si(1, 1).stamp(STAMP))).toBe(2);
      expectStamped(world);
      const [sent] = world.trouble.messages("add").map((message) => JSON.parse(world.trouble.bodyOf(message)));
      expect(sent.headers).toMatchObject({ stamps: STAMP, stamped_headers: ["stamp"] });
      expect(Object.keys(sent.properties)).toEqual(["correlation_id", "delivery_info", "delivery_tag"]);
    },
  },

  // In no row of the table.
  {
    name: "test_stamp_value_type_defined_by_visitor",
    run: async ({ tasks: { add }, value, trouble }) => {
      for (const stamp of [42, [4, 2]]) expect(await value(add.si(1, 1).stamp(() => ({ stamp })))).toBe(2);
      const sent = new Set(trouble.messages("add").map(({ stamps }) => JSON.stringify(stamps)));
      expect(sent).toEqual(new Set(['{"stamp":42}', '{"stamp":[4,2]}']));
    },
  },
  {
    name: "test_task_received_has_access_to_stamps",
    run: async (world) => {
      await world.value(world.tasks.add.si(1, 1).stamp(STAMP));
      expectStamped(world);
    },
  },
  {
    name: "test_linking_stamped_sig",
    run: async (world) => {
      const { identity } = world.tasks;
      const first = identity.si("passing sig").stamp({ mtask_id: "first" });
      await world.value(first.link(identity.si("link_sig")).stamp({ mtask_id: "1234" }));
      await world.quiet();
      expectStamped(world, ["mtask_id", "1234"]);
      expect(world.journal.runs("identity")).toHaveLength(2);
    },
  },
  {
    name: "test_err_linking_stamped_sig",
    run: async (world) => {
      const { identity, fail } = world.tasks;
      const first = fail.si().stamp({ mtask_id: "first" });
      const canvas = first.linkError(identity.si("link_error")).stamp({ mtask_id: "1234" });
      expect(await world.error(canvas)).toBe("ExpectedException");
      await world.quiet();
      expectStamped(world, ["mtask_id", "1234"]);
      expect(world.journal.runs("identity")).toHaveLength(1);
    },
  },
  {
    name: "test_stamp_canvas_with_dictionary_link",
    run: async (world) => {
      const { identity } = world.tasks;
      const canvas = { ...identity.si(42).toJSON(), options: { link: { ...identity.si(43).toJSON() } } };
      expect(await world.value(signature<[], unknown, Readable>(canvas, world.app).stamp(STAMP))).toBe(42);
      await world.quiet();
      expectStamped(world);
    },
  },
  {
    name: "test_stamp_canvas_with_dictionary_link_error",
    run: async (world) => {
      const { fail } = world.tasks;
      const canvas = { ...fail.si().toJSON(), options: { link_error: { ...fail.si().toJSON() } } };
      const stamped = signature<[], unknown, Readable>(canvas, world.app).stamp(STAMP);
      expect(await world.error(stamped)).toBe("ExpectedException");
      await world.quiet();
      expectStamped(world);
    },
  },
];
