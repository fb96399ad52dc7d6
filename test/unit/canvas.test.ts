import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runWith } from "../../lib/context.ts";
import { final, finalId, idOf, tasksOf } from "../../lib/core/canvas-shape.ts";
import { certify, derivedId } from "../../lib/core/ids.ts";
import {
  chain,
  chord,
  chunks,
  createApp,
  group,
  InvalidOption,
  NotSerializable,
  type Signature,
  signature,
} from "../../lib/index.ts";
import { planCall } from "../../lib/launch.ts";
import { inMemory } from "../../lib/testing/index.ts";
import { decode } from "../../lib/wire/envelope.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";

const app = createApp("duckling");
const add = app.task("add", (x: number, y: number) => x + y);
const sum = app.task("sum", (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0));
const note = app.task("note", (...values: unknown[]) => values.length);

const bare = { args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
const wire = (task: string, args: readonly number[] = []) => ({ ...bare, task, args });
const roundTrip = (it: unknown): WireSignature => JSON.parse(JSON.stringify(it));

describe("a signature on the wire", () => {
  test("is Celery's dict", () => {
    expect(add.s(2).wire).toEqual(wire("add", [2]));
    expect(add.si(1, 2).wire).toEqual({ ...wire("add", [1, 2]), immutable: true });
    expect(roundTrip(add.s(2))).toEqual(add.s(2).wire);
    expect(() => note.s(new Date())).toThrow(NotSerializable);
  });

  test.each([
    [
      "a chain",
      chain(add.s(1, 2), add.s(3)),
      "celery.chain",
      "chain",
      { tasks: [wire("add", [1, 2]), wire("add", [3])] },
    ],
    ["a pipe", add.s(1, 2).pipe(add.s(3)), "celery.chain", "chain", { tasks: [wire("add", [1, 2]), wire("add", [3])] }],
    ["a group", group([add.s(1, 2)]), "celery.group", "group", { tasks: [wire("add", [1, 2])] }],
    [
      "a chord",
      chord(new Set([add.s(1, 2)]), sum.s()),
      "celery.chord",
      "chord",
      { header: group([add.s(1, 2)]).wire, body: wire("sum"), kwargs: {} },
    ],
  ])("so is %s", (_, sig, task, subtask_type, kwargs) => {
    expect(sig.wire).toEqual({ ...bare, task, subtask_type, kwargs });
  });

  test.each([
    ["map", note.map([1, 2]), { task: wire("note"), it: [1, 2] }],
    ["starmap", add.starmap([[1, 2]]), { task: wire("add"), it: [[1, 2]] }],
    ["chunks", chunks(add, [[1, 2]], 10), { task: wire("add"), it: [[1, 2]], n: 10 }],
  ])("and %s, which is handed nothing", (name, sig, kwargs) => {
    expect(sig.wire).toEqual({ ...bare, task: `celery.${name}`, subtask_type: name, kwargs, immutable: true });
  });

  test("as Python writes it: chunks of the captured message", () => {
    const captured = JSON.parse(readFileSync("test/fixtures/celery_wire_fixtures.json", "utf8"));
    const { task, kwargs } = decode(captured.sqs.chunks[0].MessageBody);
    const python = createApp("python").task("proj.tasks.add", (x: number, y: number) => x + y);
    const [first] = tasksOf(
      planCall(
        app,
        chunks(
          python,
          [
            [1, 1],
            [2, 2],
            [3, 3],
          ],
          2,
        ).wire,
        [],
        {},
      ).frozen,
    );
    expect(first).toMatchObject({ task, kwargs });
  });

  test("says what was set, in Celery's words", () => {
    const eta = new Date(Date.UTC(2026, 10, 21));
    const set = add.s(2).set({ countdown: "30s", expires: "1h", workload: "default", timeLimit: 9, softTimeLimit: 8 });
    expect(set.set({ headers: { tenant: "a" }, ignoreResult: true, taskId: "mine" }).wire.options).toEqual({
      ...{ countdown: 30, expires: 3_600, queue: "default", time_limit: 9, soft_time_limit: 8 },
      ...{ headers: { tenant: "a" }, ignore_result: true, task_id: "mine" },
    });
    expect(add.s(2).set({ eta, expires: eta }).wire.options).toEqual({
      eta: eta.toISOString(),
      expires: eta.toISOString(),
    });
    expect(() => add.s(2).set({ countDown: 1 } as object)).toThrow(
      'unknown option "countDown" of the signature; did you mean countdown?',
    );
  });

  test("is a value: what changes it returns another one", () => {
    const first = add.s(2);
    const linked = first.link(add.s(1)).link(note.s()).linkError(note.s("failed"));
    expect(first.wire).toEqual(wire("add", [2]));
    expect(linked.wire.options).toEqual({
      link: [wire("add", [1]), wire("note")],
      link_error: [{ ...wire("note"), args: ["failed"] }],
    });
    expect(linked.set({ countdown: 1 }).clone().wire.options).toEqual({ ...linked.wire.options, countdown: 1 });
    expect(linked.clone()).not.toBe(linked);
  });
});

describe("builders refuse", () => {
  const loose = { chain, group, chord, chunks } as unknown as Record<
    string,
    (...args: unknown[]) => Signature<[], unknown>
  >;
  test.each<[string, string, unknown[], string]>([
    [
      "a task",
      "chain",
      [add],
      "argument 0 of chain is the function add; it takes signatures, its task was given itself: call its s() or si()",
    ],
    [
      "a number",
      "group",
      [[add.s(1), 7]],
      "argument 1 of group is 7; it takes signatures, made with task.s(...), group([...]) and the like",
    ],
    ["one signature for a list", "group", [add.s(1)], "members of a group are"],
    ["a text for a list", "group", ["ab"], 'members of a group are "ab"'],
    ["nothing for a list", "group", [null], "members of a group are null"],
    ["no body", "chord", [[add.s(1, 2)]], "argument 0 of chord is undefined"],
    ["no steps", "chain", [], "a chain has no steps; give it one or more"],
    ["chunks of nothing", "chunks", [add, [], 0], "n of chunks is 0; it takes a whole number from 1 up"],
    ["an option it has not", "chord", [[], sum.s(), { errbackOnheader: true }], "did you mean errbackOnHeader?"],
  ])("%s", (_, name, args, message) => {
    const build = () => loose[name]?.(...args);
    expect(build).toThrow(InvalidOption);
    expect(build).toThrow(message);
  });

  test("a group of none, when it is called", async () => {
    await expect(group([]).delay()).rejects.toThrow("a group without a single task belongs to no app");
  });
});

describe("a chain of one", () => {
  test("is its step", () => {
    const only = add.s(1);
    expect(chain(only)).toBe(only);
  });
});

describe("a call", () => {
  const sent = async (call: () => Promise<unknown>) => {
    await using it = await inMemory(app);
    await call();
    return it.sent;
  };

  test("of a task's signature sends the task, what is missing before its own arguments, with what was set", async () => {
    const set = add.s(2).set({ countdown: 30, taskId: "mine" }).link(add.s(1));
    const [message] = await sent(() => set.delay(1));
    expect(message).toMatchObject({ task: "add", args: [1, 2], id: "mine" });
    const [called] = await sent(() => set.applyAsync([1], { taskId: "other" }));
    expect(called).toMatchObject({ id: "other" });
    const [fixed] = await sent(() => note.si(1, 2).delay(7));
    expect(fixed).toMatchObject({ args: [1, 2] });
  });

  test("of a signature from JSON too", async () => {
    const kept = roundTrip(
      add
        .s(2)
        .set({ expires: 60, taskId: "mine", headers: { tenant: "a" } })
        .link(add.s(1)),
    );
    const again = signature<[number], number>(kept, app);
    expect(again.wire).toEqual(kept);
    expect(again.set({ countdown: 1 }).wire.options).toEqual({ ...kept.options, countdown: 1 });
    const [message] = await sent(() => again.delay(1));
    expect(message).toMatchObject({ task: "add", args: [1, 2], id: "mine", headers: { tenant: "a" } });
  });
});

describe("a signature from JSON", () => {
  test.each([
    chain(add.s(1, 2), chain(add.s(3), add.s(4))),
    chain(add.s(1, 2), group([add.s(3)])),
    chain(add.s(1, 2), chord([add.s(3)], sum.s())),
    group([chain(add.s(1, 2), add.s(3))]),
    group([group([add.s(1, 2)])]),
    group([chord([add.s(1, 2)], sum.s())]),
    chord([chain(add.s(1, 2), add.s(3))], chain(sum.s(), add.s(1))),
    chord([add.s(1, 2)], group([sum.s()])),
    chord([add.s(1, 2)], chord([sum.s()], sum.s())),
  ])("is planned as before: %j", (canvas) => {
    const options = { taskId: "w-1" };
    const again = signature(roundTrip(canvas), app);
    expect(again.wire).toEqual(canvas.wire);
    const planned = planCall(app, canvas.wire, [], options);
    expect({ ...planCall(app, again.wire, [], options), publish: [] }).toEqual({ ...planned, publish: [] });
    expect(planned.id).toBe("w-1");
  });

  test("keeps what Lovage has no word for, and reads moments", () => {
    const python = {
      ...wire("add", [1, 2]),
      options: { reply_to: "x", eta: "2026-11-21T00:00:00Z", expires: "2026-11-22T00:00:00Z", link: wire("note") },
    };
    const { options } = signature(python, app).set({ countdown: 1 }).wire;
    expect(options).toMatchObject({
      reply_to: "x",
      eta: "2026-11-21T00:00:00.000Z",
      expires: "2026-11-22T00:00:00.000Z",
      link: [wire("note")],
      countdown: 1,
    });
  });

  test.each([
    [7, "a signature is 7; it takes what JSON.stringify(signature) wrote, parsed"],
    [{}, "the signature names no task; it takes Celery's dict"],
    [{ task: "add", args: 7 }, "the signature.args is a number, not an array"],
  ])("%j is refused", (value, message) => {
    expect(() => signature(value as unknown as WireSignature, app)).toThrow(message);
  });
});

describe("a plan", () => {
  test("of what is called outside tasks has a fresh id for its first unit", () => {
    const planned = planCall(app, chain(add.s(2), add.s(3)).wire, [1], {});
    expect(certify(planned.rootId, app.key)).toMatchObject({ genuine: true, madeAt: expect.any(Number) });
    expect(certify(planned.id, app.key)).toEqual({ genuine: true, untracked: false });
    expect(planned.publish[0]?.envelope).toMatchObject({ id: planned.rootId, args: [1, 2], chain: [{ args: [3] }] });
    expect(finalId(planned.frozen)).toBe(planned.id);
  });

  test("has the options of its call", () => {
    const { frozen, publish } = planCall(app, chain(add.s(2), add.s(3)).wire, [1], { countdown: 5, expires: 60 });
    expect(publish[0]?.delaySeconds).toBe(5);
    expect(final(frozen).options).toMatchObject({ expires: 60 });
    expect(() => planCall(app, add.s(1).wire, [new Date()], {})).toThrow(NotSerializable);
  });

  test("inside a task is the same whenever the task runs again", () => {
    const context = { id: "t-1", retries: 0, rootId: "r-1", hops: 2 } as Parameters<typeof runWith>[0];
    const both = () => runWith(context, () => [0, 1].map(() => planCall(app, group([add.s(1, 2)]).wire, [], {})));
    const [first, second] = both();
    expect(both()).toEqual([first, second]);
    expect(first?.id).not.toBe(second?.id);
    expect(first).toMatchObject({ rootId: "r-1" });
    expect(first?.publish[0]?.envelope).toMatchObject({ rootId: "r-1", parentId: "t-1", hops: 3 });
    expect(idOf(first?.frozen as WireSignature)).not.toBe(derivedId(app.key, "t-1", "0"));
  });
});
