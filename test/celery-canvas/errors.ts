// Celery's tests of failures in canvases: whose error comes out, and whose error callbacks are called, and how often.
import { expect } from "vitest";
import { chain, chord, group } from "../../lib/canvas.ts";
import { raises, times } from "./cases.ts";
import type { CeleryTasks } from "./tasks.ts";
import type { Callable, Case, Readable, World } from "./world.ts";

const MANY = 42;

/** What fails, as the member of a header or as a body, by the shape that Celery's tests are named after. */
const FAILING = {
  simple: ({ fail }: CeleryTasks) => fail.s(),
  chain: ({ identity, fail }: CeleryTasks) => chain(identity.si(42), fail.s(), identity.si(42)),
  chain_tail: ({ identity, fail }: CeleryTasks) => chain(identity.si(42), fail.s()),
  group: ({ identity, fail }: CeleryTasks) => group([identity.si(42), fail.s()]),
} as const;
const SHAPES = ["simple", "chain", "chain_tail", "group"] as const;

/** A chord with what fails in its header, and one with it as its body. */
function chordsFrom(shape: (typeof SHAPES)[number], tasks: CeleryTasks) {
  const { identity } = tasks;
  if (shape === "group") {
    const failing = FAILING.group(tasks);
    return [chord([failing], identity.s()), chord([identity.si(42)], failing)] as const;
  }
  const failing = FAILING[shape](tasks);
  return [chord([failing], identity.s()), chord([identity.si(42)], failing)] as const;
}

/** Calls it, sees it fail, and waits until everything has ended. Returns the handle. */
async function failed({ errorOf, quiet }: World, sig: Callable): Promise<Readable> {
  const handle = await sig.delay();
  expect(await errorOf(handle)).toBe("ExpectedException");
  await quiet();
  return handle;
}

export const errors: readonly Case[] = [
  {
    row: 26,
    name: "test_chain_on_error",
    run: async ({ tasks: { add, fail }, errorOf }) => {
      const result = await chain(add.s(1, 2), fail.s(), add.si(3, 4)).delay();
      expect(await errorOf(result)).toBe("ExpectedException");
      expect(result.parent).toBeDefined();
      expect(result.parent && (await errorOf(result.parent))).toBe("ExpectedException");
    },
  },
  raises(56, "test_error_propagates_from_chord2", ({ add, fail }) => [
    chain(add.s(1, 1), add.s(1), group([add.s(1), fail.s()])),
  ]),
  ...SHAPES.map((shape) => raises(56, `test_error_propagates_to_chord_from_${shape}`, (t) => chordsFrom(shape, t))),
  // Known wrong upstream on Redis (celery issue 6437).
  raises(undefined, "test_error_propagates_from_chord", ({ add, fail }) => [
    chain(add.s(1, 1), fail.s(), group([add.s(1), add.s(1)])),
  ]),

  ...SHAPES.map(
    (shape): Case => ({
      row: 57,
      name: `test_immutable_errback_called_by_chord_from_${shape}`,
      run: async (world) => {
        for (const [key, canvas] of ["header", "body"].entries()) {
          const sig = chordsFrom(shape, world.tasks)[key as 0 | 1].linkError(world.tasks.redisCount.si(canvas));
          await failed(world, sig);
          expect(world.journal.list(canvas)).toHaveLength(1);
        }
      },
    }),
  ),
  ...SHAPES.map(
    (shape): Case => ({
      row: 57,
      name: `test_mutable_errback_called_by_chord_from_${shape}`,
      run: async (world) => {
        const { tasks, journal } = world;
        const [inHeader, inBody] = chordsFrom(shape, tasks);
        const result = await failed(world, inHeader.linkError(tasks.errbackOldStyle.s()));
        expect(journal.runs("errback_old_style").map(({ args }) => args)).toEqual([[result.id]]);
        await failed(world, inBody.linkError(tasks.errbackOldStyle.s()));
        const [, bodys] = journal.runs("fail");
        expect(journal.runs("errback_old_style").map(({ args }) => args)).toEqual([[result.id], [bodys?.id]]);
      },
    }),
  ),
  {
    row: 57,
    name: "test_immutable_errback_called_by_chord_from_group_fail_multiple",
    run: async (world) => {
      const { identity, fail, redisCount } = world.tasks;
      const failing = group([...times(24, () => identity.si(42)), ...times(MANY, () => fail.s())]);
      await failed(world, chord([failing], identity.s()).linkError(redisCount.si("header")));
      expect(world.journal.list("header")).toHaveLength(1);
      await failed(world, chord([identity.si(42)], failing).linkError(redisCount.si("body")));
      expect(world.journal.list("body")).toHaveLength(MANY);
    },
  },
  {
    row: 57,
    name: "test_mutable_errback_called_by_chord_from_group_fail_multiple_on_header_failure",
    run: async (world) => {
      const { identity, fail, errbackOldStyle } = world.tasks;
      const failing = group([...times(8, () => identity.si(42)), ...times(MANY, () => fail.s())]);
      const { id } = await failed(world, chord([failing], identity.s()).linkError(errbackOldStyle.s()));
      expect(world.journal.runs("errback_old_style").map(({ args }) => args)).toEqual([[id]]);
    },
  },
  {
    row: 57,
    name: "test_mutable_errback_called_by_chord_from_group_fail_multiple_on_body_failure",
    run: async (world) => {
      const { identity, fail, errbackOldStyle } = world.tasks;
      const failing = group([...times(8, () => identity.si(42)), ...times(MANY, () => fail.s())]);
      await failed(world, chord([identity.si(42)], failing).linkError(errbackOldStyle.s()));
      const handed = world.journal.runs("errback_old_style").map(({ args }) => args[0]);
      expect(handed.toSorted()).toEqual(
        world.journal
          .runs("fail")
          .map(({ id }) => id)
          .toSorted(),
      );
      expect(handed).toHaveLength(MANY);
    },
  },

  {
    row: 58,
    name: "test_enabling_flag_allow_error_cb_on_chord_header",
    run: async (world) => {
      const { redisCount, redisEcho } = world.tasks;
      for (const [i, header] of headers(world.tasks).entries()) {
        const body = redisEcho.si("chord body called", "body").linkError(redisCount.si(`body ${i}`));
        const linked = header.map((member) => member.linkError(redisCount.si(`header ${i}`)));
        await failed(world, chord(linked, body));
        expect(world.journal.list(`header ${i}`)).toHaveLength(failing(header));
        expect(world.journal.list(`body ${i}`)).toHaveLength(1);
        // The option of a chord does the same.
        const whole = chord(header, redisEcho.si("chord body called", "body"), { errbackOnHeader: true });
        await failed(world, whole.linkError(redisCount.si(`both ${i}`)));
        expect(world.journal.list(`both ${i}`)).toHaveLength(failing(header) + 1);
      }
      expect(world.journal.list("body")).toEqual([]);
    },
  },
  {
    row: 58,
    name: "test_disabling_flag_allow_error_cb_on_chord_header",
    run: async (world) => {
      const { redisCount, redisEcho } = world.tasks;
      for (const [i, header] of headers(world.tasks).entries()) {
        const canvas = chord(header, redisEcho.si("chord body called", "body"));
        await failed(world, canvas.linkError(redisCount.si(`errback ${i}`)));
        expect(world.journal.list(`errback ${i}`)).toHaveLength(1);
      }
      expect(world.journal.list("body")).toEqual([]);
    },
  },
  {
    row: 58,
    name: "test_flag_allow_error_cb_on_chord_header_on_upgraded_chord",
    run: async (world) => {
      const { redisCount, redisEcho } = world.tasks;
      for (const [i, header] of headers(world.tasks).entries()) {
        const canvas = chain(group(header), redisEcho.si("chord body called", "body"));
        await failed(world, canvas.linkError(redisCount.si(`errback ${i}`)));
        expect(world.journal.list(`errback ${i}`)).toHaveLength(failing(header) + 1);
      }
      expect(world.journal.list("body")).toEqual([]);
    },
  },
  {
    row: 58,
    name: "test_upgraded_chord_link_error_with_header_errback_enabled",
    run: async (world) => {
      const { identity, fail, redisEcho, redisCount } = world.tasks;
      const canvas = chain(identity.si(42), group([fail.si(), fail.si()]), redisEcho.si("chord body called", "body"));
      await failed(world, canvas.linkError(redisCount.si("errback")));
      expect(world.journal.list("errback")).toHaveLength(3);
      expect(world.journal.list("body")).toEqual([]);
    },
  },
  {
    row: 58,
    name: "test_nested_chord_header_link_error",
    run: async (world) => {
      const { identity, fail, redisEcho, redisCount } = world.tasks;
      const inner = chord([identity.si("t1"), fail.si()], identity.si("t2 (body)"));
      const outer = chord([identity.si("t3"), inner], redisEcho.si("chord body called", "body"));
      await failed(world, outer.linkError(redisCount.si("errback")));
      expect(world.journal.list("errback")).toHaveLength(1);
      expect(world.journal.list("body")).toEqual([]);
    },
  },

  raises(59, "test_chord_error_propagation_with_different_body_types[body is a single_task]", (t) => [
    failingHeader(t).pipe(t.add.si(9, 7)),
  ]),
  raises(59, "test_chord_error_propagation_with_different_body_types[body is a chain]", (t) => [
    failingHeader(t).pipe(chain(t.add.si(9, 7), t.add.si(5, 7))),
  ]),
  raises(59, "test_chord_error_propagation_with_different_body_types[body is a group]", (t) => [
    failingHeader(t).pipe(group([t.add.si(9, 7), t.add.si(5, 7)])),
  ]),
  raises(59, "test_chord_error_propagation_with_different_body_types[body is a chord]", (t) => [
    failingHeader(t).pipe(chord([t.add.si(1, 1), t.add.si(2, 2)], t.add.si(10, 10))),
  ]),
  raises(59, "test_chord_error_in_nested_chain_does_not_crash", ({ add, fail, identity }) => [
    chain(chain(group([add.si(1, 1), fail.si()]), identity.s()), identity.s()),
  ]),
  raises(59, "test_chord_unlock_with_failed_task_in_nested_chain_member", ({ fail, identity }) => {
    const member = chain(fail.si(), group([identity.si(2), identity.si(3)]), identity.si(4));
    return [chain(group([identity.si(1), member]), identity.s())];
  }),

  // In no row of the table. Celery reads what its header gave from Redis; here its members' handles tell.
  {
    name: "test_chord_on_error",
    run: async (world) => {
      const { add, fail, identity, errbackOldStyle } = world.tasks;
      const body = identity.s().linkError(errbackOldStyle.s());
      const result = await failed(world, chord([add.s(1, 2), add.s(3, 4), fail.s()], body));
      expect(world.journal.runs("errback_old_style").map(({ args }) => args)).toEqual([[result.id]]);
      expect(world.journal.runs("identity")).toEqual([]);
      const [failing] = world.journal.runs("fail");
      await expect(world.get(result)).rejects.toThrow(`Dependency ${failing?.id} (member 2 of its group)`);
      const added = world.journal.runs("add").map(({ id }) => world.get(world.app.result(id)));
      expect((await Promise.all(added)).toSorted()).toEqual([3, 7]);
    },
  },
];

function failingHeader({ add, fail }: CeleryTasks) {
  return group([add.si(15, 7), fail.si()]);
}

/** Headers with some members that fail. */
function headers({ fail, identity }: CeleryTasks) {
  const [bad, good] = [fail.si(), identity.si(42)];
  return [
    [bad],
    [bad, bad, bad],
    [bad, good],
    [bad, good, good],
    [bad, good, bad],
    [bad, good, bad, good],
    [bad, good, bad, good, bad],
  ];
}

const failing = (header: readonly { readonly wire: { readonly task: string } }[]) =>
  header.filter(({ wire }) => wire.task === "fail").length;
