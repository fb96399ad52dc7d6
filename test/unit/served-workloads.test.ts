import { describe, expect, test } from "vitest";
import { createApp } from "../../lib/app.ts";
import { InvalidOption, StartupFailed } from "../../lib/errors.ts";
import { chosenWorkloads, demandTasks } from "../../lib/worker/served-workloads.ts";
import { onFargate, onLambda } from "../../lib/workload.ts";

function shop({ byCall = false, tasks = ["default"] }: { byCall?: boolean; tasks?: readonly string[] } = {}) {
  const app = createApp("shop", {
    workloads: { default: onLambda(), renders: onFargate({ byCall }), reports: onFargate() },
  });
  for (const workload of tasks) app.task(`on ${workload}`, { workload }, () => {});
  return app;
}

describe("the workloads that are served", () => {
  test("are all of the app's unless some are named, each once", () => {
    expect(chosenWorkloads(shop(), undefined)).toEqual(["default", "renders", "reports"]);
    expect(chosenWorkloads(shop(), ["renders", "default", "renders"])).toEqual(["renders", "default"]);
  });

  test.each<[string, unknown, string]>([
    ["a mistyped one", ["defualt"], 'app "shop" has no workload "defualt"; did you mean default?'],
    ["an unknown one", ["mail"], 'app "shop" has no workload "mail"; it has default, renders, reports'],
    ["none", [], 'takes an array of the names that app "shop" has: default, renders, reports'],
    ["a name alone", "default", 'workloads to serve is "default"; it takes an array of the names'],
  ])("%s is refused", (_, names, problem) => {
    expect(() => chosenWorkloads(shop(), names)).toThrow(InvalidOption);
    expect(() => chosenWorkloads(shop(), names)).toThrow(problem);
  });
});

describe("a start for nothing is refused", () => {
  test.each([
    ["worker", 'name the modules that define tasks in the app\'s include list, such as include: ["./tasks.ts"]'],
    [
      "lambda",
      'export the modules that define tasks where createLambdaHandler() is called, such as export * as tasks from "./tasks.ts"',
    ],
  ] as const)("without tasks, with the fix for a %s", (place, fix) => {
    const start = () => demandTasks(shop({ tasks: [] }), ["default"], place);
    expect(start).toThrow(StartupFailed);
    expect(start).toThrow('app "shop" has no tasks, so nothing could run');
    expect(start).toThrow(fix);
  });

  test.each([
    ["worker", "include the module of its tasks, or serve others (workloads)"],
    [
      "lambda",
      "export the module of its tasks beside the handler, or serve others (createLambdaHandler(app, { workloads }))",
    ],
  ] as const)("for a workload that no task names, with the fixes for a %s", (place, fix) => {
    const start = () => demandTasks(shop(), ["default", "renders"], place);
    expect(start).toThrow(StartupFailed);
    expect(start).toThrow('no task of app "shop" names workload "renders"');
    expect(start).toThrow(fix);
    expect(start).toThrow("define it with byCall: true where only calls choose it");
  });

  test("for several of them, all named at once", () => {
    expect(() => demandTasks(shop(), ["default", "renders", "reports"], "worker")).toThrow(
      'names workloads "renders", "reports"',
    );
  });

  test("but not for a workload that only calls choose, or that is not served", () => {
    expect(() => demandTasks(shop({ byCall: true }), ["default", "renders"], "worker")).not.toThrow();
    expect(() => demandTasks(shop(), ["default"], "worker")).not.toThrow();
    expect(() => demandTasks(shop({ tasks: ["renders"] }), ["renders"], "lambda")).not.toThrow();
  });

  test("a workload that calls choose needs tasks too", () => {
    expect(() => demandTasks(shop({ byCall: true, tasks: [] }), ["renders"], "worker")).toThrow("has no tasks");
  });
});
