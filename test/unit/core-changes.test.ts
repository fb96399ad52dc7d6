import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as changes from "../../lib/core/changes.ts";
import {
  CLOCK_SKEW_MS,
  DYNAMODB,
  FAILURE_LIMITS,
  FAILURE_SUMMARY_LENGTH,
  JOINS,
  MAX_KEPT_BODY_BYTES,
  MAX_RESULT_BYTES,
  RECORD_LIFETIME_MS,
} from "../../lib/defaults.ts";
import { failurePartition } from "../../lib/store/failures.ts";
import { type Failure, isTerminal, STORED_STATES, type TaskRecord } from "../../lib/store/record.ts";

const NOW = Date.UTC(2026, 10, 21);
const DAY = 86_400;
const claim: changes.Claim = { id: "t-1", task: "add", workload: "default", attempt: 3, token: "mine" };
const held: changes.Right = { kind: "claimed", claim };
const unclaimed: changes.Right = { kind: "unclaimed", claim };
const failure = { type: "Error", message: "no" };

/** Every record a write may meet, as far as a condition can tell them apart. */
function* everyRecord(): Generator<TaskRecord | undefined> {
  yield undefined;
  for (const state of STORED_STATES)
    for (const attempt of [claim.attempt - 1, claim.attempt, claim.attempt + 1])
      for (const token of ["mine", "other", undefined])
        for (const leaseUntil of [undefined, NOW - CLOCK_SKEW_MS, NOW - CLOCK_SKEW_MS + 1, NOW + 60_000])
          for (const revokeRequested of [undefined, "cooperate", "terminate"] as const)
            yield changes.applied(
              { kind: "claim", id: "t-1", when: [], set: { state, attempt, token, leaseUntil, revokeRequested } },
              undefined,
            );
}

const upToMine = (record: TaskRecord) => record.attempt <= claim.attempt;
const leaseOver = ({ leaseUntil = 0 }: TaskRecord) => leaseUntil + CLOCK_SKEW_MS <= NOW;
const isMine = ({ state, token }: TaskRecord) => state === "STARTED" && token === "mine";
const notTerminal = ({ state }: TaskRecord) => !isTerminal(state);

const claimable = (record: TaskRecord | undefined) =>
  record === undefined ||
  record.state === "PENDING" ||
  (record.state === "RETRY" && upToMine(record)) ||
  (record.state === "STARTED" && upToMine(record) && leaseOver(record));

/** Nobody ended it, and it is not further than this message. */
const unfinished = (record: TaskRecord | undefined) =>
  record === undefined || (notTerminal(record) && upToMine(record));

const lease = { owner: "w-1", until: NOW + 20_000, lastDelivery: false };
const value = { result: "5", ignored: false, resultExpiresSeconds: DAY };
const members = { group: "g-1", size: 3 };
const instead = { id: "t-2", sig: '{"task":"add"}' };
const next = { attempt: 4, retryAt: NOW + 1_000, args: undefined, failure };

function allButForget(): changes.Change[] {
  return [
    changes.recordPending("t-1", "add", "default", NOW),
    changes.claim(claim, NOW, lease),
    changes.heartbeat(claim, NOW),
    changes.report(claim, "1", "x"),
    ...[held, unclaimed].flatMap((right) => [
      changes.succeed(right, NOW, value),
      changes.fail(right, NOW, failure, DAY),
      changes.revokeHeld(right, NOW, failure, DAY),
      changes.retry(right, next),
    ]),
    changes.replace(held, NOW, instead, DAY),
    changes.replace(unclaimed, NOW, instead, DAY),
    changes.succeedWaited({ id: "t-1" }, members, NOW, DAY),
    changes.failUnheld(claim, NOW, failure, DAY),
    changes.revokeUnheld(claim, NOW, failure, DAY),
    changes.revokeUnstarted("t-1", NOW, failure, DAY),
    changes.requestRevoke("t-1", "terminate"),
  ];
}

const resend = () => changes.resend({ id: "t-1", attempt: claim.attempt }, NOW);

test("a change says what it is", () => {
  const others = [changes.forget("t-1"), changes.countRedrive("t-1", 0), changes.noteFollowed("t-1"), resend()];
  const kinds = [...allButForget(), ...others].map(({ kind }) => kind);
  expect([...new Set(kinds)]).toEqual([
    ...["record-pending", "claim", "heartbeat", "report", "succeed", "fail", "revoke", "retry"],
    ...["replace", "succeed-waited", "request-revoke", "forget", "count-redrive", "note-followed", "resend"],
  ]);
});

describe("the condition of a change holds exactly where", () => {
  test.each<[string, () => changes.Change, (record: TaskRecord | undefined) => boolean]>([
    [
      "recordPending: there is no record, or the publish is repeated",
      () => changes.recordPending("t-1", "add", "default", NOW),
      (record) => record === undefined || record.state === "PENDING",
    ],
    ["claim: it is claimable", () => changes.claim(claim, NOW, lease), claimable],
    ["failUnheld: it is claimable", () => changes.failUnheld(claim, NOW, failure, DAY), claimable],
    ["revokeUnheld: it is claimable", () => changes.revokeUnheld(claim, NOW, failure, DAY), claimable],
    ["heartbeat: the claim is mine", () => changes.heartbeat(claim, NOW), (r) => r !== undefined && isMine(r)],
    ["report: the claim is mine", () => changes.report(claim, "1", undefined), (r) => r !== undefined && isMine(r)],
    [
      "succeed, claimed: the claim is mine",
      () => changes.succeed(held, NOW, value),
      (r) => r !== undefined && isMine(r),
    ],
    [
      "fail, claimed: the claim is mine",
      () => changes.fail(held, NOW, failure, DAY),
      (r) => r !== undefined && isMine(r),
    ],
    [
      "revokeHeld, claimed: the claim is mine",
      () => changes.revokeHeld(held, NOW, failure, DAY),
      (r) => r !== undefined && isMine(r),
    ],
    [
      "retry, claimed: the claim is mine and nobody asked to revoke it",
      () => changes.retry(held, next),
      (r) => r !== undefined && isMine(r) && r.revokeRequested === undefined,
    ],
    [
      "replace, claimed: as retry",
      () => changes.replace(held, NOW, instead, DAY),
      (r) => r !== undefined && isMine(r) && r.revokeRequested === undefined,
    ],
    [
      "replace, unclaimed: as retry",
      () => changes.replace(unclaimed, NOW, instead, DAY),
      (r) => r === undefined || (unfinished(r) && r.revokeRequested === undefined),
    ],
    ["succeed, unclaimed: unfinished up to this attempt", () => changes.succeed(unclaimed, NOW, value), unfinished],
    ["fail, unclaimed: unfinished up to this attempt", () => changes.fail(unclaimed, NOW, failure, DAY), unfinished],
    [
      "revokeHeld, unclaimed: unfinished up to this attempt",
      () => changes.revokeHeld(unclaimed, NOW, failure, DAY),
      unfinished,
    ],
    [
      "retry, unclaimed: unfinished up to this attempt and nobody asked to revoke it",
      () => changes.retry(unclaimed, next),
      (r) => r === undefined || (unfinished(r) && r.revokeRequested === undefined),
    ],
    [
      "revokeUnstarted: nobody runs it and nobody ended it",
      () => changes.revokeUnstarted("t-1", NOW, failure, DAY),
      (r) => r === undefined || r.state === "PENDING" || r.state === "RETRY",
    ],
    [
      "succeedWaited: nobody ended it, and nobody runs it",
      () => changes.succeedWaited({ id: "t-1" }, members, NOW, DAY),
      (r) => r === undefined || r.state === "PENDING" || r.state === "RETRY",
    ],
    [
      "resend: it waits for this attempt at most, or was started",
      resend,
      (r) => (r?.state === "RETRY" || r?.state === "STARTED") && upToMine(r),
    ],
    ["requestRevoke: somebody runs it", () => changes.requestRevoke("t-1", "cooperate"), (r) => r?.state === "STARTED"],
    ["countRedrive: it failed", () => changes.countRedrive("t-1", 0), (r) => r?.state === "FAILURE"],
    ["noteFollowed: it has ended", () => changes.noteFollowed("t-1"), (r) => r !== undefined && isTerminal(r.state)],
    [
      "forget: it has ended, and not in another's place",
      () => changes.forget("t-1"),
      (r) => r !== undefined && isTerminal(r.state) && r.state !== "REPLACED",
    ],
  ])("%s", (_, make, expected) => {
    const change = make();
    const records = [...everyRecord()];
    const wrong = records.filter((record) => changes.holds(change.when, record) !== expected(record));
    expect(wrong).toEqual([]);
    expect(records.some(expected)).toBe(true);
    expect(records.every(expected)).toBe(false);
  });

  test("no change but forget(), the count of redrives and the note of follow-ups ever holds for a terminal record", () => {
    const all = allButForget();
    for (const record of everyRecord()) {
      if (record === undefined || !isTerminal(record.state)) continue;
      expect(all.filter(({ when }) => changes.holds(when, record))).toEqual([]);
    }
  });

  test("a clause about a missing record holds for none that exists, and an empty condition never", () => {
    const record: TaskRecord = { id: "t-1", state: "PENDING", attempt: 0 };
    expect(changes.holds([{ absent: true }], record)).toBe(false);
    expect(changes.holds([{ states: ["PENDING"] }], undefined)).toBe(false);
    expect(changes.holds([{}], record)).toBe(true);
    expect(changes.holds([], record)).toBe(false);
  });
});

const written = (change: changes.Change, before?: Partial<TaskRecord>) =>
  changes.applied(change, before && { id: "t-1", state: "STARTED", attempt: 3, ...before });

/** What a running, once retried task may carry. */
const busy: Partial<TaskRecord> = {
  state: "STARTED",
  token: "mine",
  owner: "w-0",
  leaseUntil: NOW,
  lastDelivery: true,
  runs: 2,
  startedAt: NOW - 5_000,
  meta: "1",
  customState: "HALFWAY",
  failure,
  publishedAt: NOW - 9_000,
  expiresAt: NOW + RECORD_LIFETIME_MS,
};

describe("what a change writes", () => {
  test("a publish records who it is for, and lives longer than any message", () => {
    expect(written(changes.recordPending("t-1", "add", "renders", NOW))).toEqual({
      id: "t-1",
      state: "PENDING",
      task: "add",
      workload: "renders",
      attempt: 0,
      publishedAt: NOW,
      expiresAt: NOW + RECORD_LIFETIME_MS,
    });
  });

  test("a claim starts clean, counts its run and lives until somebody ends it", () => {
    const before = { ...busy, state: "RETRY" as const, retryAt: NOW, retryArgs: "[[1],{}]" };
    expect(written(changes.claim(claim, NOW, lease), before)).toEqual({
      id: "t-1",
      state: "STARTED",
      task: "add",
      workload: "default",
      attempt: 3,
      token: "mine",
      owner: "w-1",
      leaseUntil: NOW + 20_000,
      startedAt: NOW,
      runs: 3,
      publishedAt: NOW - 9_000,
    });
  });

  test("a claim says whether SQS will deliver the message again", () => {
    expect(written(changes.claim(claim, NOW, { ...lease, lastDelivery: true })).lastDelivery).toBe(true);
  });

  test("a claim leaves a request to revoke: whoever takes over must see it", () => {
    const taken = written(changes.claim(claim, NOW, lease), { ...busy, leaseUntil: 0, revokeRequested: "terminate" });
    expect(taken.revokeRequested).toBe("terminate");
  });

  test("a heartbeat moves the lease and nothing else", () => {
    expect(written(changes.heartbeat(claim, NOW + 9), busy)).toEqual({
      id: "t-1",
      attempt: 3,
      ...busy,
      leaseUntil: NOW + 9,
    });
  });

  test("a report replaces the progress and the custom state", () => {
    expect(written(changes.report(claim, "2", undefined), busy)).toMatchObject({
      state: "STARTED",
      meta: "2",
      failure,
    });
    expect(written(changes.report(claim, "2", undefined), busy)).not.toHaveProperty("customState");
  });

  test("an ending drops what belonged to the run, and keeps the record at least 15 days", () => {
    for (const change of [
      changes.succeed(held, NOW, value),
      changes.fail(held, NOW, failure, DAY),
      changes.revokeHeld(held, NOW, failure, DAY),
    ]) {
      const record = written(change, { ...busy, revokeRequested: "cooperate" });
      expect(isTerminal(record.state)).toBe(true);
      expect(record).toMatchObject({
        endedAt: NOW,
        token: "mine",
        resultExpiresAt: NOW + DAY * 1_000,
        expiresAt: NOW + RECORD_LIFETIME_MS,
      });
      for (const gone of ["leaseUntil", "lastDelivery", "meta", "customState", "revokeRequested"])
        expect(record).not.toHaveProperty(gone);
    }
  });

  test("a long resultExpires keeps the record as long", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * DAY }), (resultExpiresSeconds) => {
        const { expiresAt = 0, resultExpiresAt = 0 } = written(
          changes.succeed(held, NOW, { ...value, resultExpiresSeconds }),
        );
        expect(resultExpiresAt).toBe(NOW + resultExpiresSeconds * 1_000);
        expect(expiresAt).toBeGreaterThanOrEqual(resultExpiresAt);
        expect(expiresAt).toBeGreaterThanOrEqual(NOW + RECORD_LIFETIME_MS);
      }),
    );
  });

  test("a success keeps its result and forgets why it was retried", () => {
    const record = written(changes.succeed(held, NOW, value), busy);
    expect(record).toMatchObject({ state: "SUCCESS", result: "5" });
    expect(record).not.toHaveProperty("failure");
    expect(record).not.toHaveProperty("ignored");
    expect(written(changes.succeed(held, NOW, { ...value, result: undefined, ignored: true }))).toMatchObject({
      ignored: true,
    });
  });

  test("a task that was replaced says by what, and is kept as long as a workflow's parts are", () => {
    const record = written(changes.replace(held, NOW, instead, DAY), busy);
    expect(record).toMatchObject({ state: "REPLACED", replacement: "t-2", replacementSig: instead.sig, endedAt: NOW });
    expect(record).toMatchObject({ token: "mine", attempt: 3, expiresAt: NOW + JOINS.lifetimeMs });
    for (const gone of ["leaseUntil", "meta", "customState", "failure", "resultExpiresAt", "revokeRequested"])
      expect(record).not.toHaveProperty(gone);
    const longer = changes.replace(held, NOW, instead, JOINS.lifetimeMs / 1_000 + 1);
    expect(longer.set.expiresAt).toBe(NOW + JOINS.lifetimeMs + 1_000);
  });

  test("what waited for a group has its members in place of a result, and no claim's token", () => {
    const unit = { id: "t-1", task: "lovage.join", workload: "default" };
    const ended = { endedAt: NOW, resultExpiresAt: NOW + DAY * 1_000, expiresAt: NOW + RECORD_LIFETIME_MS };
    const record = { ...unit, state: "SUCCESS", members, ...ended };
    const change = changes.succeedWaited(unit, members, NOW, DAY);
    expect(written(change)).toEqual({ ...record, attempt: 0 });
    const waiting = { state: "RETRY", token: "mine", retryAt: NOW, retryArgs: "[[1],{}]", failure } as const;
    expect(written(change, waiting)).toEqual({ ...record, attempt: 3 });
    expect(written(changes.forget("t-1"), { ...record, state: "SUCCESS" })).not.toHaveProperty("members");
  });

  test("a retry says which attempt comes next, when, with what, and why", () => {
    const record = written(changes.retry(held, { ...next, args: "[[9],{}]" }), busy);
    expect(record).toMatchObject({
      state: "RETRY",
      attempt: 4,
      retryAt: NOW + 1_000,
      retryArgs: "[[9],{}]",
      failure,
      runs: 2,
    });
    for (const gone of ["leaseUntil", "lastDelivery", "meta", "customState"]) expect(record).not.toHaveProperty(gone);
  });

  test("a retry with the largest arguments fits an item whatever it failed with: its message stays, stack and causes go", () => {
    const wide = "€".repeat(FAILURE_LIMITS.message);
    const one = { type: "E".repeat(255), message: wide, stack: "€".repeat(FAILURE_LIMITS.stack) };
    const large: Failure = { ...one, cause: { ...one, cause: one } };
    const kept = (args: string) => written(changes.retry(held, { ...next, args, failure: large }), busy);
    expect(kept("x".repeat(1_000)).failure).toEqual(large);
    const record = kept("x".repeat(MAX_RESULT_BYTES));
    expect(record.failure).toEqual({ type: large.type, message: wide });
    expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(DYNAMODB.maxItemBytes);
  });

  test("a revoke of what nobody runs leaves no token: no claim wrote it", () => {
    const record = written(changes.revokeUnstarted("t-1", NOW, failure, DAY), {
      ...busy,
      state: "RETRY",
      retryAt: NOW,
      retryArgs: "[[1],{}]",
    });
    expect(record).toMatchObject({ state: "REVOKED", failure, endedAt: NOW });
    for (const gone of ["token", "retryAt", "retryArgs"]) expect(record).not.toHaveProperty(gone);
  });

  test("an expiry names the task it ended", () => {
    const record = written(changes.revokeUnheld(claim, NOW, failure, DAY));
    expect(record).toMatchObject({ state: "REVOKED", task: "add", workload: "default" });
    expect(written(changes.revokeUnheld(claim, NOW, failure, DAY), { ...busy, leaseUntil: 0 })).not.toHaveProperty(
      "leaseUntil",
    );
  });

  test.each<[string, (failure: Failure, body?: string) => changes.Change]>([
    ["of a run", (failure, body) => changes.fail(held, NOW, failure, DAY, body)],
    ["nobody held", (failure, body) => changes.failUnheld(claim, NOW, failure, DAY, body)],
  ])("a failure %s keeps the body, where an item has room for both", (_, fail) => {
    const body = (length: number, of = failure, character = "x") =>
      written(fail(of, character.repeat(length))).body?.length;
    expect(body(MAX_KEPT_BODY_BYTES)).toBe(MAX_KEPT_BODY_BYTES);
    expect(body(MAX_KEPT_BODY_BYTES + 1)).toBeUndefined();
    expect(body(MAX_KEPT_BODY_BYTES / 2 + 1, failure, "ä")).toBeUndefined();
    const long = { type: "E", message: "€".repeat(30_000) };
    const room = DYNAMODB.maxItemBytes - 16_384 - Buffer.byteLength(JSON.stringify(long));
    expect(body(room, long)).toBe(room);
    expect(body(room + 1, long)).toBeUndefined();
    expect(written(fail(failure))).not.toHaveProperty("body");
  });

  test("a failure says what a list of failures shows of it, nothing else does", () => {
    const many = "connect ECONNREFUSED\n  at ".padEnd(FAILURE_SUMMARY_LENGTH, "x");
    const record = written(changes.fail(held, NOW, { type: "SystemError", message: `${many}😀tail` }, DAY));
    expect(record.failedOn).toBe(failurePartition("t-1", NOW));
    expect(record.errorType).toBe("SystemError");
    expect(record.errorMessage).toBe(`${many.replace(/\s+/g, " ")}…`);
    for (const change of [...allButForget(), changes.forget("t-1"), changes.countRedrive("t-1", 0)]) {
      if (change.kind === "fail") continue;
      for (const field of ["failedOn", "errorType", "errorMessage"] as const) expect(change.set[field]).toBeUndefined();
    }
  });

  test("whatever a redrive writes names the task it came from", () => {
    const redrive = { ...claim, redrivenFrom: "t-0" };
    const right: changes.Right = { kind: "claimed", claim: redrive };
    const writes = (it: changes.Claim, by: changes.Right) => [
      changes.claim(it, NOW, lease),
      changes.succeed(by, NOW, value),
      changes.fail(by, NOW, failure, DAY),
      changes.failUnheld(it, NOW, failure, DAY),
      changes.revokeHeld(by, NOW, failure, DAY),
    ];
    for (const change of writes(redrive, right)) expect(change.set.redrivenFrom).toBe("t-0");
    for (const change of writes(claim, held)) expect(change.set).not.toHaveProperty("redrivenFrom");
  });

  test("a redrive is counted once by all who made it", () => {
    const failed = written(changes.fail(held, NOW, failure, DAY));
    const first = changes.countRedrive("t-1", 0);
    const once = changes.applied(first, failed);
    expect(once).toEqual({ ...failed, redrives: 1 });
    expect(changes.holds(first.when, failed)).toBe(true);
    expect(changes.holds(first.when, once)).toBe(false);
    expect(changes.holds(changes.countRedrive("t-1", 1).when, once)).toBe(true);
    expect(changes.holds(changes.countRedrive("t-1", 1).when, failed)).toBe(false);
    expect(changes.holds(first.when, { ...failed, state: "SUCCESS" })).toBe(false);
    expect(changes.holds(first.when, undefined)).toBe(false);
  });

  test("a request to revoke says how", () => {
    expect(written(changes.requestRevoke("t-1", "terminate"), busy).revokeRequested).toBe("terminate");
  });

  test("forget() leaves the state and takes the value", () => {
    const record = written(changes.forget("t-1"), {
      state: "SUCCESS",
      result: "5",
      failure,
      meta: "1",
      body: "b",
      endedAt: NOW,
      expiresAt: NOW + 1,
    });
    expect(record).toEqual({
      id: "t-1",
      state: "SUCCESS",
      attempt: 3,
      forgotten: true,
      endedAt: NOW,
      expiresAt: NOW + 1,
    });
  });

  test("an attribute set to undefined is removed, and one that is not named stays", () => {
    const change: changes.Change = { kind: "report", id: "t-1", when: [], set: { meta: undefined, customState: "B" } };
    expect(changes.applied(change, { id: "t-1", state: "STARTED", attempt: 1, meta: "1", owner: "w" })).toEqual({
      id: "t-1",
      state: "STARTED",
      attempt: 1,
      customState: "B",
      owner: "w",
    });
  });

  test("repeating a write with the same record changes nothing but a claim's count", () => {
    for (const change of [
      changes.succeed(unclaimed, NOW, value),
      changes.retry(unclaimed, next),
      changes.forget("t-1"),
    ]) {
      const once = written(change, busy);
      expect(changes.applied(change, once)).toEqual(once);
    }
    const once = written(changes.claim(claim, NOW, lease));
    expect(changes.applied(changes.claim(claim, NOW, lease), once)).toEqual({ ...once, runs: 2 });
  });
});
