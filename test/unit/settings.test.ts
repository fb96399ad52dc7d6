import { describe, expect, test } from "vitest";
import { InvalidOption } from "../../lib/errors.ts";
import { type TaskOptions, taskSettings } from "../../lib/settings.ts";

class NetworkError extends Error {}

describe("a task's settings", () => {
  test("are Celery's where Celery has some, and safe elsewhere", () => {
    expect(taskSettings("add", {}, {})).toEqual({
      name: "add",
      bind: false,
      maxRetries: 3,
      defaultRetryDelay: 180,
      autoRetryFor: [],
      dontAutoRetryFor: [],
      retryBackoff: false,
      retryBackoffMax: 600,
      retryJitter: true,
      timeLimit: 300,
      softTimeLimit: 270,
      ignoreResult: false,
      resultExpires: 86_400,
      throws: [],
      workload: "default",
      claim: true,
      results: "array",
    });
  });

  test("are the task's own, in seconds", () => {
    const own = {
      bind: true,
      maxRetries: null,
      defaultRetryDelay: 0,
      autoRetryFor: [NetworkError, "ThrottlingException"],
      dontAutoRetryFor: [TypeError],
      retryBackoff: "5s",
      retryBackoffMax: "1h",
      retryJitter: false,
      timeLimit: "10m",
      softTimeLimit: "9m",
      ignoreResult: true,
      resultExpires: "7d",
      throws: ["NotFound"],
      workload: "renders",
      claim: false,
      results: "stream",
    } as const;
    expect(taskSettings("add", own, {})).toEqual({
      ...own,
      name: "add",
      retryBackoff: 5,
      retryBackoffMax: 3_600,
      timeLimit: 600,
      softTimeLimit: 540,
      resultExpires: 604_800,
    });
  });

  test("come from the app's defaults where the task has none, and from the task where it has", () => {
    const shared: TaskOptions = {
      maxRetries: 9,
      retryBackoff: true,
      retryJitter: false,
      claim: false,
      autoRetryFor: ["E"],
    };
    const settings = taskSettings("add", { maxRetries: 0, retryJitter: true }, shared);
    expect(settings).toMatchObject({
      maxRetries: 0,
      retryBackoff: 1,
      retryJitter: true,
      claim: false,
      autoRetryFor: ["E"],
    });
  });

  test("`null` for maxRetries is a value, not an absence", () => {
    expect(taskSettings("add", { maxRetries: null }, { maxRetries: 3 }).maxRetries).toBeNull();
    expect(taskSettings("add", {}, { maxRetries: null }).maxRetries).toBeNull();
  });

  test("cannot be changed later", () => {
    const settings = taskSettings("add", { autoRetryFor: [NetworkError] }, {});
    expect(Object.isFrozen(settings) && Object.isFrozen(settings.autoRetryFor)).toBe(true);
  });
});

describe("limits", () => {
  test.each<[string, TaskOptions, TaskOptions, [number, number]]>([
    ["a soft limit is nine tenths of the hard one", { timeLimit: 100 }, {}, [100, 90]],
    ["the app's hard limit counts", {}, { timeLimit: 100 }, [100, 90]],
    ["a soft limit stands beside the default hard one", { softTimeLimit: "3s" }, {}, [300, 3]],
    ["the app's soft limit stands beside the app's hard one", {}, { timeLimit: 100, softTimeLimit: 10 }, [100, 10]],
    [
      "a task's own hard limit leaves the app's soft one behind",
      { timeLimit: 20 },
      { timeLimit: 100, softTimeLimit: 50 },
      [20, 18],
    ],
    ["both may be equal", { timeLimit: 20, softTimeLimit: 20 }, {}, [20, 20]],
  ])("%s", (_, own, shared, expected) => {
    const { timeLimit, softTimeLimit } = taskSettings("add", own, shared);
    expect([timeLimit, softTimeLimit]).toEqual(expected);
  });

  // t/integration/test_tasks.py::test_soft_time_limit_exceeding_time_limit
  test("a soft limit over the hard one is refused", () => {
    expect(() => taskSettings("add", { timeLimit: 5, softTimeLimit: 6 }, {})).toThrow(
      new InvalidOption('softTimeLimit of task "add" is 6 s, over its timeLimit of 5 s; a soft limit must come first'),
    );
  });
});

describe("what is refused", () => {
  test.each<[string, object, string]>([
    ["an unknown option", { max_retries: 3 }, 'unknown option "max_retries" of task "add"; did you mean maxRetries?'],
    [
      "a negative number of retries",
      { maxRetries: -1 },
      'maxRetries of task "add" is -1; it takes a whole number from 0',
    ],
    ["milliseconds", { timeLimit: 30_000 }, 'timeLimit of task "add" is 30000, which looks like milliseconds'],
    ["no time at all", { timeLimit: 0 }, 'timeLimit of task "add" is 0; it takes more than 0 seconds'],
    [
      "an error instead of its class",
      { throws: [new Error("x")] },
      'throws of task "add" contains an Error object; it takes error classes',
    ],
    ["a class that is no error", { autoRetryFor: [Date] }, 'autoRetryFor of task "add" contains the function Date'],
    ["an empty name", { autoRetryFor: [""] }, 'autoRetryFor of task "add" contains ""'],
    [
      "a class outside an array",
      { autoRetryFor: NetworkError },
      'autoRetryFor of task "add" is the function NetworkError; it takes an array',
    ],
    ["no workload", { workload: "" }, 'workload of task "add" is ""'],
  ])("%s", (_, options, message) => {
    expect(() => taskSettings("add", options, {})).toThrow(message);
  });

  test("in the app's defaults, bind has no place", () => {
    expect(() => taskSettings("add", {}, { bind: true } as TaskOptions)).toThrow(
      'unknown option "bind" of the app\'s defaults',
    );
  });

  test("Error itself may be retried for", () => {
    expect(taskSettings("add", { autoRetryFor: [Error] }, {}).autoRetryFor).toEqual([Error]);
  });
});
