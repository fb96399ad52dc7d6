// One test for each row of docs/protocol.md that is a decision; the rows that are not are tested in test/behaviour.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chainOf, groupOf } from "../../lib/core/canvas-shape.ts";
import * as changes from "../../lib/core/changes.ts";
import { decideDeadLetter } from "../../lib/core/dead-letter.ts";
import {
  decide,
  decideEarly,
  decideExpired,
  decideRefused,
  decideUnrunnable,
  decideWriteRefused,
  type Unrunnable,
} from "../../lib/core/decide.ts";
import { type Circumstances, claimOf, type Mode, type Received, type TaskPolicy } from "../../lib/core/decision.ts";
import { derivedId, idKey } from "../../lib/core/ids.ts";
import type { Outcome } from "../../lib/core/outcome.ts";
import { CLOCK_SKEW_MS, MAX_DEAD_LETTER_RESENDS, MAX_RESULT_BYTES, RESEND_NOTED_AFTER_MS } from "../../lib/defaults.ts";
import { RecordUnreadable } from "../../lib/errors.ts";
import { STORED_STATES, type TaskRecord } from "../../lib/store/record.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import { envelopeOf, POLICY, signatureOf } from "../support/messages.ts";

const NOW = Date.UTC(2026, 10, 21);
const ACK = { kind: "ack" };
const release = (seconds: number) => ({ kind: "release", seconds });
const failure = { type: "TypeError", message: "no" };

const circumstances: Circumstances = {
  now: NOW,
  random: 0.5,
  routes: { key: idKey("duckling"), now: NOW, maxHops: 9, route: () => ({ workload: "default", ignoreResult: false }) },
};

function message(facts: Partial<Envelope> = {}, receiveCount = 1): Received {
  const envelope = envelopeOf({
    rootId: "root-1",
    retries: 1,
    headers: { tenant: "a" },
    link: [signatureOf("notify")],
    linkError: [signatureOf("on_error")],
    ...facts,
  });
  return { envelope, workload: "renders", receiveCount, body: "body" };
}

const received = message();
const claim = claimOf(received, "mine");
const held: changes.Right = { kind: "claimed", claim };
const unclaimed: changes.Right = { kind: "unclaimed", claim };
const record = (facts: Partial<TaskRecord>): TaskRecord => ({
  ...{ id: "t-1", state: "STARTED", attempt: 1 },
  ...(facts.state === "REPLACED" && { replacement: "t-2", replacementSig: JSON.stringify(signatureOf("instead")) }),
  ...facts,
});
const end = (outcome: Outcome, mode: Mode = "tracked", from = received, its = POLICY) =>
  decide(outcome, from, mode, "mine", its, circumstances);

const tasksOf = (decision: { publish: readonly { envelope: Envelope }[] } | undefined) =>
  decision?.publish.map(({ envelope }) => envelope.task);

describe("a message is received", () => {
  test("row 3: `expires` has passed → REVOKED(expired) where claimable, no follow-ups, acknowledged", () => {
    for (const expires of [NOW, NOW - 1]) {
      const decision = decideExpired(message({ expires }), POLICY, circumstances, "mine");
      expect(decision).toEqual({
        row: "expired",
        change: changes.revokeUnheld(claim, NOW, { type: "TaskRevoked", message: "expired" }, 86_400),
        publish: [],
        settle: ACK,
        ending: { kind: "revoked", reason: "expired" },
      });
    }
  });

  test("row 3, otherwise: it is not expired", () => {
    expect(decideExpired(message({ expires: NOW + 1 }), POLICY, circumstances, "mine")).toBeUndefined();
    expect(decideExpired(message(), POLICY, circumstances, "mine")).toBeUndefined();
  });

  test("row 4: `eta` has not come → the same message with the rest of its delay, acknowledged, nothing written", () => {
    const early = message({ eta: NOW + 12_300 });
    expect(decideEarly(early, circumstances)).toEqual({
      row: "early",
      publish: [{ workload: "renders", envelope: early.envelope, delaySeconds: 13 }],
      settle: ACK,
    });
  });

  test("row 4: a longer rest hops by 15 minutes", () => {
    expect(decideEarly(message({ eta: NOW + 3_600_000 }), circumstances)?.publish[0]?.delaySeconds).toBe(900);
  });

  test("row 4, otherwise: it is not early", () => {
    expect(decideEarly(message({ eta: NOW }), circumstances)).toBeUndefined();
    expect(decideEarly(message(), circumstances)).toBeUndefined();
  });

  test("row 5: no such task here → FAILURE where claimable, error callbacks, acknowledged", () => {
    const decision = decideUnrunnable(message({}, 4), failure, POLICY, circumstances, "mine", "unknown task");
    expect(decision).toMatchObject({
      row: "unrunnable",
      change: changes.failUnheld(claim, NOW, failure, 86_400, "body"),
      settle: ACK,
    });
    expect(tasksOf(decision)).toEqual(["on_error"]);
  });

  test("row 5: an unknown task is given back three times first, a deploy may be under way", () => {
    for (const [receives, seconds] of [
      [1, 10],
      [2, 30],
      [3, 60],
    ] as const) {
      const decision = decideUnrunnable(message({}, receives), failure, POLICY, circumstances, "mine", "unknown task");
      expect(decision).toEqual({ row: "unrunnable, given back", publish: [], settle: release(seconds) });
    }
  });

  test("row 6: a claim is for this message's attempt, with the token of this receive", () => {
    expect(claim).toEqual({ id: "t-1", task: "add", workload: "renders", attempt: 1, token: "mine" });
  });
});

describe("the claim, or any write that needs a right, is refused", () => {
  const refused = (existing: TaskRecord | undefined, from = received) => decideRefused(from, existing, circumstances);

  test("row 8: terminal → its follow-ups again, from the record, acknowledged", () => {
    const success = refused(record({ state: "SUCCESS", result: "5", token: "other" }));
    expect(success).toMatchObject({ row: "already ended", settle: ACK });
    expect(success).not.toHaveProperty("change");
    expect(success.publish.map(({ envelope }) => [envelope.task, envelope.args])).toEqual([["notify", [5]]]);
    expect(tasksOf(refused(record({ state: "FAILURE", failure })))).toEqual(["on_error"]);
    expect(tasksOf(refused(record({ state: "REVOKED" })))).toEqual([]);
  });

  test("row 8: that they were sent again is noted afterwards, and with the note nothing is sent", () => {
    const success = record({ state: "SUCCESS", result: "5", token: "other" });
    expect(refused(success).note).toEqual(changes.noteFollowed("t-1"));
    expect(refused({ ...success, followed: true })).toEqual({ row: "already ended", publish: [], settle: ACK });
    expect(refused(record({ state: "REVOKED" }))).not.toHaveProperty("note"); // nothing follows it
  });

  test("row 8: what a record says again is what the ending had said", () => {
    const decision = end({ kind: "success", result: "5" });
    const again = refused(changes.applied(decision.change as changes.Change, record({ token: "mine" })));
    expect(again.publish).toEqual(decision.publish);
  });

  test("row 8: what takes a replaced task's place begins again, from the record", () => {
    const decision = end({ kind: "replaced", sig: signatureOf("instead") });
    const existing = changes.applied(decision.change as changes.Change, record({ token: "mine" }));
    const { publish, workflow, row } = refused(existing);
    expect({ publish, workflow, row }).toEqual({
      publish: decision.publish,
      workflow: undefined,
      row: "already ended",
    });
    const kept = (sig: unknown) => refused({ ...existing, replacementSig: JSON.stringify(sig) });
    const { replacementSig: _, ...without } = existing;
    expect(() => refused(without)).toThrow("attribute replacement_sig is missing");
    expect(() => refused({ ...existing, replacementSig: "{" })).toThrow("attribute replacement_sig is ");
    expect(() => kept({})).toThrow(RecordUnreadable);
    expect(() => kept({})).toThrow("attribute replacement_sig it names no task");
    expect(() => kept(chainOf([]))).toThrow("attribute replacement_sig cannot be planned: a chain has no steps");
  });

  test("row 9: a next attempt that was due 30 minutes ago is noted as sent anew: its message lives on from here", () => {
    const due = (retryAt: number, publishedAt?: number) =>
      refused(record({ state: "RETRY", attempt: 2, retryAt, ...(publishedAt !== undefined && { publishedAt }) }));
    const late = record({ state: "RETRY", attempt: 2, retryAt: NOW - RESEND_NOTED_AFTER_MS - 1 });
    expect(refused(late).change).toEqual(changes.resend(late, NOW));
    expect(due(NOW - RESEND_NOTED_AFTER_MS)).not.toHaveProperty("change");
    expect(due(NOW - RESEND_NOTED_AFTER_MS - 1, NOW - 1)).not.toHaveProperty("change");
    expect(refused(record({ state: "RETRY", attempt: 2 }))).not.toHaveProperty("change");
  });

  test("row 9: RETRY with attempt > n → the next attempt, from the record, with the rest of its delay, acknowledged", () => {
    const decision = refused(record({ state: "RETRY", attempt: 2, retryAt: NOW + 4_500, retryArgs: '[[9],{"k":1}]' }));
    expect(decision).toMatchObject({ row: "retry ahead", settle: ACK });
    expect(decision.publish).toEqual([
      {
        workload: "renders",
        envelope: {
          ...received.envelope,
          args: [9],
          kwargs: { k: 1 },
          argsChanged: true,
          retries: 2,
          eta: NOW + 4_500,
        },
        delaySeconds: 5,
      },
    ]);
  });

  test("row 9: the same arguments again, where the task asked for no others; at once, where nobody knows when", () => {
    const [publication] = refused(record({ state: "RETRY", attempt: 2 })).publish;
    expect(publication).toEqual({
      workload: "renders",
      envelope: { ...received.envelope, retries: 2, eta: NOW },
      delaySeconds: 0,
    });
  });

  test("row 9: what a record says again is what the retry had said", () => {
    for (const next of [undefined, { args: [9] }, { args: [9], kwargs: { k: 1 } }]) {
      const outcome: Outcome = { kind: "retry", failure, exhausted: failure, countdown: 30, ...(next && { next }) };
      const decision = end(outcome);
      const again = refused(changes.applied(decision.change as changes.Change, record({ token: "mine" })));
      expect(again.publish).toEqual(decision.publish);
    }
  });

  test("row 10: STARTED, lease live → back when it can be taken over, twice as long with every receive", () => {
    const live = record({ leaseUntil: NOW + 10_000, token: "other" });
    expect(refused(live)).toEqual({ row: "live lease", publish: [], settle: release(15) });
    expect(refused(live, message({}, 3)).settle).toEqual(release(60));
    expect(refused(live, message({}, 99)).settle).toEqual(release(300));
    const within = record({ leaseUntil: NOW - CLOCK_SKEW_MS + 1, token: "other" });
    expect(refused(within)).toEqual({ row: "live lease", publish: [], settle: release(1) });
  });

  test("row 11: anything else → back after 1, 2, 4 … 60 s", () => {
    const over = record({ leaseUntil: NOW - CLOCK_SKEW_MS });
    for (const existing of [
      undefined,
      over,
      record({}),
      record({ state: "PENDING" }),
      record({ state: "RETRY", attempt: 1 }),
    ]) {
      expect(refused(existing)).toEqual({ row: "changed meanwhile", publish: [], settle: release(1) });
    }
    expect(refused(undefined, message({}, 4)).settle).toEqual(release(8));
  });

  test("rows 8 to 11: every record is answered without another write", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...STORED_STATES),
        fc.nat({ max: 3 }),
        fc.integer({ min: -9_000, max: 9_000 }),
        (state, attempt, left) => {
          const decision = refused(record({ state, attempt, leaseUntil: NOW + left, result: "5" }));
          expect(decision.change).toBeUndefined();
          expect(["ack", "release"]).toContain(decision.settle.kind);
        },
      ),
    );
  });
});

describe("a run ends", () => {
  const value = (result: string | undefined) => ({ result, ignored: false, resultExpiresSeconds: 86_400 });

  test("row 12: a value → SUCCESS, callbacks with the result, acknowledged", () => {
    const decision = end({ kind: "success", result: "5" });
    expect(decision).toMatchObject({ row: "success", change: changes.succeed(held, NOW, value("5")), settle: ACK });
    expect(decision.publish.map(({ envelope }) => envelope.args)).toEqual([[5]]);
  });

  describe("row 18a: a canvas takes its place → REPLACED, its beginning, acknowledged;", () => {
    const routes = circumstances.routes;
    const own = signatureOf("a", { options: { task_id: "t-1" } });
    const replace = (sig: WireSignature, facts: Partial<Envelope> = {}, mode: Mode = "tracked") =>
      end({ kind: "replaced", sig }, mode, message(facts));

    test("a task has its id derived, and its callbacks", () => {
      const decision = replace(signatureOf("instead"));
      const id = derivedId(routes.key, "t-1", "r");
      const replacement = { id, sig: JSON.stringify(signatureOf("instead")) };
      expect(decision).toMatchObject({
        row: "replaced",
        change: changes.replace(held, NOW, replacement, 86_400),
        settle: ACK,
      });
      expect(decision).not.toHaveProperty("ending");
      expect(decision.publish.map(({ envelope }) => envelope)).toMatchObject([
        {
          id,
          task: "instead",
          parentId: "t-1",
          rootId: "root-1",
          link: [{ task: "notify" }],
          linkError: [{ task: "on_error" }],
        },
      ]);
    });

    test("a chain begins, and the rest of the task's own chain and its place in a group come after it", () => {
      const place = { chord: { ...signatureOf("body"), chord_size: 2 } as never, group: "g-1", groupIndex: 1 }; // JSON
      const decision = replace(chainOf([signatureOf("a"), signatureOf("b")]), {
        chain: [signatureOf("after")],
        ...place,
      });
      const [first, ...others] = decision.publish;
      expect(others).toEqual([]);
      expect(first?.envelope).toMatchObject({ task: "a", chain: [{ task: "after" }, { task: "b" }] });
      const last = replace(chainOf([signatureOf("a"), signatureOf("b")]), place).publish[0]?.envelope.chain;
      expect(last).toMatchObject([{ task: "b", options: { group_id: "g-1", group_index: 1 } }]);
    });

    test("a group is waited for: it becomes a join, under the id that ends in the task's place", () => {
      const decision = replace(groupOf([signatureOf("a"), signatureOf("b")]));
      const options = { task_id: decision.change?.set.replacement };
      expect(decision.workflow?.joins).toMatchObject([{ size: 2, next: { task: "lovage.join", options } }]);
      expect(decision.workflow?.line).toEqual({ rootId: "root-1", hops: 1 });
      expect(tasksOf(decision)).toEqual(["a", "b"]);
    });

    test("of the largest size that a record holds it begins", () => {
      const bytes = (args: readonly string[]) => JSON.stringify(signatureOf("a", { args })).length;
      const sig = signatureOf("a", { args: ["x".repeat(MAX_RESULT_BYTES - bytes([""]))] });
      expect(replace(sig).row).toBe("replaced");
    });

    test("unclaimed: by the right of whoever comes first; untracked: nothing is written", () => {
      expect(replace(signatureOf("a"), {}, "unclaimed").change?.when).toEqual(
        changes.replace(unclaimed, NOW, { id: "", sig: "" }, 1).when,
      );
      const untracked = replace(signatureOf("a"), {}, "untracked");
      expect([untracked.change, tasksOf(untracked)]).toEqual([undefined, ["a"]]);
    });

    test.each([
      ["an empty chain", chainOf([]), "InvalidOption", "a chain has no steps"],
      ["itself", own, "InvalidOption", "a part of what replaces task t-1 has its id"],
      ["a chain with itself", chainOf([signatureOf("b"), own, signatureOf("c")]), "InvalidOption", "has its id"],
      [
        "what no record can hold",
        signatureOf("a", { args: ["x".repeat(MAX_RESULT_BYTES)] }),
        "ResultTooLarge",
        `the limit is ${MAX_RESULT_BYTES}`,
      ],
    ])("%s fails it", (_what, sig, type, message) => {
      const decision = replace(sig);
      expect(decision.change).toMatchObject({
        kind: "fail",
        set: { failure: { type, message: expect.stringContaining(message) } },
      });
      expect(decision.ending).toMatchObject({ kind: "failure", expected: false });
      expect(tasksOf(decision)).toEqual(["on_error"]);
    });

    test("a revoke that was asked for is seen before it", () => {
      const asked = record({ state: "STARTED", token: "mine", revokeRequested: "cooperate" });
      expect(changes.holds(replace(signatureOf("a")).change?.when ?? [], asked)).toBe(false);
      const decision = decideWriteRefused(asked, received, "tracked", "mine", POLICY, circumstances);
      expect(decision.change).toMatchObject({ kind: "revoke" });
    });
  });

  test("row 12, unclaimed: the same, by the right of whoever comes first", () => {
    expect(end({ kind: "success", result: "5" }, "unclaimed").change).toEqual(
      changes.succeed(unclaimed, NOW, value("5")),
    );
  });

  test("row 12, untracked: nothing is written, callbacks are sent", () => {
    const decision = end({ kind: "success", result: "5" }, "untracked");
    expect(decision).not.toHaveProperty("change");
    expect(tasksOf(decision)).toEqual(["notify"]);
  });

  test("row 12: a result nobody asked for is kept only for the callbacks' sake", () => {
    const ignoring = message({ ignoreResult: true });
    expect(end({ kind: "success", result: "5" }, "tracked", ignoring).change?.set.result).toBe("5");
    const alone = message({ ignoreResult: true, link: [] });
    expect(end({ kind: "success", result: "5" }, "tracked", alone).change?.set.result).toBeUndefined();
  });

  test("row 13: Ignore → SUCCESS, ignored, no value, no follow-ups, acknowledged", () => {
    const outcome: Outcome = { kind: "ignored", reason: "later" };
    expect(end(outcome)).toEqual({
      row: "ignored",
      change: changes.succeed(held, NOW, { result: undefined, ignored: true, resultExpiresSeconds: 86_400 }),
      publish: [],
      settle: ACK,
    });
    expect(end(outcome, "untracked")).toEqual({ row: "ignored", publish: [], settle: ACK });
  });

  test.each<[string, Outcome, string]>([
    ["an error", { kind: "failure", failure, expected: false }, "failure"],
    ["an expected error", { kind: "failure", failure, expected: true }, "failure"],
    ["Reject", { kind: "rejected", requeue: false, failure }, "rejected"],
    [
      "retries exhausted",
      { kind: "retry", failure: undefined, exhausted: failure, maxRetries: 1 },
      "retries exhausted",
    ],
  ])("row 14: %s → FAILURE, error callbacks with the task's id, acknowledged", (_, outcome, row) => {
    const decision = end(outcome);
    expect(decision).toMatchObject({ row, change: changes.fail(held, NOW, failure, 86_400, "body"), settle: ACK });
    expect(decision.publish.map(({ envelope }) => [envelope.task, envelope.args])).toEqual([["on_error", ["t-1"]]]);
  });

  test("row 14: FAILURE is recorded also with ignoreResult", () => {
    expect(end({ kind: "failure", failure, expected: false }, "untracked").change).toEqual(
      changes.fail(unclaimed, NOW, failure, 86_400, "body"),
    );
  });

  test("row 15: Retry with retries left → RETRY of attempt n + 1, the next attempt published, acknowledged", () => {
    const decision = end({ kind: "retry", failure, exhausted: failure, countdown: 30 });
    const retryAt = NOW + 30_000;
    expect(decision).toEqual({
      row: "retry",
      change: changes.retry(held, { attempt: 2, retryAt, args: undefined, failure }),
      publish: [
        { workload: "renders", envelope: { ...received.envelope, retries: 2, eta: retryAt }, delaySeconds: 30 },
      ],
      settle: ACK,
      ending: { kind: "retry", failure, retryAt },
    });
  });

  test("row 15, untracked: the message is all there is", () => {
    const decision = end({ kind: "retry", failure, exhausted: failure, countdown: 30 }, "untracked");
    expect(decision).not.toHaveProperty("change");
    expect(decision.publish[0]?.envelope.retries).toBe(2);
  });

  test("row 15: other arguments travel in the message and rest in the record", () => {
    const decision = end({ kind: "retry", failure, exhausted: failure, next: { args: [9], kwargs: { k: 1 } } });
    expect(decision.publish[0]?.envelope).toMatchObject({ args: [9], kwargs: { k: 1 } });
    expect(decision.change?.set.retryArgs).toBe('[[9],{"k":1}]');
  });

  test.each<[string, Partial<Extract<Outcome, { kind: "retry" }>>, Partial<TaskPolicy>, number]>([
    ["its countdown", { countdown: 0.25 }, {}, 250],
    ["its eta", { eta: NOW + 77 }, {}, 77],
    ["the default delay", {}, {}, 180_000],
    ["half the backoff, as the dice fell", {}, { retryBackoff: 4 }, 4_000],
    ["the whole backoff without jitter", {}, { retryBackoff: 4, retryJitter: false }, 8_000],
  ])("row 15: it comes after %s", (_, asked, its, ms) => {
    const decision = end({ kind: "retry", failure, exhausted: failure, ...asked }, "tracked", received, {
      ...POLICY,
      ...its,
    });
    expect(decision.change?.set.retryAt).toBe(NOW + ms);
    expect(decision.publish[0]?.envelope.eta).toBe(NOW + ms);
    expect(decision.publish[0]?.delaySeconds).toBe(Math.ceil(ms / 1_000));
  });

  test("row 15: a long delay hops by 15 minutes", () => {
    const decision = end({ kind: "retry", failure, exhausted: failure, countdown: 7_200 });
    expect(decision.publish[0]?.delaySeconds).toBe(900);
    expect(decision.change?.set.retryAt).toBe(NOW + 7_200_000);
  });

  test("row 15: the task's maxRetries counts, unless this retry names its own", () => {
    const row = (retries: number, maxRetries?: number | null) =>
      end(
        { kind: "retry", failure, exhausted: failure, ...(maxRetries === undefined ? {} : { maxRetries }) },
        "tracked",
        message({ retries }),
      ).row;
    expect([row(2), row(3)]).toEqual(["retry", "retries exhausted"]);
    expect([row(4, 5), row(5, 5), row(0, 0)]).toEqual(["retry", "retries exhausted", "retries exhausted"]);
    expect(row(1_000, null)).toBe("retry");
  });

  test("row 16: Reject({ requeue: true }) → RETRY of attempt n, back after 1, 2, 4 … 60 s", () => {
    const outcome: Outcome = { kind: "rejected", requeue: true, failure };
    const ending = { kind: "rejected", requeue: true, reason: failure.message };
    expect(end(outcome, "tracked", message({}, 3))).toEqual({
      row: "requeued",
      change: changes.retry(held, { attempt: 1, retryAt: NOW + 4_000, args: undefined, failure }),
      publish: [],
      settle: release(4),
      ending,
    });
    for (const mode of ["unclaimed", "untracked"] as const)
      expect(end(outcome, mode)).toEqual({ row: "requeued", publish: [], settle: release(1), ending });
  });

  test("row 17: the worker shuts down → RETRY of attempt n, back at once", () => {
    expect(end({ kind: "interrupted" })).toEqual({
      row: "interrupted",
      change: changes.retry(held, { attempt: 1, retryAt: NOW, args: undefined, failure: undefined }),
      publish: [],
      settle: release(0),
    });
    expect(end({ kind: "interrupted" }, "untracked")).toEqual({ row: "interrupted", publish: [], settle: release(0) });
  });

  test("rows 16 and 17: what was given back is claimable by the same message", () => {
    for (const outcome of [{ kind: "interrupted" }, { kind: "rejected", requeue: true, failure }] as const) {
      const after = changes.applied(end(outcome).change as changes.Change, record({ token: "mine" }));
      expect(changes.holds(changes.claimable(1, NOW), after)).toBe(true);
    }
  });

  test("rows 9, 16 and 17: what was given back keeps the arguments a retry had asked for", () => {
    const second = message({ retries: 1, args: [9], kwargs: { k: 1 }, argsChanged: true });
    for (const outcome of [{ kind: "interrupted" }, { kind: "rejected", requeue: true, failure }] as const) {
      const givenBack = changes.applied(
        end(outcome, "tracked", second).change as changes.Change,
        record({ token: "mine" }),
      );
      const duplicateOfTheFirst = message({ retries: 0, args: [2, 3] });
      const again = decideRefused(duplicateOfTheFirst, givenBack, circumstances).publish[0]?.envelope;
      expect(again).toMatchObject({ retries: 1, args: [9], kwargs: { k: 1 } });
    }
  });

  test("row 18: revoked while it ran → REVOKED, no follow-ups, acknowledged", () => {
    const why = { type: "TaskRevoked", message: "stop" };
    expect(end({ kind: "revoked", reason: "stop" })).toEqual({
      row: "revoked while running",
      change: changes.revokeHeld(held, NOW, why, 86_400),
      publish: [],
      settle: ACK,
      ending: { kind: "revoked", reason: "stop" },
    });
    expect(end({ kind: "revoked", reason: "stop" }, "unclaimed").change).toEqual(
      changes.revokeHeld(unclaimed, NOW, why, 86_400),
    );
  });

  const writeRefused = (existing: TaskRecord | undefined) =>
    decideWriteRefused(existing, received, "tracked", "mine", POLICY, circumstances);

  test("row 19: refused, STARTED with my token, a revoke was requested → REVOKED, acknowledged", () => {
    for (const revokeRequested of ["cooperate", "terminate"] as const) {
      const decision = writeRefused(record({ token: "mine", leaseUntil: NOW, revokeRequested }));
      expect(decision).toMatchObject({ row: "revoked while running", settle: ACK, publish: [] });
      expect(decision.ending).toEqual({ kind: "revoked", reason: "revoked before it went on" });
      expect(decision.change?.set.state).toBe("REVOKED");
    }
  });

  test("row 20: refused otherwise → rows 8 to 11", () => {
    const others = [
      undefined,
      record({ token: "other", leaseUntil: NOW + 9_000, revokeRequested: "cooperate" }),
      record({ token: "mine", leaseUntil: NOW + 9_000 }),
      record({ state: "SUCCESS", token: "mine", result: "5" }),
      record({ state: "RETRY", attempt: 2, token: "mine", revokeRequested: "cooperate" }),
    ];
    for (const existing of others)
      expect(writeRefused(existing)).toEqual(decideRefused(received, existing, circumstances));
  });
});

const dead = (existing: TaskRecord | undefined, mode: Mode = "tracked", from = received) =>
  decideDeadLetter({ ...from, maxReceiveCount: 3 }, existing, mode, "mine", POLICY, circumstances);

describe("a dead letter", () => {
  const waiting = [
    undefined,
    record({ state: "PENDING", attempt: 0 }),
    record({ state: "RETRY", attempt: 1 }),
    record({ state: "RETRY", attempt: 0 }),
  ];

  test("row 30: nobody could start it → since when its message waits, the message again, acknowledged", () => {
    for (const existing of waiting) {
      const change =
        existing?.state === "RETRY"
          ? changes.resend(existing, NOW)
          : changes.recordPending(received.envelope.id, "add", "renders", NOW);
      expect(dead(existing)).toEqual({
        row: "dead letter, never claimed",
        change,
        publish: [{ workload: "renders", envelope: { ...received.envelope, resends: 1 }, delaySeconds: 0 }],
        settle: ACK,
      });
    }
  });

  test("row 30: at most 3 times, each with the rest of its delay", () => {
    const again = (resends: number) => dead(undefined, "tracked", message({ resends, eta: NOW + 2_500 }));
    expect(again(MAX_DEAD_LETTER_RESENDS - 1).publish[0]).toMatchObject({
      envelope: { resends: MAX_DEAD_LETTER_RESENDS },
      delaySeconds: 3,
    });
    expect(again(MAX_DEAD_LETTER_RESENDS).row).toBe("dead letter");
  });

  test("row 31: the same after 3 times → FAILURE(DeadLettered) where claimable, body kept, error callbacks", () => {
    for (const existing of waiting) {
      const decision = dead(existing, "tracked", message({ resends: MAX_DEAD_LETTER_RESENDS }));
      const why = { type: "DeadLettered", message: "no worker could start it in 4 rounds of deliveries" };
      expect(decision.change).toEqual(changes.failUnheld(claim, NOW, why, 86_400, "body"));
      expect(decision.settle).toEqual(ACK);
      expect(tasksOf(decision)).toEqual(["on_error"]);
    }
  });

  test("row 30: STARTED with its lease over, and not by the last delivery → the message again: that one could start nothing", () => {
    const unfinished = record({ leaseUntil: NOW - CLOCK_SKEW_MS, owner: "w-7" });
    const [again, ...others] = dead(unfinished).publish;
    expect(again?.envelope).toEqual({ ...received.envelope, resends: 1 });
    expect(others).toEqual([]);
    expect(dead(unfinished)).toMatchObject({ row: "dead letter, never finished", settle: ACK });
    expect(dead(unfinished).change).toMatchObject({ kind: "resend", set: { publishedAt: NOW } });
    const thrice = dead(unfinished, "tracked", message({ resends: MAX_DEAD_LETTER_RESENDS }));
    expect(thrice.change?.set.failure?.message).toBe(
      "no worker could finish it in 4 rounds of deliveries, the last time in attempt 1 on w-7",
    );
    expect(dead(unfinished, "unclaimed").change?.set.state).toBe("FAILURE");
  });

  test("row 31: STARTED as often as the queue delivers, each attempt but its own aside: copies of its message had deliveries, too", () => {
    const lostIn = (runs: number) => dead(record({ leaseUntil: NOW - CLOCK_SKEW_MS, owner: "w-7", attempt: 1, runs }));
    expect(lostIn(3).row).toBe("dead letter, never finished"); // one for attempt 0, two for this
    expect(lostIn(4).row).toBe("dead letter");
    expect(lostIn(4).change?.set.failure?.message).toMatch(/^its worker was lost in every delivery the queue allows,/);
  });

  test("row 31: STARTED by the last delivery, its lease over → FAILURE(DeadLettered), saying where it was lost", () => {
    const lost = dead(record({ leaseUntil: NOW - CLOCK_SKEW_MS, owner: "w-7", lastDelivery: true }));
    expect(lost.change?.set.failure?.message).toBe(
      "its worker was lost in every delivery the queue allows, the last time in attempt 1 on w-7",
    );
    const unknown = dead(record({ attempt: 0, lastDelivery: true }));
    expect(unknown.change?.set.failure?.message).toMatch(/in attempt 0 on an unknown worker$/);
    expect(tasksOf(lost)).toEqual(["on_error"]);
  });

  test("row 31: its latest failure is said, too, where it failed before: it may have run, and its result could not be put", () => {
    const waited = dead(record({ state: "RETRY", failure }), "tracked", message({ resends: MAX_DEAD_LETTER_RESENDS }));
    expect(waited.change?.set.failure?.message).toBe(
      "no worker could finish it in 4 rounds of deliveries; its latest failure: no",
    );
  });

  test("row 31: given back (Reject, requeue) in every delivery → FAILURE(DeadLettered) at once, saying so", () => {
    const rejected = { type: "Reject", message: "not here" };
    const decision = dead(record({ state: "RETRY", failure: rejected }));
    expect(decision).toMatchObject({ row: "dead letter", settle: ACK });
    expect(decision.change?.set.failure).toEqual({
      type: "DeadLettered",
      message: "its task gave it back (Reject, requeue) in every delivery the queue allows: not here",
    });
    expect(dead(record({ state: "PENDING", failure: rejected })).row).toBe("dead letter, never claimed");
  });

  test("row 31: not tracked → at once, for no record can say that nobody ran it", () => {
    for (const mode of ["unclaimed", "untracked"] as const)
      expect(dead(undefined, mode).change?.set.state).toBe("FAILURE");
  });

  test("row 32: otherwise → rows 8 to 11", () => {
    const others = [
      record({ state: "SUCCESS", result: "5" }),
      record({ state: "FAILURE", failure }),
      record({ state: "REVOKED" }),
      record({ state: "RETRY", attempt: 2, retryAt: NOW + 1_000 }),
      record({ leaseUntil: NOW + 9_000 }),
      record({ leaseUntil: 0, attempt: 2 }),
    ];
    for (const existing of others) expect(dead(existing)).toEqual(decideRefused(received, existing, circumstances));
  });
});

test("how far a message is down its line never falls: kept where it is sent again, one more where another follows", () => {
  const outcomes: fc.Arbitrary<Outcome> = fc.constantFrom<Outcome>(
    { kind: "success", result: "5" },
    { kind: "failure", failure, expected: false },
    { kind: "retry", failure, exhausted: failure },
    { kind: "retry", failure, exhausted: failure, next: { args: ["other"] } },
    { kind: "rejected", requeue: false, failure },
    { kind: "revoked", reason: "by hand" },
  );
  const facts = fc.record({
    hops: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    retries: fc.nat(4),
    resends: fc.nat(MAX_DEAD_LETTER_RESENDS),
    late: fc.integer({ min: -100, max: 2_000_000 }),
  });
  fc.assert(
    fc.property(
      facts,
      outcomes,
      fc.constantFrom(...STORED_STATES),
      ({ hops, retries, resends, late }, outcome, state) => {
        const from = message({ retries, resends, eta: NOW + late, ...(hops === undefined ? {} : { hops }) });
        const existing = record({ state, attempt: retries + 1, result: "5", leaseUntil: NOW - 60_000 });
        const decisions = [
          decideEarly(from, circumstances),
          decideExpired(from, POLICY, circumstances, "mine"),
          decideUnrunnable(from, failure, POLICY, circumstances, "mine", "not supported"),
          decideRefused(from, existing, circumstances),
          end(outcome, "tracked", from),
          dead(existing, "tracked", from),
          dead(undefined, "tracked", from),
        ];
        for (const { envelope, overHops } of decisions.flatMap((decision) => decision?.publish ?? [])) {
          const again = envelope.id === from.envelope.id;
          expect(envelope.hops).toBe(again ? hops : (hops ?? 0) + 1);
          // What is sent again is bounded by itself, also where the app's limit is lower than its number.
          expect(overHops).toBe(again || (envelope.hops ?? 0) <= 9 ? undefined : 9);
        }
      },
    ),
  );
});

describe("what hooks and listeners are told", () => {
  const end = (outcome: Outcome, facts: Partial<Envelope> = {}) =>
    decide(outcome, message(facts), "tracked", "mine", POLICY, circumstances).ending;

  test("an ending that this execution records", () => {
    expect(end({ kind: "success", result: "5" })).toEqual({ kind: "success", result: "5" });
    expect(end({ kind: "failure", failure, expected: true })).toEqual({ kind: "failure", failure, expected: true });
    expect(end({ kind: "rejected", requeue: false, failure })).toEqual({
      kind: "rejected",
      requeue: false,
      reason: "no",
    });
    expect(end({ kind: "retry", failure, exhausted: failure }, { retries: 3 })).toEqual({
      kind: "failure",
      failure,
      expected: false,
    });
  });

  test("nothing of what is ignored, or runs again without anybody's wish", () => {
    expect(end({ kind: "ignored", reason: "" })).toBeUndefined();
    expect(end({ kind: "interrupted" })).toBeUndefined();
  });

  test("nothing of an ending that another execution recorded, but of a revoke that a caller did", () => {
    const told = (existing: TaskRecord) => decideRefused(received, existing, circumstances).ending;
    expect(told(record({ state: "SUCCESS", result: "5", token: "other" }))).toBeUndefined();
    expect(told(record({ state: "FAILURE", failure, token: "other" }))).toBeUndefined();
    expect(told(record({ state: "REVOKED", token: "other" }))).toBeUndefined();
    const { token: _, ...unclaimedRecord } = record({
      state: "REVOKED",
      failure: { type: "TaskRevoked", message: "by hand" },
    });
    expect(told(unclaimedRecord)).toEqual({ kind: "revoked", reason: "by hand" });
    expect(told(record({ state: "SUCCESS", result: "5" }))).toBeUndefined();
    expect(told(record({ state: "FAILURE", failure }))).toBeUndefined();
    expect(told(record({ state: "REVOKED", forgotten: true }))).toEqual({ kind: "revoked", reason: "revoked" });
  });

  test("of a task that nobody can run, also that it is unknown where that is why", () => {
    const told = (why: Unrunnable) =>
      decideUnrunnable(message({}, 9), failure, POLICY, circumstances, "mine", why).ending;
    expect(told("unknown task")).toEqual({ kind: "failure", failure, expected: false, unknownTask: true });
    expect(told("no payload store")).toEqual({ kind: "failure", failure, expected: false });
    expect(told("not supported")).toEqual({ kind: "failure", failure, expected: false });
  });

  test("of a dead letter", () => {
    const { ending } = dead(undefined, "tracked", message({ resends: MAX_DEAD_LETTER_RESENDS }));
    expect(ending).toMatchObject({ kind: "failure", failure: { type: "DeadLettered" }, expected: false });
  });
});
