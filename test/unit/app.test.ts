import { describe, expect, test } from "vitest";
import { type App, type AppOptions, createApp } from "../../lib/app.ts";
import type { Backends } from "../../lib/connection.ts";
import {
  BrokerUnavailable,
  DuplicateTask,
  InvalidDelay,
  InvalidOption,
  LovageError,
  MessageTooLarge,
  NotSerializable,
  WrongContext,
} from "../../lib/errors.ts";
import { currentTask, onFargate, onLambda } from "../../lib/index.ts";
import { silentLogger } from "../../lib/log.ts";
import { MemoryBroker } from "../../lib/memory/broker.ts";
import { MemoryResultStore } from "../../lib/memory/result-store.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { decode } from "../../lib/wire/envelope.ts";

const clock = new FakeClock();

function appWith(options: AppOptions = {}) {
  const broker = new MemoryBroker(clock, [{ name: "duckling-default" }, { name: "duckling-renders" }]);
  const store = new MemoryResultStore({ clock });
  const backends: Backends = { broker, store, where: async () => ({ broker: "memory", store: "memory" }) };
  const app = createApp("duckling", {
    clock,
    logger: silentLogger,
    workloads: { default: onLambda(), renders: onFargate() },
    connect: async () => backends,
    ...options,
  });
  const sent = (workload = "default") => broker.bodies(`duckling-${workload}`).map(decode);
  return { app, broker, store, sent };
}

describe("an app", () => {
  test("has one I/O-bound container workload unless it says otherwise", () => {
    expect(createApp("duckling").workloads).toEqual({ default: onFargate({ work: "io" }) });
  });

  test("opens nothing before it is used", async () => {
    let opened = 0;
    const connect = async () => {
      opened++;
      throw new Error("no");
    };
    const app = createApp("duckling", { connect });
    app.task("add", (x: number, y: number) => x + y);
    app.result("some-id");
    await app.flush();
    await app.close();
    expect(opened).toBe(0);
  });

  test.each<[string, () => App, string]>([
    [
      "a short name",
      () => createApp("ab"),
      'app name "ab" is not allowed; use 3 to 80 letters, digits, hyphens and underscores',
    ],
    ["a name SQS would refuse", () => createApp("duck ling"), 'app name "duck ling" is not allowed'],
    ["a name too long for its queues", () => createApp("x".repeat(79)), "SQS allows 80"],
    [
      "a typo",
      () => createApp("duckling", { workload: {} } as AppOptions),
      'unknown option "workload" of app "duckling"; did you mean workloads?',
    ],
    [
      "no workloads",
      () => createApp("duckling", { workloads: {} }),
      'workloads of app "duckling" is an object; it takes at least one workload',
    ],
    [
      "a workload that is none",
      () => createApp("duckling", { workloads: { default: {} as never } }),
      'workload "default" is an object; it takes onLambda({...}) or onFargate({...})',
    ],
    [
      "a workload without a definition",
      () => createApp("duckling", { workloads: { default: undefined as never } }),
      'workload "default" is undefined',
    ],
    [
      "the name of a dead-letter queue",
      () => createApp("duckling", { workloads: { "mail-dead": onLambda() } }),
      'workload name "mail-dead" ends like the name of a dead-letter queue',
    ],
    [
      "one path for a list",
      () => createApp("duckling", { include: "./tasks.ts" as never }),
      'include of app "duckling" is "./tasks.ts"; it takes an array of module paths',
    ],
    [
      "wrong defaults, before any task",
      () => createApp("duckling", { defaults: { maxRetries: -1 } }),
      "maxRetries of the app's defaults is -1",
    ],
    [
      "limits that contradict",
      () => createApp("duckling", { defaults: { timeLimit: 1, softTimeLimit: 2 } }),
      "a soft limit must come first",
    ],
  ])("refuses %s", (_, create, message) => {
    expect(create).toThrow(InvalidOption);
    expect(create).toThrow(message);
  });

  test.each([0, 1_000_001, 1.5, "9", null])("refuses %j for maxHops, and takes what lies between", (given) => {
    expect(() => createApp("duckling", { maxHops: given as never })).toThrow(
      `maxHops of app "duckling" is ${JSON.stringify(given)}; it takes a whole number from 1 to 1000000`,
    );
    expect([1, 1_000_000].map((maxHops) => createApp("duckling", { maxHops }).maxHops)).toEqual([1, 1_000_000]);
    expect(createApp("duckling").maxHops).toBe(1_000);
  });
});

describe("defining a task", () => {
  test("gives it a name, settings and its place in the app", () => {
    const { app } = appWith({ defaults: { maxRetries: 7 } });
    const add = app.task("add", { workload: "renders" }, (x: number, y: number) => x + y);
    expect([add.name, add.taskName]).toEqual(["add", "add"]);
    expect(add.settings).toMatchObject({ workload: "renders", maxRetries: 7 });
    expect([...app.tasks.keys()]).toEqual(["add"]);
  });

  test("leaves it a plain function", async () => {
    const { app } = appWith();
    const add = app.task("add", (x: number, y: number) => x + y);
    const bound = app.task("bound", { bind: true }, (ctx, x: number) => [ctx.calledDirectly, ctx.args, x]);
    expect(add(2, 3)).toBe(5);
    expect(await bound(7)).toEqual([true, [7], 7]);
  });

  test("called directly, a bound task may report and sleep, and retry() throws", async () => {
    const { app } = appWith();
    const bound = app.task("bound", { bind: true }, async (ctx) => {
      await ctx.progress({ done: 1 });
      await ctx.updateState("HALFWAY");
      return ctx.retry();
    });
    await expect(bound()).rejects.toMatchObject({ name: "Retry" });
    expect(() => currentTask()).toThrow(WrongContext);
  });

  test("twice under one name is refused", () => {
    const { app } = appWith();
    app.task("add", () => 1);
    expect(() => app.task("add", () => 2)).toThrow(new DuplicateTask("add"));
  });

  test.each<[string, (app: App) => unknown, string]>([
    [
      "an unknown workload",
      (app) => app.task("add", { workload: "mail" }, () => 1),
      'workload of task "add" is "mail"; app "duckling" has default, renders',
    ],
    [
      "a workload every object has",
      (app) => app.task("add", { workload: "constructor" }, () => 1),
      'workload of task "add" is "constructor"',
    ],
    ["no name", (app) => app.task("", () => 1), 'a task\'s name is ""; it takes 1 to 255 characters'],
    ["a long name", (app) => app.task("x".repeat(256), () => 1), "it takes 1 to 255 characters"],
    ["no function", (app) => app.task("add", 5 as never), 'task "add" has 5 for a handler; it takes a function'],
    [
      "options in place of a function",
      (app) => app.task("add", { bind: true } as never),
      'task "add" has an object for a handler',
    ],
    ["a typo", (app) => app.task("add", { maxRetires: 1 } as object, () => 1), "did you mean maxRetries?"],
  ])("refuses %s", (_, define, message) => {
    expect(() => define(appWith().app)).toThrow(message);
  });
});

describe("a call", () => {
  test("becomes one message on its task's queue", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", { workload: "renders" }, (x: number, y: number) => x + y);
    const result = await add.delay(2, 3);
    expect(sent("renders")).toEqual([
      {
        id: result.id,
        task: "add",
        args: [2, 3],
        kwargs: {},
        rootId: result.id,
        retries: 0,
        ignoreResult: false,
        lang: "js",
        headers: {},
        link: [],
        linkError: [],
        chain: [],
      },
    ]);
    expect(sent()).toEqual([]);
  });

  test("carries what it was told", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", (x: number, y: number) => x + y);
    const log = app.task("log", (_message: string) => {});
    await add.applyAsync([2, 3], {
      countdown: "30s",
      expires: "1h",
      headers: { tenant: "a" },
      timeLimit: 20,
      softTimeLimit: 10,
      ignoreResult: true,
      link: add.s(4),
      linkError: log.si("it failed"),
    });
    const now = clock.now();
    expect(sent()).toMatchObject([
      {
        eta: now + 30_000,
        expires: now + 3_600_000,
        headers: { tenant: "a" },
        timeLimit: 20,
        softTimeLimit: 10,
        ignoreResult: true,
        link: [{ task: "add", args: [4], immutable: false }],
        linkError: [{ task: "log", args: ["it failed"], immutable: true }],
      },
    ]);
  });

  test("may choose another workload, an eta, an expiry by Date", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", (x: number, y: number) => x + y);
    const soon = new Date(clock.now() + 60_000);
    await add.applyAsync([2, 3], { workload: "renders", eta: soon, expires: soon });
    expect(sent("renders")).toMatchObject([{ eta: soon.getTime(), expires: soon.getTime() }]);
  });

  test("with a countdown of 0 has no eta", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", () => 1);
    await add.applyAsync([], { countdown: 0 });
    expect(sent()[0]).not.toHaveProperty("eta");
  });

  test("of an unknown task goes to the default workload, with kwargs for Python", async () => {
    const { app, sent } = appWith();
    await app.sendTask("proj.tasks.add", [2], { kwargs: { y: 3 } });
    expect(sent()).toMatchObject([{ task: "proj.tasks.add", args: [2], kwargs: { y: 3 } }]);
  });

  test("is awaited, or it is waited for by flush()", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", (x: number) => x);
    for (let i = 0; i < 20; i++) void add.delay(i);
    await app.flush();
    expect(sent().map(({ args }) => args[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("that cannot be sent fails flush() too, and is logged where nobody awaits it", async () => {
    const logged: unknown[] = [];
    const broker = { send: async () => Promise.reject(new BrokerUnavailable("down")) };
    const logger = { ...silentLogger, error: (fields: unknown) => void logged.push(fields) };
    const { app } = appWith({ logger, connect: async () => ({ broker, store: {} }) as never });
    void app.task("add", () => 1).delay();
    await expect(app.flush()).rejects.toThrow("down");
    expect(logged).toMatchObject([{ task: "add", error: "BrokerUnavailable: down" }]);
  });

  test("that failed before flush() fails it all the same", async () => {
    const broker = { send: async () => Promise.reject(new BrokerUnavailable("down")) };
    const { app } = appWith({ connect: async () => ({ broker, store: {} }) as never });
    void app.task("add", () => 1).delay();
    await clock.advance(0);
    await expect(app.flush()).rejects.toThrow("down");
  });
});

test("back ends that could not be reached are tried again by the next call", async () => {
  const { broker, store, sent } = appWith();
  let tries = 0;
  const connect = async () => {
    if (++tries === 1) throw new BrokerUnavailable("no credentials yet");
    return { broker, store, where: async () => ({ broker: "memory", store: "memory" }) };
  };
  const { app } = appWith({ connect });
  const add = app.task("add", (x: number) => x);
  await expect(add.delay(1)).rejects.toThrow("no credentials yet");
  await add.delay(2);
  await add.delay(3);
  expect(sent().map(({ args }) => args[0])).toEqual([2, 3]);
  expect(tries).toBe(2);
});

describe("a call is refused, with the reason, before anything is sent", () => {
  const far = () => new Date(clock.now() + 901_000);

  test.each<[string, object, new (...args: never[]) => LovageError, string]>([
    ["priority", { priority: 7 }, InvalidOption, "SQS has no priorities; give urgent tasks a workload of their own"],
    ["queue", { queue: "renders" }, InvalidOption, "a task goes to a workload; write workload"],
    [
      "a FIFO group",
      { messageGroupId: "a" },
      InvalidOption,
      "FIFO queues are not supported: they cannot delay a single message, and a retry loses its place",
    ],
    ["a FIFO duplicate", { messageDeduplicationId: "a" }, InvalidOption, "FIFO queues are not supported"],
    [
      "a countdown over 15 minutes",
      { countdown: "16m" },
      InvalidDelay,
      'the call of "add" is to start in 960 s; SQS delays a message by at most 15 minutes',
    ],
    ["an eta over 15 minutes ahead", { eta: far() }, InvalidDelay, "is to start in 901 s"],
    [
      "countdown and eta",
      { countdown: 1, eta: new Date() },
      InvalidOption,
      "was given countdown and eta; it takes one of them",
    ],
    [
      "an eta that is no Date",
      { eta: "2026-01-01" },
      InvalidOption,
      'eta of the call of "add" is "2026-01-01"; it takes a valid Date',
    ],
    [
      "an invalid Date",
      { expires: new Date("never") },
      InvalidOption,
      'expires of the call of "add" is a Date object; it takes a valid Date',
    ],
    ["an expiry of 0", { expires: 0 }, InvalidOption, "it takes more than 0 seconds"],
    ["milliseconds", { countdown: 30_000 }, InvalidOption, "looks like milliseconds"],
    [
      "an empty id",
      { taskId: "" },
      InvalidOption,
      'taskId of the call of "add" is ""; it takes 1 to 255 printable ASCII characters',
    ],
    ["an id with an umlaut", { taskId: "käse" }, InvalidOption, "printable ASCII"],
    ["an id with a newline", { taskId: "a\nb" }, InvalidOption, "printable ASCII"],
    ["an id that is too long", { taskId: "x".repeat(256) }, InvalidOption, "1 to 255"],
    ["an id that is a number", { taskId: 17 }, InvalidOption, 'taskId of the call of "add" is 17'],
    [
      "a reserved header",
      { headers: { retries: 3 } },
      InvalidOption,
      'headers of the call of "add" contains "retries", which the message itself uses',
    ],
    [
      "another number of hops than 0",
      { hops: 3 },
      InvalidOption,
      'hops of the call of "add" is 3; it takes 0, which begins a new line; otherwise Lovage counts by itself',
    ],
    ["a header of ours", { headers: { lovage_resends: 3 } }, InvalidOption, 'contains "lovage_resends"'],
    ["headers in an array", { headers: ["a"] }, InvalidOption, "is an array; it takes an object"],
    ["a header that is not JSON", { headers: { at: new Date() } }, NotSerializable, "headers.at"],
    [
      "a link that is a task",
      { link: () => 1 },
      InvalidOption,
      "it takes a signature, made with task.s(...) or task.si(...)",
    ],
    ["a link that is null", { link: null }, InvalidOption, 'link of the call of "add" is null; it takes a signature'],
    ["a link of several that is none", { linkError: [{ wire: {} }, 7] }, InvalidOption, "is 7; it takes a signature"],
    [
      "an unknown workload",
      { workload: "mail" },
      InvalidOption,
      'workload of the call of "add" is "mail"; app "duckling" has default, renders',
    ],
    // t/integration/test_tasks.py::test_soft_time_limit_exceeding_time_limit
    [
      "a soft limit over the call's hard one",
      { timeLimit: 5, softTimeLimit: 6 },
      InvalidOption,
      "a soft limit must come first",
    ],
    [
      "a soft limit over the task's hard one",
      { softTimeLimit: "6m" },
      InvalidOption,
      'softTimeLimit of the call of "add" is 360 s, over its timeLimit of 300 s',
    ],
    ["a typo", { countDown: 1 }, InvalidOption, "did you mean countdown?"],
  ])("%s", async (_, options, kind, message) => {
    const { app, sent, store } = appWith();
    const add = app.task("add", (x: number, y: number) => x + y);
    const call = add.applyAsync([2, 3], options);
    await expect(call).rejects.toThrow(kind);
    await expect(call).rejects.toThrow(message);
    expect(sent()).toEqual([]);
    expect(store.records.size).toBe(0);
  });

  test("a delay of exactly 15 minutes is kept", async () => {
    const { app, sent } = appWith();
    await app.task("add", () => 1).applyAsync([], { countdown: "15m" });
    expect(sent()).toHaveLength(1);
  });

  test("arguments that JSON would change, with the path", async () => {
    const { app } = appWith();
    const add = app.task("add", (_x: unknown) => 1);
    await expect(add.delay({ at: [new Date()] })).rejects.toMatchObject({
      name: "NotSerializable",
      path: "args[0].at[0]",
    });
    await expect(app.sendTask("x", [], { kwargs: { f: () => 1 } })).rejects.toMatchObject({ path: "kwargs.f" });
    await expect(app.sendTask("x", "ab" as never)).rejects.toThrow(
      'the arguments of "x" are a string; they are an array',
    );
    expect(() => add.s()).not.toThrow();
    expect(() => add.si(1n)).toThrow(NotSerializable);
  });

  test("a message over SQS's 1 MiB", async () => {
    const { app, sent } = appWith();
    const add = app.task("add", (_x: string) => 1);
    await expect(add.delay("x".repeat(1_048_576))).rejects.toThrow(MessageTooLarge);
    expect(sent()).toEqual([]);
  });
});

describe("a call by name is refused at the call, before anything is sent", () => {
  test.each<[string, string, object, string]>([
    ["an empty name", "", {}, 'a task\'s name is ""; it takes 1 to 255 characters'],
    ["a name of 300 characters", "x".repeat(300), {}, "it takes 1 to 255 characters"],
    ["kwargs in an array", "add", { kwargs: [1] }, 'kwargs of "add" is an array; it takes an object'],
  ])("%s", async (_, name, options, message) => {
    const { app, sent } = appWith();
    const error = await app.sendTask(name, [], options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidOption);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect(sent()).toEqual([]);
  });
});

test("every refusal has a stable code", async () => {
  const { app } = appWith();
  const error = await app.sendTask("x", [], { priority: 1 } as object).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "LOVAGE_INVALID_OPTION", name: "InvalidOption" });
  expect(error).toBeInstanceOf(LovageError);
});
