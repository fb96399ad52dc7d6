import { describe, expect, test } from "vitest";
import { InvalidOption } from "../../lib/errors.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

describe("onLambda", () => {
  test("is for I/O: batches of ten, a minute, six times that out of sight", () => {
    expect(onLambda()).toEqual({
      kind: "lambda",
      work: "io",
      batchSize: 10,
      maxReceiveCount: 8,
      memoryMb: 512,
      visibilitySeconds: 360,
      heartbeatVisibilitySeconds: 30,
      concurrency: 10,
      prefetch: 1,
      byCall: false,
      lambda: { timeoutSeconds: 60, maxConcurrency: 10 },
    });
  });

  test("CPU-heavy work comes one at a time", () => {
    expect(onLambda({ work: "cpu", memory: "4GB" })).toMatchObject({
      batchSize: 1,
      concurrency: undefined,
      memoryMb: 4_096,
    });
  });

  test("the queue waits six timeouts, rounded up", () => {
    expect(onLambda({ timeout: "3.1s" }).visibilitySeconds).toBe(19);
    expect(onLambda({ timeout: "15m" }).visibilitySeconds).toBe(5_400);
  });
});

describe("onFargate", () => {
  test("is for CPU-heavy work: one job in hand for every slot", () => {
    expect(onFargate()).toEqual({
      kind: "fargate",
      work: "cpu",
      batchSize: 1,
      maxReceiveCount: 8,
      memoryMb: 2_048,
      visibilitySeconds: 30,
      heartbeatVisibilitySeconds: 30,
      concurrency: undefined,
      prefetch: 1,
      byCall: false,
      fargate: { cpu: 1, maxWorkers: 10 },
    });
  });

  test("I/O-bound work runs ten at a time", () => {
    expect(onFargate({ work: "io" })).toMatchObject({ batchSize: 10, concurrency: 10 });
  });

  test("takes what it is told", () => {
    const told = onFargate({
      work: "io",
      cpu: 0.25,
      memory: "1.5GB",
      maxWorkers: 3,
      concurrency: 4,
      prefetch: 2,
      visibilityTimeout: "2m",
      maxReceiveCount: 5,
    });
    expect(told).toMatchObject({
      memoryMb: 1_536,
      concurrency: 4,
      prefetch: 2,
      visibilitySeconds: 120,
      heartbeatVisibilitySeconds: 120,
      maxReceiveCount: 5,
      fargate: { cpu: 0.25, maxWorkers: 3 },
    });
  });
});

test("calls alone may choose either kind", () => {
  expect([onLambda({ byCall: true }).byCall, onFargate({ byCall: true }).byCall]).toEqual([true, true]);
});

test("a definition cannot be changed", () => {
  expect(Object.isFrozen(onLambda()) && Object.isFrozen(onFargate())).toBe(true);
});

describe("refusals name the number and the limit", () => {
  test.each<[string, () => unknown, string]>([
    [
      "a timeout over Lambda's",
      () => onLambda({ timeout: "16m" }),
      "timeout of onLambda() is 960 s; Lambda allows 900 s, use onFargate() for longer work",
    ],
    [
      "a function that ends before it could record a task",
      () => onLambda({ timeout: "2s" }),
      "timeout of onLambda() is 2 s; it takes at least 3 s: 2 s of it are kept for the record of a task that is cut off and for the answer, and its lease has to fit into 6 timeouts",
    ],
    ["no timeout", () => onLambda({ timeout: 0 }), "timeout of onLambda() is 0; it takes more than 0 seconds"],
    [
      "milliseconds",
      () => onLambda({ timeout: 60_000 }),
      "timeout of onLambda() is 60000, which looks like milliseconds",
    ],
    [
      "a single invocation",
      () => onLambda({ maxConcurrency: 1 }),
      "maxConcurrency of onLambda() is 1; it takes a whole number from 2 to 1000",
    ],
    [
      "too many invocations",
      () => onLambda({ maxConcurrency: 1_001 }),
      "maxConcurrency of onLambda() is 1001; it takes a whole number from 2 to 1000",
    ],
    [
      "memory without a unit",
      () => onLambda({ memory: "512" }),
      'memory of onLambda() is "512"; it takes a string such as "512MB" or "4GB"',
    ],
    [
      "memory as a number",
      () => onFargate({ memory: 512 as never }),
      "memory of onFargate() is 512; it takes a string",
    ],
    ["too little CPU", () => onFargate({ cpu: 0.1 }), "cpu of onFargate() is 0.1; it takes a number from 0.25 to 16"],
    [
      "no workers",
      () => onFargate({ maxWorkers: 0 }),
      "maxWorkers of onFargate() is 0; it takes a whole number from 1 to 5000",
    ],
    [
      "no receives",
      () => onFargate({ maxReceiveCount: 0 }),
      "maxReceiveCount of onFargate() is 0; it takes a whole number from 1 to 1000",
    ],
    [
      "too much in hand",
      () => onFargate({ prefetch: 11 }),
      "prefetch of onFargate() is 11; it takes a whole number from 1 to 10",
    ],
    [
      "no room for a lease",
      () => onFargate({ visibilityTimeout: 14 }),
      "visibilityTimeout of onFargate() is 14 s; it takes whole seconds from 15",
    ],
    [
      "over SQS's 12 hours",
      () => onFargate({ visibilityTimeout: "13h" }),
      "visibilityTimeout of onFargate() is 46800 s",
    ],
    ["part of a second", () => onFargate({ visibilityTimeout: 30.5 }), "visibilityTimeout of onFargate() is 30.5 s"],
    [
      "a word that is no work",
      () => onFargate({ work: "gpu" as never }),
      'work of onFargate() is "gpu"; it takes "io" or "cpu"',
    ],
    [
      "a word for byCall",
      () => onFargate({ byCall: "yes" as never }),
      'byCall of onFargate() is "yes"; it takes true or false',
    ],
    [
      "a typo",
      () => onLambda({ timout: "1m" } as object),
      'unknown option "timout" of onLambda(); did you mean timeout?',
    ],
  ])("%s", (_, define, message) => {
    expect(define).toThrow(message);
    expect(define).toThrow(InvalidOption);
  });

  test("the shortest visibility timeout is taken, and its heartbeat is named in the refusal", () => {
    expect(onFargate({ visibilityTimeout: 15 }).visibilitySeconds).toBe(15);
    expect(() => onFargate({ visibilityTimeout: 1 })).toThrow("renewed every 1666 ms) to 43200");
  });

  test.each([
    ["onLambda", () => onLambda({ fifo: true } as object)],
    ["onFargate", () => onFargate({ fifo: true } as object)],
  ])("%s refuses FIFO, with the reason", (_, define) => {
    expect(define).toThrow("is not supported: a FIFO queue cannot delay a single message, and a retry loses its place");
  });
});
