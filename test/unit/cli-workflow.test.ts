// `lovage workflow`: the tree as text, and what --watch sees.
import { describe, expect, test } from "vitest";
import type { App } from "../../lib/app.ts";
import { chain, chord, group } from "../../lib/canvas.ts";
import type { Style } from "../../lib/cli/output.ts";
import { treeText } from "../../lib/cli/workflow-text.ts";
import { changesOf, hasEnded } from "../../lib/cli/workflow-watch.ts";
import { workflow } from "../../lib/workflow.ts";
import type { WorkflowNode } from "../../lib/workflow-tree.ts";
import { memoryApp } from "../support/memory-app.ts";

const PLAIN: Style = { bold: String, dim: String, red: String, green: String };
const NOW = Date.UTC(2026, 0, 1, 0, 1);

/** Ids as letters, in the order of their lines: they are the same every time, and say nothing. */
function text(tree: WorkflowNode, now = NOW): string {
  const seen: string[] = [];
  const letter = (id: string) => String.fromCharCode(97 + (seen.includes(id) ? seen.indexOf(id) : seen.push(id) - 1));
  return treeText(tree, PLAIN, now).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, letter);
}

const tasks = (app: App) => ({
  add: app.task("add", { bind: true }, async (ctx, a: number, b: number) => {
    await ctx.sleep("2s");
    return a + b;
  }),
  odd: app.task("odd", (n: number): number => {
    if (n % 2 === 1) return n;
    throw new RangeError(`${n} is even\nand more`);
  }),
  sum: app.task("sum", (_: readonly number[]) => 7),
});

describe("the text of a workflow", () => {
  test("has a line for each unit, below what it is a part of", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, odd, sum } = memory.tasks;
    const result = await chain(add.s(1, 1), group([chain(odd.si(1), add.s(2)), add.s(3)]), sum.s(), add.s(1)).delay();
    const seen = workflow(result.id, memory.app);
    expect(text(await seen.tree())).toBe(
      [
        "chain             PENDING   a",
        "├─ add            PENDING   b",
        "├─ chord          PENDING   c",
        "│  ├─ group       PENDING   d   0 of 2 ended",
        "│  │  ├─ chain    PENDING   e",
        "│  │  │  ├─ odd   PENDING   f",
        "│  │  │  └─ add   PENDING   e",
        "│  │  └─ add      PENDING   g",
        "│  └─ sum         PENDING   c",
        "└─ add            PENDING   a",
      ].join("\n"),
    );
    await memory.startWorker();
    await memory.advance(3);
    await memory.advance(1);
    expect(text(await seen.tree(), memory.clock.now())).toMatch(/add +STARTED +a +for \d(\.\d)? s$/);
    await memory.settle(result);
    expect(text(await seen.tree())).toMatch(/^chain +SUCCESS +a\n├─ add +SUCCESS +b +2 s\n/);
  });

  test("tells an error where it happened, in one line, and of those after it that they did not run", async () => {
    await using memory = await memoryApp(tasks);
    const { add, odd } = memory.tasks;
    const result = await chain(add.s(1, 1), odd.s(), add.s(1)).delay();
    await memory.settle(result);
    expect(text(await workflow(result.id, memory.app).tree())).toBe(
      [
        "chain    FAILURE   a",
        "├─ add   SUCCESS   b   2 s",
        "├─ odd   FAILURE   c   0 s, RangeError: 2 is even",
        "└─ add   FAILURE   a   did not run",
      ].join("\n"),
    );
  });

  test("of a large group has the numbers, and the first that failed", async () => {
    await using memory = await memoryApp(tasks);
    const { odd, sum } = memory.tasks;
    const members = Array.from({ length: 200 }, (_, i) => odd.s(i === 7 || i === 150 ? 2 : 1));
    const result = await chord(members, sum.s()).delay();
    await memory.settle(result);
    const [chordLine, header, seventh, later, others, body] = text(await workflow(result.id, memory.app).tree()).split(
      "\n",
    );
    expect(chordLine).toMatch(/^chord +FAILURE +a$/);
    expect(header).toMatch(/^├─ group +FAILURE +b +198 SUCCESS, 2 FAILURE$/);
    expect(seventh).toMatch(/^│ {2}├─ \[7\] odd +FAILURE +c +0 s, RangeError: 2 is even$/);
    expect(later).toMatch(/^│ {2}├─ \[150\] odd +FAILURE +d +0 s, RangeError: 2 is even$/);
    expect(others).toBe("│  └─ 198 others");
    expect(body).toMatch(/^└─ sum +FAILURE +a +did not run, ChordError: .*member 7 of its group/);
  });

  test("a task's name cannot move the cursor, or forge a line", () => {
    const tree: WorkflowNode = { kind: "task", id: "a", state: "PENDING", task: "x\n\x1b[2Jy" };
    expect(treeText(tree, PLAIN, NOW)).toBe("x\\x0a\\x1b[2Jy   PENDING   a");
  });
});

describe("watching", () => {
  const never = new AbortController().signal;

  test("sees every change, until all of it has ended, not only the last unit", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, odd } = memory.tasks;
    const result = await chain(add.s(1, 1), add.s(1), odd.si(1)).delay();
    const seen = workflow(result.id, memory.app);
    const told: string[] = [];
    const watching = (async () => {
      for await (const tree of changesOf(seen, { clock: memory.clock, signal: never }))
        told.push(tree.kind === "chain" ? tree.steps.map(({ state }) => state).join(" ") : "");
    })();
    await memory.startWorker();
    await memory.during(watching);
    expect(told[0]).toBe("PENDING PENDING PENDING");
    expect(told).toContain("STARTED PENDING PENDING");
    expect(told.at(-1)).toBe("SUCCESS SUCCESS SUCCESS");
    expect(new Set(told).size).toBe(told.length);
  });

  test("a workflow whose last step is revoked has not ended while an earlier one runs", async () => {
    await using memory = await memoryApp(tasks);
    const { add } = memory.tasks;
    const result = await chain(add.s(1, 1), add.s(1)).delay();
    await memory.advance(1);
    const seen = workflow(result.id, memory.app);
    await seen.revoke();
    expect(await result.state()).toBe("REVOKED");
    expect(hasEnded(await seen.tree())).toBe(false);
    await memory.advance(60);
    expect(hasEnded(await seen.tree())).toBe(true);
  });

  test("ends when its time is over", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add } = memory.tasks;
    const result = await chain(add.s(1, 1), add.s(1)).delay();
    const seen = workflow(result.id, memory.app);
    const trees: WorkflowNode[] = [];
    const watching = (async () => {
      for await (const tree of changesOf(seen, { clock: memory.clock, signal: never, limitMs: 5_000 }))
        trees.push(tree);
    })();
    await memory.during(watching);
    expect(trees.map(({ state }) => state)).toEqual(["PENDING"]);
  });
});
