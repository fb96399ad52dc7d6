// What is kept of a workflow, read back: whatever somebody else has put there is refused by name.
import { describe, expect, test } from "vitest";
import { readWorkflow, workflowKey } from "../../lib/store/workflow.ts";

const known = { first: "a", sentAt: 1_000 };
const read = (value: unknown) => readWorkflow("w", JSON.stringify(value));

test("the key is no task id", () => {
  expect(workflowKey("w")).toBe("w·workflow");
});

describe("an outline is read", () => {
  test.each([
    "add",
    { task: "add" },
    { task: "add", id: "x", untracked: true },
    { chain: ["add", { chain: ["sub"] }] },
    {},
    { group: 0, of: [] },
    { group: 3, of: ["add", "sub"], runs: [0, 2, 1, 1], id: "g", body: { chain: ["add"] } },
  ])("%j", (outline) => {
    expect(read({ ...known, outline })).toEqual({ ...known, outline });
  });

  test("where it says that it is stored elsewhere", () => {
    const stored = { root: "w", digest: "d", parts: 2 };
    expect(read({ stored })).toEqual({ stored });
  });
});

describe("refused is", () => {
  test.each([
    [1],
    [{ ...known }],
    [{ ...known, outline: 1 }],
    [{ ...known, outline: { task: 1 } }],
    [{ ...known, outline: { task: "add", id: 1 } }],
    [{ ...known, outline: { task: "add", untracked: false } }],
    [{ ...known, outline: { chain: [] } }],
    [{ ...known, outline: { chain: "add" } }],
    [{ ...known, outline: { chain: [1] } }],
    [{ ...known, outline: { group: -1 } }],
    [{ ...known, outline: { of: ["add", 1] } }],
    [{ ...known, outline: { runs: [0, 0.5] } }],
    [{ ...known, outline: { body: 1 } }],
    [{ first: 1, sentAt: 1_000, outline: "add" }],
    [{ first: "a", sentAt: -1, outline: "add" }],
    [{ stored: { root: "w", digest: "d", parts: "2" } }],
    [{ stored: { root: "w", digest: 1, parts: 2 } }],
    [{ stored: { root: 1, digest: "d", parts: 2 } }],
    [{ stored: "w" }],
  ])("%j", (value) => {
    expect(() => read(value)).toThrow(
      "the record of task w cannot be read: its attribute text is no outline of a workflow, which has outline, first and sentAt",
    );
  });

  test("what is no JSON", () => {
    expect(() => readWorkflow("w", "{")).toThrow(/^the record of task w cannot be read: its attribute text is /);
  });
});
