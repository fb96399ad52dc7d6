import { describe, expect, test } from "vitest";
import { createLogger, LOG_LEVELS, type LogLevel, silentLogger } from "../../lib/log.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";

function logger(format: "json" | "pretty", level: LogLevel = "debug") {
  const lines: string[] = [];
  const clock = new FakeClock({ start: Date.UTC(2026, 10, 21, 4, 13, 11, 504) });
  return { lines, log: createLogger({ level, format, clock, write: (line) => lines.push(line) }) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is removed
const plain = (line: string | undefined) => line?.replaceAll(/\x1b\[\d+m/g, "");
const nasty = "add\r\nerror forged\x1b[2J\u009b2J\u0000\u007f";

describe("JSON lines", () => {
  test("carry level, time, message and fields", () => {
    const { lines, log } = logger("json");
    log.info({ ms: 5 }, "succeeded");
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: "2026-11-21T04:13:11.504Z",
      message: "succeeded",
      ms: 5,
    });
  });

  test("are one line each, whatever is in them", () => {
    const { lines, log } = logger("json");
    log.error({ task: nasty, [nasty]: 1, stack: "a\nb" }, nasty);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\n\r]/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "error", task: nasty, stack: "a\nb" });
  });

  test("hold no control character that a terminal would obey", () => {
    const { lines, log } = logger("json");
    log.error({ task: nasty }, nasty);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  test("keep level, time and message, whatever a field is called", () => {
    const { lines, log } = logger("json");
    log.warn({ level: "debug", time: "never", message: "forged" }, "real");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "warn",
      message: "real",
      time: "2026-11-21T04:13:11.504Z",
    });
  });

  test("are written even where a field cannot be", () => {
    const { lines, log } = logger("json");
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    log.warn({ cycle }, "odd");
    log.warn({ big: 1n }, "big");
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["odd", "big"]);
  });
});

describe("readable lines", () => {
  test("show time, level, message and fields", () => {
    const { lines, log } = logger("pretty");
    log.warn({ task: "add", ms: 5, none: undefined }, "slow");
    expect(plain(lines[0])).toBe("04:13:11.504 warn  slow task=add ms=5");
  });

  test("put a stack below", () => {
    const { lines, log } = logger("pretty");
    log.error({ stack: "Error: no\n    at f" }, "failed");
    expect(plain(lines[0])).toBe("04:13:11.504 error failed \n    Error: no\n        at f");
  });

  test("cannot be forged by control characters in a message or a field", () => {
    const { lines, log } = logger("pretty");
    log.info({ task: nasty }, nasty);
    const line = plain(lines[0]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(line).toContain("\\x1b[2J");
  });

  test("cannot be forged by a field's name", () => {
    const { lines, log } = logger("pretty");
    log.info({ [nasty]: 1 }, "ok");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    expect(plain(lines[0])).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  test("are written even where a field cannot be", () => {
    const { lines, log } = logger("pretty");
    log.warn({ big: 1n }, "big");
    expect(plain(lines[0])).toContain("warn  big");
  });
});

describe("levels", () => {
  test.each(LOG_LEVELS.map((level, i) => [level, i] as const))("%s keeps out what is below", (level, i) => {
    const { lines, log } = logger("json", level);
    for (const each of ["debug", "info", "warn", "error"] as const) log[each]({}, each);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["debug", "info", "warn", "error"].slice(i));
  });
});

describe("a child", () => {
  test("carries its parents' fields, and its own go first", () => {
    const { lines, log } = logger("json");
    log.child({ task: "add", attempt: 0 }).child({ attempt: 1 }).info({ ms: 5 }, "done");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ task: "add", attempt: 1, ms: 5 });
  });

  test("leaves its parent as it was", () => {
    const { lines, log } = logger("json");
    log.child({ task: "add" });
    log.info({}, "done");
    expect(JSON.parse(lines[0] ?? "")).not.toHaveProperty("task");
  });
});

test("the silent logger says nothing, nor do its children", () => {
  const child = silentLogger.child({ a: 1 });
  for (const level of ["debug", "info", "warn", "error"] as const) expect(child[level]({}, "x")).toBeUndefined();
});
