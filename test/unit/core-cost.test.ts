// The bill: units, lines, what remains in an idle month.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argumentsOf, resultOf } from "../../lib/core/cost/carried.ts";
import { busyMonth, type Mix, perMillion } from "../../lib/core/cost/cost.ts";
import { idleMonth, idleMonthOfApp } from "../../lib/core/cost/idle.ts";
import { type CostLine, dearest, line, total } from "../../lib/core/cost/line.ts";
import { PRICES } from "../../lib/core/cost/prices.ts";
import { GB, SIZES } from "../../lib/core/cost/sizes.ts";
import { type Usage, usageOf, type Work } from "../../lib/core/cost/usage.ts";
import { COST_DEFAULTS, MAX_RESULT_BYTES, PAYLOADS, SQS } from "../../lib/defaults.ts";
import { InvalidOption } from "../../lib/errors.ts";
import { type TaskOptions, taskSettings } from "../../lib/settings.ts";
import { onFargate, onLambda, type Workload } from "../../lib/workload.ts";

const WORK: Work = { ...COST_DEFAULTS };
const LIMITS = { argsOver: PAYLOADS.argsOver, resultsOver: PAYLOADS.resultsOver };
const task = (options: TaskOptions = {}) => taskSettings("reports.make", options, {});

function usage(
  options: TaskOptions = {},
  work: Partial<Work> = {},
  workload: Workload = onLambda(),
  payloads = false,
): Usage {
  return usageOf(task(options), workload, { ...WORK, ...work }, payloads ? LIMITS : undefined);
}

describe("SQS requests of a task", () => {
  test("as many as the workload takes share one", () => {
    expect(usage()).toMatchObject({ sends: 0.1, receives: 0.1, deletes: 0.1 });
    expect(usage({}, { together: 1 })).toMatchObject({ sends: 1, receives: 1, deletes: 1 });
    expect(usage({}, {}, onLambda({ work: "cpu" }))).toMatchObject({ sends: 0.1, receives: 1, deletes: 1 });
    expect(usage({}, {}, { ...onLambda(), batchSize: 5 })).toMatchObject({
      receives: 0.2,
      deletes: 0.2,
      invocations: 0.2,
    });
    expect(usage({}, {}, onFargate({ work: "io", concurrency: 4 }))).toMatchObject({ receives: 0.25, deletes: 0.25 });
    expect(usage({}, {}, onFargate({ work: "io", concurrency: 2, prefetch: 3 }))).toMatchObject({ receives: 1 / 6 });
    expect(usage({}, {}, onFargate({ work: "cpu", cpu: 4 }))).toMatchObject({ receives: 1, deletes: 1 });
  });

  test("each started 64 KB of a request is one", () => {
    const filling = SQS.billedStepBytes - SIZES.envelope;
    expect(usage({}, { together: 1, argsBytes: filling })).toMatchObject({ sends: 1, receives: 1, deletes: 1 });
    expect(usage({}, { together: 1, argsBytes: filling + 1 })).toMatchObject({ sends: 2, receives: 2, deletes: 1 });
    expect(usage({}, { argsBytes: filling })).toMatchObject({ sends: 1, receives: 1, deletes: 0.1 });
  });

  test("no more share one than fit into it", () => {
    const half = SQS.maxMessageBytes / 2 - SIZES.envelope;
    expect(usage({}, { argsBytes: half })).toMatchObject({ sends: 8, receives: 8, deletes: 0.5 });
    expect(usage({}, { argsBytes: half + 1 })).toMatchObject({ sends: 9, receives: 9, deletes: 1 });
  });
});

describe("DynamoDB units of a task", () => {
  test.each([
    [{}, 2],
    [{ claim: false }, 1],
    [{ ignoreResult: true }, 0],
    [{ ignoreResult: true, claim: false }, 0],
  ])("%j", (options, writes) => {
    expect(usage(options).writes).toBe(writes);
  });

  test("one more for each started KB of the record when it ends, not when it is claimed", () => {
    const filling = 1_024 - SIZES.record;
    expect(usage({}, { resultBytes: filling }).writes).toBe(2);
    expect(usage({}, { resultBytes: filling + 1 }).writes).toBe(3);
    expect(usage({ claim: false }, { resultBytes: 3_072 }).writes).toBe(4);
  });

  test("a read for each look at the result, and each started 4 KB", () => {
    expect(usage().reads).toBe(1);
    expect(usage({}, { reads: 3, resultBytes: 4_096 - SIZES.record }).reads).toBe(3);
    expect(usage({}, { reads: 3, resultBytes: 4_097 - SIZES.record }).reads).toBe(6);
    expect(usage({ ignoreResult: true }, { reads: 3 }).reads).toBe(0);
  });

  test("a record is kept for 15 days and removed within two more, or as long as its result", () => {
    const bytes = (SIZES.record + 200 + SIZES.itemOverhead) / GB;
    expect(usage().records).toBeCloseTo((bytes * 17) / 30, 12);
    expect(usage({ resultExpires: "28d" }).records).toBeCloseTo(bytes, 12);
    expect(usage({ ignoreResult: true }).records).toBe(0);
  });
});

describe("heartbeats", () => {
  const container = onFargate({ visibilityTimeout: "40s" }); // a beat every 10 s

  test("a long-running worker renews visibility and claim", () => {
    expect(usage({}, { durationSeconds: 9.9 }, container)).toMatchObject({ visibilityChanges: 0, heartbeats: 0 });
    expect(usage({}, { durationSeconds: 10 }, container)).toMatchObject({ visibilityChanges: 1, heartbeats: 1 });
    expect(usage({}, { durationSeconds: 35 }, container)).toMatchObject({ visibilityChanges: 3, heartbeats: 3 });
  });

  test("without a claim there is only the visibility", () => {
    for (const options of [{ claim: false }, { ignoreResult: true }])
      expect(usage(options, { durationSeconds: 35 }, container)).toMatchObject({ visibilityChanges: 3, heartbeats: 0 });
  });

  test("a function has none", () => {
    expect(usage({}, { durationSeconds: 50 })).toMatchObject({ visibilityChanges: 0, heartbeats: 0 });
  });
});

describe("compute", () => {
  test("of an invocation, which runs its batch side by side", () => {
    const found = usage({}, {}, onLambda({ memory: "1GB" }));
    expect(found.invocations).toBe(0.1);
    expect(found.compute).toBeCloseTo((0.2 + 0.005 + 2 * 0.005) / 10, 12);
    expect(usage({ ignoreResult: true }, {}, onLambda({ memory: "2GB", work: "cpu" })).compute).toBeCloseTo(
      2 * 0.205,
      12,
    );
    expect(found).toMatchObject({ vcpu: 0, memory: 0, addresses: 0 });
  });

  test("of a container, which runs as many as it has slots", () => {
    const found = usage({ ignoreResult: true }, { durationSeconds: 36 }, onFargate({ cpu: 2, memory: "8GB" }));
    expect(found).toMatchObject({ vcpu: 0.01, memory: 0.04, addresses: 0.005, invocations: 0, compute: 0 });
    const io = onFargate({ work: "io", cpu: 0.5, concurrency: 20 });
    expect(usage({ ignoreResult: true }, { durationSeconds: 36 }, io).vcpu).toBeCloseTo(0.5 * 0.0005, 12);
    const small = onFargate({ cpu: 0.25 });
    expect(usage({ ignoreResult: true }, { durationSeconds: 36 }, small)).toMatchObject({
      vcpu: 0.0025,
      addresses: 0.01,
    });
  });

  test("ends at the task's time limit, and at the function's timeout", () => {
    const cut = usage({}, { durationSeconds: 10_000 });
    expect(cut.compute).toBe(usage({}, { durationSeconds: 60 }).compute);
    expect(usage({ timeLimit: "5s" }, { durationSeconds: 60 }).compute).toBe(usage({}, { durationSeconds: 5 }).compute);
  });
});

describe("large arguments and results", () => {
  test("leave a reference in the message and the record", () => {
    expect(argumentsOf(1_000_000, LIMITS)).toEqual({ inline: SIZES.envelope + SIZES.reference, objects: 1 });
    expect(resultOf(1_000_000, LIMITS)).toEqual({ inline: SIZES.reference, objects: 1 });
  });

  test("go by reference where the app has payloads", () => {
    const found = usage({}, { argsBytes: 1_000_000, resultBytes: 100_000, reads: 2 }, onLambda(), true);
    expect(found).toMatchObject({ puts: 2, gets: 3, sends: 0.1, writes: 2 });
    expect(found.objects).toBeCloseTo(((1_000_000 / GB) * 32 + (100_000 / GB) * 16) / 30, 12);
    expect(usage({ ignoreResult: true }, { resultBytes: 100_000 }, onLambda(), true)).toMatchObject({
      puts: 0,
      gets: 0,
    });
    const atTheThreshold = { argsBytes: PAYLOADS.argsOver - SIZES.envelope, resultBytes: PAYLOADS.resultsOver };
    expect(usage({}, atTheThreshold, onLambda(), true)).toMatchObject({ puts: 0, gets: 0, objects: 0 });
  });

  test.each([
    [
      { argsBytes: SQS.maxMessageBytes },
      false,
      /^arguments of 1049036 bytes cannot be: SQS's limit for a message is 1048576; .*payloads/,
    ],
    [
      { resultBytes: MAX_RESULT_BYTES + 1 },
      false,
      /^a result of 368641 bytes cannot be: what a record holds is 368640; .*payloads/,
    ],
    [
      { argsBytes: PAYLOADS.maxBytes + 1 },
      true,
      /^arguments of 33554433 bytes cannot be: a payload's limit is 33554432$/,
    ],
    [
      { resultBytes: PAYLOADS.maxBytes + 1 },
      true,
      /^a result of 33554433 bytes cannot be: a payload's limit is 33554432$/,
    ],
  ])("%j, payloads: %s: cannot be", (work, payloads, message) => {
    expect(() => usage({}, work, onLambda(), payloads)).toThrow(InvalidOption);
    expect(() => usage({}, work, onLambda(), payloads)).toThrow(message);
    const largest = Object.fromEntries(
      Object.entries(work).map(([name, bytes]) => [
        name,
        bytes - (name === "argsBytes" && !payloads ? SIZES.envelope : 1),
      ]),
    );
    expect(() => usage({}, largest, onLambda(), payloads)).not.toThrow();
  });
});

test("logs: a line of each task, and of each invocation", () => {
  const own = SIZES.logLine + SIZES.metricsOfTask;
  expect(usage({}, {}, onFargate()).logs).toBeCloseTo(own / GB, 15);
  expect(usage().logs).toBeCloseTo((own + (SIZES.invocationLog + SIZES.metricsDocument) / 10) / GB, 15);
});

describe("the lines of a million tasks", () => {
  const mix = (options: readonly TaskOptions[], workload: Workload = onLambda(), work: Partial<Work> = {}): Mix => ({
    workload,
    tasks: options.map(task),
    work: { ...WORK, ...work },
  });
  const named = (lines: readonly CostLine[], what: string) => lines.find((one) => one.what === what);

  test("units, price and dollars agree; what is not used has no line", () => {
    const lines = perMillion(mix([{}]));
    for (const one of lines) expect(one.dollars).toBeCloseTo((one.units * one.price) / one.pricePer, 10);
    expect(lines.map(({ what }) => what)).toEqual([
      "SQS sends",
      "SQS receives",
      "SQS deletes",
      "DynamoDB writes",
      "DynamoDB reads",
      "DynamoDB storage",
      "Lambda requests",
      "Lambda compute",
      "CloudWatch logs",
    ]);
    expect(named(lines, "DynamoDB writes")).toMatchObject({ units: 2_000_000, unit: "write units", dollars: 1.25 });
    expect(named(lines, "SQS sends")?.dollars).toBeCloseTo(0.04, 10);
  });

  test("each task has an equal part", () => {
    const three = perMillion(mix([{}, { claim: false }, { ignoreResult: true }]));
    expect(named(three, "DynamoDB writes")?.units).toBe(1_000_000);
    const alone = [{}, { claim: false }, { ignoreResult: true }].map((one) => total(perMillion(mix([one]))));
    expect(total(three)).toBeCloseTo(alone.reduce((sum, one) => sum + one) / 3, 10);
  });

  test("every line says how it was counted, with the numbers", () => {
    const long = { durationSeconds: 25.5, argsBytes: 400_000, resultBytes: 20_000 };
    const container = {
      ...mix([{}, { ignoreResult: true, timeLimit: "20s" }], onFargate({ cpu: 2 }), long),
      payloads: LIMITS,
    };
    const said = Object.fromEntries(perMillion(container).map(({ what, assumption }) => [what, assumption]));
    expect(said).toMatchInlineSnapshot(`
      {
        "CloudWatch logs": "220 bytes of log and 18 of metrics a task",
        "DynamoDB heartbeats": "one for every 6.67 s that a task runs, where it is claimed",
        "DynamoDB reads": "1 for each result, by started 4 KB; a get() that waits looks more often",
        "DynamoDB storage": "for 15 days, or resultExpires if longer, and 2 until they are removed",
        "DynamoDB writes": "1 a task (0 with ignoreResult, 2 claimed); one more for each started KB of a record after the first",
        "Fargate memory": "2048 MB: 25.5 s or 20 s each, 2 at a time, never idle",
        "Fargate vCPU": "2 vCPU: 25.5 s or 20 s each, 2 at a time, never idle",
        "S3 reads": "arguments once, a result for each look at it",
        "S3 storage": "arguments for 32 days, results for 16, or resultExpires if longer",
        "S3 writes": "arguments and results over the thresholds of payloads",
        "SQS deletes": "1 a request",
        "SQS heartbeats": "one for every 6.67 s that a task runs",
        "SQS receives": "1 a request, none of them empty",
        "SQS sends": "10 tasks a request, billed for each started 64 KB",
        "public IPv4 address": "one for each container while it runs, in public subnets",
      }
    `);
    const lambda = perMillion(mix([{ claim: false }]));
    expect(Object.fromEntries(lambda.map(({ what, assumption }) => [what, assumption]))).toMatchInlineSnapshot(`
      {
        "CloudWatch logs": "220 bytes of log and 18 of metrics a task, 830 an invocation",
        "DynamoDB reads": "1 for each result, by started 4 KB; a get() that waits looks more often",
        "DynamoDB storage": "for 15 days, or resultExpires if longer, and 2 until they are removed",
        "DynamoDB writes": "1 a task (with claim: false); one more for each started KB of a record after the first",
        "Lambda compute": "200 ms at 512 MB, 10 side by side; 5 ms of its own and 5 for each write",
        "Lambda requests": "10 tasks each",
        "SQS deletes": "10 a request",
        "SQS receives": "10 a request, none of them empty",
        "SQS sends": "10 tasks a request, billed for each started 64 KB",
      }
    `);
  });

  test("times are in milliseconds below a second", () => {
    const compute = (durationSeconds: number) =>
      named(perMillion(mix([{}], onLambda(), { durationSeconds })), "Lambda compute")?.assumption.split(" at ")[0];
    expect([compute(0.25), compute(1), compute(2.5)]).toEqual(["250 ms", "1 s", "2.5 s"]);
  });

  test("the dearest line is the one that costs most, where anything costs", () => {
    expect(dearest(perMillion(mix([{}])))?.what).toBe("DynamoDB writes");
    expect(dearest(perMillion(mix([{}], onFargate(), { durationSeconds: 60 })))?.what).toBe("Fargate vCPU");
    expect(dearest([line("nothing", 0, "logs", "")])).toBeUndefined();
    expect(dearest([])).toBeUndefined();
  });
});

describe("an idle month", () => {
  test("of a function: pollers of both queues, alarms, and no compute", () => {
    const lines = idleMonth("lambda");
    expect(lines.map(({ what, units }) => [what, units])).toEqual([
      ["Lambda compute", 0],
      ["polling of the queue", 648_000],
      ["polling of the dead-letter queue", 648_000],
      ["alarms", 14],
    ]);
    expect(total(lines)).toBeCloseTo(2 * 0.2592 + 1.4, 10);
  });

  test("every line says how it was counted", () => {
    const all = [...idleMonth("lambda"), ...idleMonth("fargate"), ...idleMonthOfApp(), ...busyMonth(3)];
    expect(all.map(({ what, assumption }) => `${what}: ${assumption}`)).toMatchInlineSnapshot(`
      [
        "Lambda compute: no function runs",
        "polling of the queue: 5 long polls of 20 s, which Lambda keeps open",
        "polling of the dead-letter queue: 5 long polls of 20 s, which Lambda keeps open",
        "alarms: 11 alarms, billed for each metric they look at",
        "Fargate vCPU: no container runs, so nothing polls the queue",
        "container image: one of 250 MB",
        "scaling: two alarms, which start and stop the containers",
        "polling of the dead-letter queue: 5 long polls of 20 s, which Lambda keeps open",
        "alarms: 9 alarms, billed for each metric they look at",
        "dashboard: one for the app",
        "alarms of the table: billed for each metric they look at",
        "DynamoDB storage: records of before have expired",
        "CloudWatch metrics: 5 of the workload, 5 of each task, reported at every hour; LOVAGE_METRICS=off: none",
      ]
    `);
  });

  test("of containers: none runs, so none polls; their image is kept", () => {
    const lines = idleMonth("fargate");
    expect(lines.map(({ what, units }) => [what, units])).toEqual([
      ["Fargate vCPU", 0],
      ["container image", 0.25],
      ["scaling", 4],
      ["polling of the dead-letter queue", 648_000],
      ["alarms", 13],
    ]);
    expect(lines.at(-1)?.assumption).toBe("9 alarms, billed for each metric they look at");
  });

  test("each depth that raises an alarm is one more", () => {
    const alarms = (queueDepths: readonly number[]) => idleMonth("lambda", { queueDepths }).at(-1)?.units;
    expect([alarms([]), alarms([10]), alarms([10, 20])]).toEqual([11, 12, 13]);
  });

  test("of the app: dashboard, alarms of the table, and no records", () => {
    expect(idleMonthOfApp().map(({ what, dollars }) => [what, dollars])).toEqual([
      ["dashboard", 3],
      ["alarms of the table", 0.4],
      ["DynamoDB storage", 0],
    ]);
  });

  test("a month with tasks has their metrics besides", () => {
    expect(busyMonth(0).map(({ units }) => units)).toEqual([5]);
    expect(busyMonth(3).map(({ units, dollars }) => [units, dollars])).toEqual([[20, 6]]);
  });
});

test("every price has a unit, a source and a confidence", () => {
  for (const { usd, per, unit, source, confidence } of Object.values(PRICES)) {
    expect(usd).toBeGreaterThan(0);
    expect([1, 1_000_000]).toContain(per);
    expect(unit).not.toBe("");
    expect(source.length).toBeGreaterThan(10);
    expect("HML").toContain(confidence);
  }
});

describe("properties", () => {
  const workloads = fc.oneof(
    fc.record({ work: fc.constantFrom("io", "cpu"), maxConcurrency: fc.integer({ min: 2, max: 100 }) }).map(onLambda),
    fc
      .record({
        work: fc.constantFrom("io", "cpu"),
        cpu: fc.constantFrom(0.25, 1, 4),
        concurrency: fc.integer({ min: 1, max: 50 }),
      })
      .map(onFargate),
  );
  const options = fc.record({ claim: fc.boolean(), ignoreResult: fc.boolean() });
  const works = fc.record({
    durationSeconds: fc.double({ min: 0.001, max: 1_000, noNaN: true }),
    argsBytes: fc.integer({ min: 0, max: 400_000 }),
    resultBytes: fc.integer({ min: 0, max: 300_000 }),
    together: fc.integer({ min: 1, max: 10 }),
    reads: fc.integer({ min: 0, max: 5 }),
  });
  const dollars = (workload: Workload, one: TaskOptions, work: Work) =>
    total(perMillion({ workload, tasks: [task(one)], work }));
  const EPSILON = 1e-6;

  test.each([
    ["durationSeconds", 7.5],
    ["argsBytes", 5_000],
    ["resultBytes", 5_000],
    ["reads", 1],
  ] as const)("more %s is never cheaper", (name, more) => {
    fc.assert(
      fc.property(workloads, options, works, (workload, one, work) => {
        const longer = { ...work, [name]: work[name] + more };
        expect(dollars(workload, one, longer)).toBeGreaterThanOrEqual(dollars(workload, one, work) - EPSILON);
      }),
    );
  });

  test("alone is never cheaper than together", () => {
    fc.assert(
      fc.property(workloads, options, works, (workload, one, work) => {
        const alone = dollars(workload, one, { ...work, together: 1 });
        expect(alone).toBeGreaterThanOrEqual(dollars(workload, one, work) - EPSILON);
      }),
    );
  });

  test("fewer promises are never dearer: no claim, no result", () => {
    fc.assert(
      fc.property(workloads, works, (workload, work) => {
        const all = dollars(workload, {}, work);
        const unclaimed = dollars(workload, { claim: false }, work);
        expect(unclaimed).toBeLessThan(all);
        expect(dollars(workload, { ignoreResult: true }, work)).toBeLessThan(unclaimed);
      }),
    );
  });

  test("nothing is negative, and nothing is not a number", () => {
    fc.assert(
      fc.property(workloads, options, works, (workload, one, work) => {
        for (const value of Object.values(usageOf(task(one), workload, work, LIMITS)))
          expect(Number.isFinite(value) && value >= 0).toBe(true);
      }),
    );
  });
});
