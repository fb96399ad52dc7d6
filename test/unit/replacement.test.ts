import { expect, test } from "vitest";
import { RecordUnreadable } from "../../lib/errors.ts";
import { followAll } from "../../lib/replacement.ts";
import type { TaskRecord } from "../../lib/store/record.ts";

const record = (id: string, replacement?: string): TaskRecord => ({
  ...{ id, attempt: 0, state: replacement ? "REPLACED" : "SUCCESS" },
  ...(replacement && { replacement }),
});

/** Reads from `kept`, and says what was asked together. */
function reader(kept: readonly TaskRecord[]) {
  const asked: (readonly string[])[] = [];
  const read = async (ids: readonly string[]) => {
    asked.push(ids);
    return ids.map((id) => kept.find((one) => one.id === id));
  };
  return { asked, read };
}

test("each of many is followed to its end, those that go on together, and told in the order of the question", async () => {
  const { asked, read } = reader([record("a", "b"), record("b", "c"), record("c"), record("d"), record("e", "gone")]);
  expect(await followAll(["a", "d", "e", "nobody"], read)).toEqual([
    { id: "c", record: record("c") },
    { id: "d", record: record("d") },
    { id: "gone", record: undefined },
    { id: "nobody", record: undefined },
  ]);
  expect(asked).toEqual([["a", "d", "e", "nobody"], ["b", "gone"], ["c"]]);
});

test("none are asked for where none are", async () => {
  const { asked, read } = reader([]);
  expect([await followAll([], read), asked]).toEqual([[], []]);
});

test("two may lead to the same one; what leads in a circle is refused", async () => {
  const { read } = reader([record("a", "c"), record("b", "c"), record("c"), record("x", "y"), record("y", "x")]);
  expect((await followAll(["a", "b"], read)).map(({ id }) => id)).toEqual(["c", "c"]);
  await expect(followAll(["x"], read)).rejects.toThrow(RecordUnreadable);
});
