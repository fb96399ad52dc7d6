// lovage cost: from the definitions, without AWS.
import { describe, expect, test } from "vitest";
import type { Estimate } from "../../lib/cli/cost-estimate.ts";
import { total } from "../../lib/core/cost/line.ts";
import { json, lovage } from "./lovage.ts";

const estimate = (...args: string[]) => json<Estimate>(["cost", ...args]);
const lines = (found: Estimate, name: string) =>
  found.workloads.find((one) => one.name === name)?.perMillion.lines ?? [];

describe.concurrent("lovage cost", () => {
  test("every workload has its bill, and they add up", async () => {
    const found = await estimate("--rate", "2000000");
    expect(found.workloads.map(({ name, kind }) => [name, kind])).toEqual([
      ["default", "fargate"],
      ["renders", "fargate"],
    ]);
    expect(found.workloads[1]?.tasks).toEqual(["sum"]);
    for (const { perMillion, idleMonth, busyMonth, month, perMillionAlone } of found.workloads) {
      expect(perMillion.dollars).toBeCloseTo(total(perMillion.lines), 10);
      expect(month).toBeCloseTo(idleMonth.dollars + busyMonth.dollars + 2 * perMillion.dollars, 10);
      expect(perMillionAlone).toBeGreaterThan(perMillion.dollars);
    }
    const months = found.workloads.map(({ month }) => month);
    expect(found.month).toBeCloseTo(found.shared.dollars + (months[0] ?? 0) + (months[1] ?? 0), 10);
    const idle = found.workloads.map(({ idleMonth }) => idleMonth.dollars);
    expect(found.idleMonth).toBeCloseTo(found.shared.dollars + (idle[0] ?? 0) + (idle[1] ?? 0), 10);
  });

  test("what is said of the tasks counts", async () => {
    const said = [
      "--duration",
      "60s",
      "--result-bytes",
      "3000",
      "--reads",
      "2",
      "--batch",
      "1",
      "--workload",
      "renders",
    ];
    const found = await estimate(...said, "--args-bytes", "70000");
    expect(found.workloads.map(({ name }) => name)).toEqual(["renders"]);
    const units = Object.fromEntries(lines(found, "renders").map((one) => [one.what, one.units]));
    expect(units).toMatchObject({
      "SQS sends": 2_000_000,
      "DynamoDB writes": 5_000_000,
      "DynamoDB reads": 2_000_000,
      "SQS heartbeats": 9_000_000,
    });
    expect(units["Fargate vCPU"]).toBeCloseTo((1_000_000 * 60.01) / 3_600, 3);
  });

  test("nothing is sent at a rate of 0: the month is the idle one", async () => {
    const found = await estimate("--rate", "0");
    expect(found.month).toBe(found.idleMonth);
  });

  test("an app without tasks is taken to have one with default options, and the table says so", async () => {
    const { code, stdout } = await lovage(["cost", "--app", "empty.ts"]);
    expect(code).toBe(0);
    expect(stdout).toContain("It has no task yet: one with default options was taken.");
    const found = await estimate("--app", "empty.ts");
    expect(found.workloads[0]?.tasks).toEqual([]);
    expect(lines(found, "default").find(({ what }) => what === "DynamoDB writes")?.units).toBe(2_000_000);
  });

  test("a workload that is not there is named, with what is", async () => {
    const { code, stderr } = await lovage(["cost", "--workload", "render"]);
    expect(code).toBe(1);
    expect(stderr).toContain('app "clitest" has no workload "render"; did you mean renders?');
  });

  test("arguments that nothing carries are refused with the numbers", async () => {
    const { code, stderr } = await lovage(["cost", "--args-bytes", "2000000"]);
    expect(code).toBe(1);
    expect(stderr).toContain("arguments of 2000460 bytes cannot be: SQS's limit for a message is 1048576");
  });

  test.each([
    [["--rate", "10/week"], 'it takes tasks a month, or such as "10/s"'],
    [["--rate", "-1"], "it takes tasks a month"],
    [["--batch", "11"], "it takes 1 to 10"],
    [["--batch", "0"], "it takes a whole number from 1"],
    [["--result-bytes", "3KB"], "it takes a whole number from 0"],
    [["--duration", "0"], "it takes more than 0 seconds"],
  ])("%j is wrong use", async (args, problem) => {
    const { code, stderr } = await lovage(["cost", ...args]);
    expect(stderr).toContain(problem);
    expect(code).toBe(2);
  });
});
