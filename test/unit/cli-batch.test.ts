// The parts of `send --batch`: exact JSON, lines, calls, and how many are under way. The verb itself: test/cli/send-batch.test.ts.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sendBatch } from "../../lib/cli/batch.ts";
import { batchCall } from "../../lib/cli/batch-call.ts";
import { parseExact } from "../../lib/cli/exact-json.ts";
import { LineWriter } from "../../lib/cli/line-writer.ts";
import { type Line, linesOf } from "../../lib/cli/lines.ts";
import { BrokerUnavailable, BucketNotFound, InvalidOption, PayloadStoreUnavailable } from "../../lib/errors.ts";

const never = new AbortController().signal;

describe("JSON, exactly", () => {
  test("a number JavaScript would change is found at any depth", () => {
    const found = parseExact('{"a": [1, {"id": 12345678901234567890}]}');
    expect(found).toEqual({
      problem:
        '12345678901234567890 is beyond the whole numbers JavaScript holds exactly; send it as a string: "12345678901234567890"',
      inexact: true,
    });
  });

  test.each(['"12345678901234567890"', "9007199254740991", "1234567890.1234567890", "[]"])("%s is fine", (text) => {
    expect(parseExact(text)).toEqual({ value: JSON.parse(text) });
  });

  test("no JSON is no JSON", () => {
    expect(parseExact("{a}")).toMatchObject({ problem: expect.stringContaining("it is not JSON"), inexact: false });
  });
});

describe("lines", () => {
  const read = async (...chunks: readonly (string | Buffer)[]) => {
    const found: Line[] = [];
    const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    for await (const line of linesOf(stream, never)) found.push(line);
    return found;
  };

  test("keep their numbers where others are blank, and need no newline at the end", async () => {
    const found = await read("\uFEFF[1]\n\n  \r\n[2", "]\r\n[3]");
    expect(found.map(({ number, text }) => [number, text])).toEqual([
      [1, "[1]"],
      [4, "[2]"],
      [5, "[3]"],
    ]);
    expect(found.at(-1)?.bytes).toBe(Buffer.byteLength("\uFEFF[1]\n\n  \r\n[2]\r\n[3]"));
  });

  test("are the same however the file is cut into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(9)), async (lines, cuts) => {
        const whole = Buffer.from(lines.join("\n"));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.subarray(at, at + cut));
          at += cut;
        }
        expect(await read(...chunks, whole.subarray(at))).toEqual(await read(whole));
      }),
    );
  });

  test("one that is too long or no UTF-8 is a problem of its own, and costs no memory", async () => {
    const long = Array.from({ length: 8 }, () => Buffer.alloc(1_048_576, "a"));
    const found = await read("[1]\n", ...long, "\n", Buffer.from([0xff, 0x0a]), "[4]");
    expect(found.map(({ number, problem }) => [number, problem])).toEqual([
      [1, undefined],
      [2, "it is longer than 6291456 bytes"],
      [3, "it is not UTF-8"],
      [4, undefined],
    ]);
  });

  test("end where they are asked to", async () => {
    const asked = new AbortController();
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.from("[1]\n");
      })(),
    );
    let count = 0;
    for await (const _ of linesOf(endless, asked.signal)) if (++count === 5) asked.abort();
    expect(count).toBeGreaterThanOrEqual(5);
  });
});

describe("a line is a call", () => {
  test.each([
    ["[2, 3]", { task: "add", args: [2, 3], options: {} }],
    [
      '{"args": [1], "id": "mine", "countdown": "5s"}',
      { task: "add", args: [1], options: { taskId: "mine", countdown: "5s" } },
    ],
    ['{"task": "tweet", "kwargs": {"a": 1}}', { task: "tweet", args: [], options: { kwargs: { a: 1 } } }],
    ['{"eta": "2026-11-21T12:00:00Z"}', { task: "add", args: [], options: { eta: new Date("2026-11-21T12:00:00Z") } }],
    ['{"expires": "1h"}', { task: "add", args: [], options: { expires: "1h" } }],
    ['{"expires": "2026-11-21"}', { task: "add", args: [], options: { expires: new Date("2026-11-21") } }],
  ])("%s", (line, expected) => {
    expect(batchCall(line, "add")).toEqual(expected);
  });

  test.each([
    ["5", "a call is 5; it takes an array of arguments, or an object"],
    ["null", "a call is null"],
    ["[1", "it is not JSON"],
    ['{"arg": [1]}', 'unknown option "arg" of a call; did you mean args?'],
    ['{"args": {"0": 1}}', "args of a call is an object; it takes an array"],
    ['{"eta": "tomorrow"}', 'eta of a call is "tomorrow"; it takes a time such as'],
    ["[12345678901234567890]", "beyond the whole numbers"],
  ])("%s is none", (line, problem) => {
    expect(() => batchCall(line, "add")).toThrow(problem);
  });

  test("without a task anywhere it says where one may be named", () => {
    expect(() => batchCall("[1]", undefined)).toThrow('write {"task": "add", …}, or name it before --batch');
  });
});

describe("a batch", () => {
  async function* numbered(count: number): AsyncGenerator<Line> {
    for (let number = 1; number <= count; number++) yield { number, text: `[${number}]`, bytes: number };
  }
  const quiet = { fromLine: 1, signal: never, onSent: async () => {}, onFailed: async () => {} };

  test("has at most 160 calls under way, and reads no further meanwhile", async () => {
    const pending: (() => void)[] = [];
    let most = 0;
    const done = sendBatch({
      ...quiet,
      lines: numbered(1_000),
      send: () => {
        const { promise, resolve } = Promise.withResolvers<string>();
        pending.push(() => resolve("id"));
        most = Math.max(most, pending.length);
        return promise;
      },
    });
    let ended = false;
    void done.then(() => {
      ended = true;
    });
    while (!ended) {
      await new Promise(setImmediate);
      for (const settle of pending.splice(0, 10)) settle();
    }
    expect(most).toBe(160);
    expect(await done).toMatchObject({ sent: 1_000, refused: 0, complete: true, nextLine: 1_001 });
  });

  test("goes on after a call that is wrong, and says which", async () => {
    const wrong: number[] = [];
    const summary = await sendBatch({
      ...quiet,
      lines: numbered(5),
      fromLine: 2,
      send: async ({ number }) => {
        if (number % 2 === 0) throw new InvalidOption("wrong");
        return "id";
      },
      onFailed: async ({ number }) => void wrong.push(number),
    });
    expect(wrong).toEqual([2, 4]);
    expect(summary).toMatchObject({ sent: 2, refused: 2, failed: 0, complete: true, firstFailed: undefined });
  });

  test.each([
    new BrokerUnavailable("unplugged"),
    new PayloadStoreUnavailable("unplugged"),
    new BucketNotFound("ducklings", "memory"),
  ])("stops where a back end fails, %s: the next call would fail, too", async (failure) => {
    const summary = await sendBatch({
      ...quiet,
      lines: numbered(1_000),
      send: async ({ number }) => {
        if (number >= 7) throw failure;
        return "id";
      },
    });
    expect(summary).toMatchObject({ sent: 6, refused: 0, firstFailed: 7, complete: false });
    expect(summary.nextLine - 7).toBe(summary.failed);
    expect(summary.failed).toBeLessThanOrEqual(160);
    expect(summary.failure).toBe(failure);
  });

  test("stops where it is asked to, with nothing under way", async () => {
    const asked = new AbortController();
    let sent = 0;
    const summary = await sendBatch({
      ...quiet,
      lines: numbered(1_000),
      signal: asked.signal,
      send: async () => {
        if (++sent === 50) asked.abort();
        return "id";
      },
    });
    expect(summary).toMatchObject({ complete: false, nextLine: sent + 1 });
    expect(summary.sent).toBe(sent);
  });
});

test("lines written side by side all reach the file, with one listener for all who wait for it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lovage-lines-"));
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  try {
    const writer = await LineWriter.toFile(join(folder, "lines"));
    const call = "a".repeat(20_000);
    await Promise.all(Array.from({ length: 160 }, (_, line) => writer.write({ line, call })));
    await writer.close();
    await new Promise(setImmediate); // warnings come a turn later
    const lines = readFileSync(join(folder, "lines"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(Array.from({ length: 160 }, (_, line) => line));
    expect(warnings).toEqual([]);
  } finally {
    process.off("warning", onWarning);
    rmSync(folder, { recursive: true });
  }
});
