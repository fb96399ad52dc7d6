// A workflow by its id alone: what it is made of, how that stands, and its end by cancelling.
import { describe, expect, test } from "vitest";
import type { App } from "../../lib/app.ts";
import { chain, chord, group } from "../../lib/canvas.ts";
import { WATCHDOG } from "../../lib/core/watchdog.ts";
import { StoreUnavailable } from "../../lib/errors.ts";
import type { Signature } from "../../lib/signature.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import { countMember } from "../../lib/worker/join.ts";
import { workflow } from "../../lib/workflow.ts";
import type { WorkflowGroup, WorkflowNode, WorkflowTask } from "../../lib/workflow-tree.ts";
import { memoryApp } from "../support/memory-app.ts";

const tasks = (app: App) => ({
  add: app.task("add", (a: number, b: number) => a + b),
  xsum: app.task("xsum", (_: readonly number[]) => 7),
  count: app.task("count", (_: readonly unknown[]) => 7),
  odd: app.task("odd", (n: number): number => {
    if (n % 2 === 1) return n;
    throw new RangeError(`${n} is even`);
  }),
  slow: app.task("slow", { bind: true }, async (ctx, n: number) => {
    await ctx.sleep("1m");
    return n;
  }),
  note: app.task("note", { ignoreResult: true }, (_: unknown) => {}),
});

/** "name STATE", indented as the tree is. */
function drawn(node: WorkflowNode, indent = ""): readonly string[] {
  const inner = `${indent}  `;
  if (node.kind === "task") return [`${indent}${node.task} ${node.state}`];
  if (node.kind === "chain")
    return [`${indent}chain ${node.state}`, ...node.steps.flatMap((step) => drawn(step, inner))];
  const { size, state, members, body } = node;
  return [
    `${indent}group of ${size} ${state}`,
    ...members.flatMap((member) => drawn(member.node, inner)),
    ...(body ? drawn(body, indent) : []),
  ];
}

/** Messages of tasks: a group that has ended is looked after once more. */
const waiting = (messages: readonly Envelope[]) => messages.filter(({ task }) => task !== WATCHDOG);

describe("the tree of a workflow", () => {
  test("has every unit with its state, from the id that the caller holds", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, slow, xsum } = memory.tasks;
    const result = await chain(add.s(1, 1), group([add.s(1), chain(slow.s(), add.s(2))]), xsum.s(), add.s(100)).delay();
    const seen = workflow(result.id, memory.app);
    const pending = [
      "chain PENDING",
      "  add PENDING",
      "  group of 2 PENDING",
      "    add PENDING",
      "    chain PENDING",
      "      slow PENDING",
      "      add PENDING",
      "  xsum PENDING",
      "  add PENDING",
    ];
    expect(drawn(await seen.tree())).toEqual(pending);

    await memory.startWorker();
    await memory.advance(10);
    const running = pending.with(0, "chain STARTED").with(1, "  add SUCCESS").with(2, "  group of 2 STARTED");
    expect(drawn(await seen.tree())).toEqual(
      running.with(3, "    add SUCCESS").with(4, "    chain STARTED").with(5, "      slow STARTED"),
    );

    expect(await memory.during(result.get())).toBe(107); // 7 and 100
    expect(drawn(await seen.tree())).toEqual(pending.map((line) => line.replace("PENDING", "SUCCESS")));
    expect(await workflow(result.id, memory.app).tree()).toEqual(await seen.tree());
  });

  test("is the same from the id of the first task, in another process", async () => {
    await using memory = await memoryApp(tasks);
    const { add } = memory.tasks;
    const result = await chain(add.s(1, 1), add.s(2)).delay();
    await memory.settle(result);
    const tree = await workflow(result.id, memory.app).tree();
    const first = tree.kind === "chain" && tree.steps[0]?.id;
    expect(first).not.toBe(result.id);
    expect(await workflow(String(first), memory.app).tree()).toEqual(tree);
  });

  test("tells how the steps after a failed one ended, and with which error", async () => {
    await using memory = await memoryApp(tasks);
    const { add, odd } = memory.tasks;
    const result = await chain(add.s(1, 1), odd.s(), add.s(1)).delay();
    await memory.settle(result);
    const tree = await workflow(result.id, memory.app).tree();
    expect(drawn(tree)).toEqual(["chain FAILURE", "  add SUCCESS", "  odd FAILURE", "  add FAILURE"]);
    const [, failed, unlived] = tree.kind === "chain" ? tree.steps : [];
    expect(failed).toMatchObject({
      failure: { type: "RangeError", message: "2 is even" },
      startedAt: expect.any(Date),
    });
    expect(unlived).not.toHaveProperty("startedAt");
  });

  test("a group that is called by itself has failed where a member has", async () => {
    await using memory = await memoryApp(tasks);
    const { odd } = memory.tasks;
    const { id } = await group([odd.s(1), odd.s(2)]).delay();
    await memory.advance(10);
    expect(drawn(await workflow(id, memory.app).tree())).toEqual([
      "group of 2 FAILURE",
      "  odd SUCCESS",
      "  odd FAILURE",
    ]);
  });

  test("a group in a group shows what waits for it", async () => {
    await using memory = await memoryApp(tasks);
    const { add, count } = memory.tasks;
    const inner = chain(add.s(1, 1), group([add.s(1), add.s(2)]));
    const result = await chord([inner], count.s()).delay();
    await memory.settle(result);
    const tree = (await workflow(result.id, memory.app).tree()) as WorkflowGroup;
    const [member] = tree.members;
    expect(member?.node).toMatchObject({
      kind: "chain",
      steps: [{ task: "add" }, { kind: "group", size: 2, state: "SUCCESS", unit: { state: "SUCCESS" } }],
    });
  });

  test("of a group of more than 64 members has their number in each state, and the first five that failed", async () => {
    await using memory = await memoryApp(tasks);
    const { odd, xsum } = memory.tasks;
    const result = await chord(
      Array.from({ length: 250 }, (_, i) => odd.s(i % 20 === 10 ? 2 : 1)),
      xsum.s(),
    ).delay();
    await memory.settle(result);
    const tree = (await workflow(result.id, memory.app).tree()) as WorkflowGroup;
    expect(tree).toMatchObject({ size: 250, state: "FAILURE", states: { SUCCESS: 238, FAILURE: 12 } });
    expect(tree.members.map(({ index }) => index)).toEqual([10, 30, 50, 70, 90]);
    expect(tree.members[0]?.node).toMatchObject({ task: "odd", failure: { message: "2 is even" } });
    expect(tree.body).toMatchObject({ task: "xsum", failure: { type: "ChordError" } });
  });

  test("counts members that are chords, or end in groups, by what they end with", async () => {
    await using memory = await memoryApp(tasks);
    const { add, count, odd, xsum } = memory.tasks;
    const members = Array.from({ length: 66 }, (_, i) =>
      i % 2 === 0 ? chord([odd.s(i === 10 ? 2 : 1)], xsum.s()) : chain(add.s(1, 1), group([add.s(1)])),
    );
    const result = await chord(members as Signature<[], unknown>[], count.s()).delay();
    await memory.settle(result);
    const tree = (await workflow(result.id, memory.app).tree()) as WorkflowGroup;
    expect(tree.states).toEqual({ SUCCESS: 65, FAILURE: 1 });
    expect(tree.members).toMatchObject([
      { index: 10, node: { kind: "group", state: "FAILURE", body: { task: "xsum" } } },
    ]);
  });

  test("of a group of more than 10,000 members is read from what was counted, 64 members at a time", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, xsum } = memory.tasks;
    const { id, parent } = await chord(
      Array.from({ length: 10_001 }, () => add.s(1, 1)),
      xsum.s(),
    ).delay();
    const join = { id: parent?.id ?? "", size: 10_001 };
    await countMember(memory.joins, join, 0, false);
    await countMember(memory.joins, join, 9_000, true);
    await countMember(memory.joins, join, 10_000, false);
    const reads: number[] = [];
    const records = memory.joins.records.bind(memory.joins);
    memory.joins.records = (ids) => {
      reads.push(ids.length);
      return records(ids);
    };
    const tree = (await workflow(id, memory.app).tree()) as WorkflowGroup;
    expect(tree.states).toEqual({ SUCCESS: 2, FAILURE: 1, PENDING: 9_998 });
    expect(tree.members.map(({ index }) => index)).toEqual([9_000]);
    expect(reads).toEqual([1, 1]); // the body, and the member that failed
  });

  test("of a stream has its members as soon as somebody knows how many they are", async () => {
    await using memory = await memoryApp(tasks);
    const { odd, xsum } = memory.tasks;
    async function* members() {
      for (let n = 1; n <= 3; n++) yield odd.s(n);
    }
    const result = await chord(group(members()), xsum.s()).delay();
    await memory.settle(result);
    expect(drawn(await workflow(result.id, memory.app).tree())).toEqual([
      "group of 3 FAILURE",
      "  odd SUCCESS",
      "  odd FAILURE",
      "  odd SUCCESS",
      "xsum FAILURE",
    ]);
  });

  test("goes on into what a task has put in its place", async () => {
    await using memory = await memoryApp((app) => {
      const some = tasks(app);
      const fork = app.task("fork", { bind: true }, (ctx, n: number): number =>
        ctx.replace(chain(some.slow.s(n), some.add.s(1))),
      );
      return { ...some, fork };
    });
    const { add, fork } = memory.tasks;
    const result = await chain(fork.s(1), add.s(1)).delay();
    await memory.advance(10);
    const seen = workflow(result.id, memory.app);
    const tree = await seen.tree();
    const [replaced] = tree.kind === "chain" ? tree.steps : [];
    expect(replaced).toMatchObject({ task: "fork", state: "STARTED", replacedBy: { kind: "chain" } });
    expect(drawn((replaced as WorkflowTask).replacedBy as WorkflowNode)).toEqual([
      "chain STARTED",
      "  slow STARTED",
      "  add PENDING",
    ]);
    expect(await seen.revoke()).toEqual({ revoked: 2, asked: 1, ended: 0, untracked: 0 });
    await memory.advance(120);
    expect((await seen.tree()).state).toBe("REVOKED");
    expect(memory.messages()).toEqual([]);
  });

  test("does not read again what has ended", async () => {
    await using memory = await memoryApp(tasks);
    const { add, xsum } = memory.tasks;
    const result = await chord(
      Array.from({ length: 130 }, () => add.s(1, 1)),
      xsum.s(),
    ).delay();
    const seen = workflow(result.id, memory.app);
    await memory.settle(result);
    const tree = await seen.tree();
    memory.joins.records = async (ids) => {
      expect(ids).toEqual([]);
      return [];
    };
    expect(await seen.tree()).toEqual(tree);
  });

  test("an id of nobody's workflow is refused by name", async () => {
    await using memory = await memoryApp(tasks);
    const { id } = await memory.tasks.add.delay(1, 2);
    const refused = { code: "LOVAGE_WORKFLOW_UNKNOWN", message: expect.stringContaining(id) };
    await expect(workflow(id, memory.app).tree()).rejects.toMatchObject(refused);
    await expect(workflow(id, memory.app).revoke()).rejects.toMatchObject(refused);
  });

  test("a workflow whose outline cannot be kept is sent all the same, and the log says so", async () => {
    await using memory = await memoryApp(tasks);
    const { add } = memory.tasks;
    memory.joins.keepWorkflow = async () => {
      throw new StoreUnavailable("the table is away");
    };
    const result = await chain(add.s(1, 1), add.s(2)).delay();
    expect(await memory.during(result.get())).toBe(4);
    expect(memory.logs).toContainEqual(
      expect.objectContaining({
        level: "warn",
        workflow: result.id,
        error: expect.stringContaining("the table is away"),
      }),
    );
  });
});

describe("a workflow that is revoked", () => {
  test("ends what has not started, and asks for what runs", async () => {
    await using memory = await memoryApp(tasks);
    const { add, slow, xsum } = memory.tasks;
    const result = await chain(add.s(1, 1), group([slow.s(), add.s(2)]), xsum.s(), add.s(1)).delay();
    await memory.advance(10);
    const seen = workflow(result.id, memory.app);
    expect(await seen.revoke()).toEqual({ revoked: 2, asked: 1, ended: 2, untracked: 0 });
    expect(await memory.settle(result)).toBe("REVOKED");
    await memory.advance(300);
    expect(drawn(await seen.tree())).toEqual([
      "chain REVOKED",
      "  add SUCCESS",
      "  group of 2 REVOKED",
      "    slow REVOKED",
      "    add SUCCESS",
      "  xsum REVOKED",
      "  add REVOKED",
    ]);
    expect(await seen.revoke()).toEqual({ revoked: 0, asked: 0, ended: 5, untracked: 0 });
    expect(waiting(memory.messages())).toEqual([]);
  });

  test("with no worker up is over at once; none of it runs later", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, xsum } = memory.tasks;
    const result = await chord(
      Array.from({ length: 100 }, () => add.s(1, 1)),
      xsum.s(),
    ).delay();
    const seen = workflow(result.id, memory.app);
    expect(await seen.revoke()).toMatchObject({ revoked: 101 });
    expect(await result.state()).toBe("REVOKED");
    await memory.startWorker();
    await memory.advance(60);
    expect(await seen.tree()).toMatchObject({ state: "REVOKED", states: { REVOKED: 100 } });
    expect(memory.logs.filter(({ msg }) => msg === "task succeeded")).toEqual([]);
  });

  test("calls no error callbacks, though the group before what was revoked has failed", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, note, xsum } = memory.tasks;
    const told = note.s().set({ ignoreResult: false });
    const failing = chord([add.s(1, 1), add.s(2, 2)], xsum.s().linkError(told));
    const result = await failing.delay();
    await workflow(result.id, memory.app).revoke();
    await memory.startWorker();
    await memory.advance(60);
    expect(await result.state()).toBe("REVOKED");
    expect(memory.logs.filter(({ task }) => task === "note")).toEqual([]);
  });

  test("inside a group that waits for it counts as failed", async () => {
    await using memory = await memoryApp(tasks);
    const { add, slow, count } = memory.tasks;
    const inner = chain(slow.s(1), group([add.s(1), add.s(2)]));
    const result = await chord([inner, add.s(1, 1)], count.s()).delay();
    await memory.advance(5);
    await workflow(result.id, memory.app).revoke({ terminate: true });
    expect(await memory.settle(result)).toBe("REVOKED");
    await memory.advance(120);
    const tree = (await workflow(result.id, memory.app).tree()) as WorkflowGroup;
    expect(tree.states).toEqual({ REVOKED: 1, SUCCESS: 1 });
    expect(waiting(memory.messages())).toEqual([]);
  });

  test("leaves tasks alone that record nothing, and says how many they are", async () => {
    await using memory = await memoryApp(tasks, { worker: false });
    const { add, note } = memory.tasks;
    const { id } = await chain(add.s(1, 1), note.s().set({ ignoreResult: true })).delay();
    expect(await workflow(id, memory.app).revoke()).toEqual({ revoked: 1, asked: 0, ended: 0, untracked: 1 });
  });
});
