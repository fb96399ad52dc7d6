// The watchdog's message, and what a chord fails with.
import { expect, test } from "vitest";
import { STORED } from "../../lib/core/canvas-shape.ts";
import { chordError } from "../../lib/core/chord-error.ts";
import { idKey } from "../../lib/core/ids.ts";
import { WATCHDOG, watchMessage } from "../../lib/core/watchdog.ts";
import { decode, encode } from "../../lib/wire/envelope.ts";
import { signatureOf } from "../support/messages.ts";

const KEY = idKey("duckling");
const JOIN = { group: "g", size: 3, next: signatureOf("body", { options: { task_id: "b" } }), stored: false };
const LINE = { rootId: "root", hops: 2 };

test("the watchdog's message carries what its join's members do, and says which look it is", () => {
  const first = watchMessage(JOIN, 0, "renders", LINE, KEY);
  expect(first).toMatchObject({ workload: "renders", delaySeconds: 900 });
  const read = decode(encode(first.envelope, "duckling-renders"));
  expect(read).toMatchObject({
    task: WATCHDOG,
    args: [0, 0],
    group: "g",
    hops: 2,
    chord: { task: "body", chord_size: 3 },
  });
  const stored = watchMessage({ ...JOIN, stored: true }, 0, "renders", LINE, KEY).envelope.chord;
  expect(stored).toMatchObject({ task: STORED, chord_size: 3 });
});

test("each of its looks is another message, which anybody may send again", () => {
  const id = (tick: number, from?: number) =>
    watchMessage(JOIN, tick, "default", LINE, KEY, { seconds: 5, ...(from !== undefined && { from }) }).envelope.id;
  expect(new Set([id(0), id(1), id(1, 64)]).size).toBe(3);
  expect(id(1)).toBe(id(1));
  expect(watchMessage(JOIN, 1, "default", LINE, KEY, { seconds: 5 }).delaySeconds).toBe(5);
});

test("a chord's error names the member, and has its failure for a cause, without its stack", () => {
  const cause = { type: "RangeError", message: "no 7", stack: "at nowhere", code: "E" };
  expect(chordError(1, "m-1", cause)).toEqual({
    type: "ChordError",
    message: "Dependency m-1 (member 1 of its group) raised RangeError: no 7",
    cause: { type: "RangeError", message: "no 7", code: "E" },
  });
  expect(chordError(0, "m-0", undefined)).toEqual({
    type: "ChordError",
    message: "Dependency m-0 (member 0 of its group) was never recorded",
  });
});
