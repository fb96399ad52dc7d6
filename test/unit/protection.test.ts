// ECS task scale-in protection under virtual time: what is asked of the agent, and when.
import { describe, expect, test } from "vitest";
import type { ProtectionAnswer } from "../../lib/aws/ecs-agent.ts";
import { capturedLogger, type LogLine } from "../../lib/testing/captured-logger.ts";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { Protection, protectionMinutes, protectionOf } from "../../lib/worker/protection.ts";

const SET: ProtectionAnswer = { kind: "set" };
const BLOCKED: ProtectionAnswer = { kind: "refused", reason: "DEPLOYMENT_BLOCKED", detail: undefined };
const DENIED: ProtectionAnswer = { kind: "failed", code: "AccessDeniedException", message: "no", maybe: false };
const SILENT: ProtectionAnswer = { kind: "failed", code: "no answer", message: "timeout", maybe: true };

/** A worker that says how much it has in hand, and an agent that answers as it is told to. */
function worker({ minutes = 6, answer = SET, answersAfterMs = 0 } = {}) {
  const clock = new FakeClock();
  const asked: [seconds: number, protect: boolean][] = [];
  const logs: LogLine[] = [];
  const now = { inHand: 0, answer };
  let underWay = 0;
  const protection = new Protection({
    agent: {
      set: async (protect) => {
        expect(++underWay).toBe(1); // one request at a time
        if (protect) expect(protect).toEqual({ minutes });
        asked.push([clock.monotonic() / 1_000, protect !== false]);
        await clock.sleep(answersAfterMs);
        underWay--;
        return now.answer;
      },
    },
    minutes,
    inHand: () => now.inHand,
    clock,
    log: capturedLogger(logs),
  });
  const has = (inHand: number) => {
    now.inHand = inHand;
    protection.look();
  };
  const pass = (seconds: number) => clock.advance(seconds * 1_000);
  return { protection, asked, logs, now, has, pass };
}

test.each([
  [3, 2],
  [300, 6],
  [3_600, 61],
  [60 * 60 * 60, 2_880],
  [0, 1],
  [Number.POSITIVE_INFINITY, 2_880],
])("tasks of at most %d s are protected for %d minutes", (seconds, minutes) => {
  expect(protectionMinutes(seconds)).toBe(minutes);
});

test("without an agent nothing is asked, and nothing is missed", async () => {
  const none = protectionOf(undefined, [300], { inHand: () => 1, clock: new FakeClock(), log: capturedLogger([]) });
  none.look();
  await none.close();
});

describe("a worker", () => {
  test("is protected when it takes its first message, and released when nothing has been in hand for a while", async () => {
    const { asked, has, pass } = worker();
    await pass(60);
    expect(asked).toEqual([]);
    has(1);
    await pass(20);
    has(0);
    await pass(60);
    expect(asked).toEqual([
      [60, true],
      [95, false],
    ]);
  });

  test("renews at half the time for as long as it has something in hand, without being told anew", async () => {
    const { asked, has, pass } = worker({ minutes: 6 });
    has(1);
    await pass(600);
    expect(asked).toEqual([
      [0, true],
      [180, true],
      [360, true],
      [540, true],
    ]);
  });

  test("does not flap: a thousand short tasks cost one request", async () => {
    const { asked, has, pass } = worker({ minutes: 60 });
    for (let i = 0; i < 1_000; i++) {
      has(1);
      await pass(0.1);
      has(0);
      await pass(0.9);
    }
    expect(asked).toEqual([[0, true]]);
  });

  test("that is busy again in the moment of its release is protected after a pause", async () => {
    const { asked, has, pass } = worker();
    has(1);
    await pass(1);
    has(0);
    await pass(15);
    has(1);
    await pass(30);
    expect(asked).toEqual([
      [0, true],
      [16, false],
      [21, true],
    ]);
  });

  test("is not released while the agent still thinks about protecting it", async () => {
    const { asked, has, pass } = worker({ answersAfterMs: 30_000 });
    has(1);
    await pass(1);
    has(0);
    await pass(60);
    expect(asked).toEqual([
      [0, true],
      [30, false],
    ]);
  });

  test("keeps its protection while it drains, and ends it at the end", async () => {
    const { protection, asked, has, pass } = worker();
    has(3);
    await pass(100);
    has(0);
    const closed = protection.close();
    await pass(0);
    await closed;
    has(1);
    await pass(600);
    expect(asked).toEqual([
      [0, true],
      [100, false],
    ]);
  });

  test("that was never protected has nothing to end", async () => {
    const { protection, asked } = worker();
    await protection.close();
    expect(asked).toEqual([]);
  });
});

describe("an agent that does not do it", () => {
  test("is asked again, later and later, and with one line in five minutes", async () => {
    const { asked, logs, has, pass } = worker({ answer: DENIED });
    has(1);
    await pass(290);
    expect(asked.map(([seconds]) => seconds)).toEqual([0, 10, 30, 70, 130, 190, 250]);
    expect(logs).toEqual([
      expect.objectContaining({
        level: "warn",
        code: "AccessDeniedException",
        message: expect.stringContaining("the task's role needs ecs:UpdateTaskProtection"),
      }),
    ]);
    await pass(60);
    expect(logs).toHaveLength(2);
  });

  test("and answers at last: it is said, and renewed as ever", async () => {
    const { asked, logs, now, has, pass } = worker({ answer: DENIED });
    has(1);
    await pass(5);
    now.answer = SET;
    await pass(200);
    expect(asked.map(([seconds]) => seconds)).toEqual([0, 10, 190]);
    expect(logs.map(({ message }) => message)).toContain("ECS answers again about scale-in protection");
  });

  test("is not bothered with a release of what it never protected", async () => {
    const { asked, has, pass } = worker({ answer: DENIED });
    has(1);
    await pass(1);
    has(0);
    await pass(600);
    expect(asked).toEqual([[0, true]]);
  });

  test("may have done it when its answer was lost: that is ended, but not for longer than it can last", async () => {
    const { asked, has, pass } = worker({ answer: SILENT, minutes: 2 });
    has(1);
    await pass(1);
    has(0);
    await pass(600);
    expect(asked.filter(([, protect]) => !protect).map(([seconds]) => seconds)).toEqual([16, 36, 76]);
  });

  test("refuses a renewal: the protection it gave lasts, and is asked for again", async () => {
    const { asked, logs, now, has, pass } = worker({ minutes: 6 });
    has(1);
    await pass(170);
    now.answer = BLOCKED;
    await pass(25);
    now.answer = SET;
    await pass(300);
    expect(asked.map(([seconds]) => seconds)).toEqual([0, 180, 190, 210, 390]);
    expect(logs.filter(({ level }) => level === "warn")).toEqual([
      expect.objectContaining({
        reason: "DEPLOYMENT_BLOCKED",
        message: expect.stringContaining("more tasks of the service are protected than it is to run"),
      }),
    ]);
  });

  test("says that no service has this task: it is not asked any more", async () => {
    const { asked, logs, has, pass, protection } = worker({
      answer: { kind: "refused", reason: "TASK_NOT_VALID", detail: undefined },
    });
    has(1);
    await pass(3_600);
    has(0);
    await pass(3_600);
    await protection.close();
    expect(asked).toEqual([[0, true]]);
    expect(logs).toEqual([expect.objectContaining({ level: "info" })]);
  });
});
