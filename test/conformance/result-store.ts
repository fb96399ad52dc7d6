// The contract of a ResultStore, run on every adapter: every change on every state of a record.
import { describe, expect } from "vitest";
import type { Change, Right } from "../../lib/core/changes.ts";
import * as changes from "../../lib/core/changes.ts";
import { MAX_RESULT_BYTES } from "../../lib/defaults.ts";
import { TableNotFound } from "../../lib/errors.ts";
import type { ResultStore } from "../../lib/ports/result-store.ts";
import type { FailureQuery } from "../../lib/store/failures.ts";
import type { Failure, TaskRecord } from "../../lib/store/record.ts";
import { collect } from "../support/collect.ts";
import { type Skip, suiteOf } from "./suite.ts";

export interface ResultStoreHarness extends AsyncDisposable {
  readonly store: ResultStore;
  /** Epoch ms of the store's clock. */
  now(): number;
  /** A store on a table that does not exist. */
  withoutTable(): ResultStore;
}

const DAY = 86_400_000;
const FAILURE: Failure = {
  type: "TypeError",
  message: "x is not a function",
  stack: "TypeError: x is not a function\n    at add (tasks.ts:1:1)",
  code: "ERR_X",
  cause: { type: "Error", message: 'caused by "this"', code: 7 },
};

const claimOf = (id: string, attempt: number, token: string): changes.Claim => ({
  id,
  task: "add",
  workload: "default",
  attempt,
  token,
});
const mine = (id: string, attempt = 0): Right => ({ kind: "claimed", claim: claimOf(id, attempt, "mine") });
const unclaimed = (id: string, attempt = 0): Right => ({ kind: "unclaimed", claim: claimOf(id, attempt, "mine") });
const value = { result: '{"sum":5}', ignored: false, resultExpiresSeconds: 86_400 };
const lease = (until: number, lastDelivery = false) => ({ owner: "worker-1", until, lastDelivery });

const instead = { id: "the one in its place", sig: '{"task":"größe","args":[1]}' };
const waitedFor = { group: "3f6eä group", size: 1_000_000 };

type Step = (id: string, now: number) => Change;

const start =
  (token: string, { attempt = 0, leaseMs = 60_000, agoMs = 0 } = {}): Step =>
  (id, now) =>
    changes.claim(claimOf(id, attempt, token), now - agoMs, lease(now - agoMs + leaseMs));
const retryAs =
  (args?: string): Step =>
  (id, now) =>
    changes.retry(mine(id), { attempt: 1, retryAt: now + 1_000, args, failure: FAILURE });

/** Ways to bring a record into a state. */
const STATES: Readonly<Record<string, readonly Step[]>> = {
  "no record": [],
  PENDING: [(id, now) => changes.recordPending(id, "add", "default", now)],
  "STARTED by me": [start("mine")],
  "STARTED by me, after PENDING": [(id, now) => changes.recordPending(id, "add", "default", now), start("mine")],
  "STARTED by another": [start("theirs")],
  "STARTED by another whose lease is over": [start("theirs", { agoMs: 120_000 })],
  "STARTED by another, attempt 1": [start("theirs", { attempt: 1 })],
  "STARTED by me, with progress": [start("mine"), (id) => changes.report(mine(id).claim, '{"done":1}', "CUSTOM")],
  "STARTED by me, revoke requested": [start("mine"), (id) => changes.requestRevoke(id, "terminate")],
  RETRY: [start("mine"), retryAs()],
  "RETRY with other arguments": [start("mine"), retryAs("[[1],{}]")],
  SUCCESS: [start("mine"), (id, now) => changes.succeed(mine(id), now, value)],
  "SUCCESS, ignored": [
    start("mine"),
    (id, now) => changes.succeed(mine(id), now, { ...value, result: undefined, ignored: true }),
  ],
  "SUCCESS of what waited for a group": [(id, now) => changes.succeedWaited({ id }, waitedFor, now, 60)],
  REPLACED: [start("mine"), (id, now) => changes.replace(mine(id), now, instead, 60)],
  FAILURE: [start("mine"), (id, now) => changes.fail(mine(id), now, FAILURE, 60)],
  "FAILURE of a dead letter": [
    (id, now) => changes.failUnheld(claimOf(id, 0, "dead"), now, FAILURE, 60, "the message"),
  ],
  REVOKED: [(id, now) => changes.revokeUnstarted(id, now, FAILURE, 60)],
  "FAILURE that was redriven": [
    start("mine"),
    (id, now) => changes.fail(mine(id), now, FAILURE, 60, "the message"),
    (id) => changes.countRedrive(id, 0),
  ],
  "SUCCESS that was followed again": [
    start("mine"),
    (id, now) => changes.succeed(mine(id), now, value),
    (id) => changes.noteFollowed(id),
  ],
  "FAILURE, forgotten": [
    start("mine"),
    (id, now) => changes.fail(mine(id), now, FAILURE, 60, "the message"),
    (id) => changes.forget(id),
  ],
  "FAILURE whose time to live is over": [
    start("mine", { agoMs: 16 * DAY }),
    (id, now) => changes.fail(mine(id), now - 16 * DAY, FAILURE, 60, "the message"),
    (id) => changes.countRedrive(id, 0),
  ],
  forgotten: [start("mine"), (id, now) => changes.succeed(mine(id), now, value), (id) => changes.forget(id)],
  "SUCCESS whose time to live is over": [
    start("mine", { agoMs: 16 * DAY }),
    (id, now) => changes.succeed(mine(id), now - 16 * DAY, value),
    (id) => changes.forget(id),
  ],
  "PENDING whose time to live is over": [(id, now) => changes.recordPending(id, "add", "default", now - 16 * DAY)],
};

const CHANGES: Readonly<Record<string, Step>> = {
  recordPending: (id, now) => changes.recordPending(id, "add", "default", now),
  "claim of attempt 0": (id, now) => changes.claim(claimOf(id, 0, "new"), now, lease(now + 30_000)),
  "claim of attempt 1, last delivery": (id, now) =>
    changes.claim(claimOf(id, 1, "new"), now, lease(now + 30_000, true)),
  heartbeat: (id, now) => changes.heartbeat(mine(id).claim, now + 90_000),
  report: (id) => changes.report(mine(id).claim, '{"done":2}', undefined),
  succeed: (id, now) => changes.succeed(mine(id), now, value),
  "succeed without a result": (id, now) => changes.succeed(mine(id), now, { ...value, result: undefined }),
  "succeed, unclaimed": (id, now) => changes.succeed(unclaimed(id), now, value),
  replace: (id, now) => changes.replace(mine(id), now, instead, 60),
  "replace, unclaimed": (id, now) => changes.replace(unclaimed(id), now, instead, 60),
  succeedWaited: (id, now) => changes.succeedWaited({ id, task: "add", workload: "default" }, waitedFor, now, 60),
  fail: (id, now) => changes.fail(mine(id), now, FAILURE, 60),
  "fail, unclaimed": (id, now) => changes.fail(unclaimed(id), now, FAILURE, 60),
  failUnheld: (id, now) => changes.failUnheld(claimOf(id, 1, "dead"), now, FAILURE, 60, "the message"),
  revokeHeld: (id, now) => changes.revokeHeld(mine(id), now, FAILURE, 60),
  revokeUnstarted: (id, now) => changes.revokeUnstarted(id, now, FAILURE, 60),
  expire: (id, now) => changes.revokeUnheld(claimOf(id, 0, "new"), now, FAILURE, 60),
  retry: retryAs("[[2],{}]"),
  "retry, unclaimed": (id, now) =>
    changes.retry(unclaimed(id), { attempt: 1, retryAt: now + 1_000, args: undefined, failure: undefined }),
  requestRevoke: (id) => changes.requestRevoke(id, "cooperate"),
  forget: (id) => changes.forget(id),
  "claim of a redrive": (id, now) =>
    changes.claim({ ...claimOf(id, 0, "new"), redrivenFrom: "another" }, now, lease(now + 30_000)),
  noteFollowed: (id) => changes.noteFollowed(id),
  "the first redrive is counted": (id) => changes.countRedrive(id, 0),
  "the second redrive is counted": (id) => changes.countRedrive(id, 1),
};

export function testResultStore(
  adapter: string,
  begin: () => Promise<ResultStoreHarness>,
  skips: readonly Skip[] = [],
): void {
  describe(`${adapter} as a ResultStore`, () => {
    const { it, complete } = suiteOf(skips);
    let ids = 0;
    const newId = () => `task-${adapter.replace(/\W/g, "")}-${++ids}`;

    for (const [stateName, steps] of Object.entries(STATES)) {
      for (const [changeName, toChange] of Object.entries(CHANGES)) {
        it(`${changeName} on ${stateName}`, async () => {
          await using harness = await begin();
          const { store } = harness;
          const id = newId();
          const now = wholeSecond(harness.now());
          let record: TaskRecord | undefined;
          for (const step of steps) {
            const change = step(id, now);
            record = changes.applied(change, record);
            await store.write(change);
          }
          const before = unlessExpired(record, now);
          expect(await store.read(id)).toEqual(before);

          const change = toChange(id, now);
          const answer = await store.write(change);

          if (changes.holds(change.when, before)) {
            const after = changes.applied(change, before);
            expect(answer).toMatchObject({ applied: true, record: told(change, after) });
            expect(await store.read(id)).toEqual(after);
          } else {
            expect(answer).toEqual({ applied: false, existing: before });
            expect(await store.read(id)).toEqual(before);
          }
        });
      }
    }

    it("of 50 concurrent claims exactly one is applied, and the others learn of it", async () => {
      await using harness = await begin();
      const id = newId();
      const now = harness.now();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          harness.store.write(changes.claim(claimOf(id, 0, `token-${index}`), now, lease(now + 60_000))),
        ),
      );
      const winners = answers.filter(({ applied }) => applied);
      expect(winners).toHaveLength(1);
      const [winner] = winners;
      const token = winner?.applied ? winner.record.token : undefined;
      for (const answer of answers) if (!answer.applied) expect(answer.existing?.token).toBe(token);
      expect(await harness.store.read(id)).toMatchObject({ token, runs: 1 });
    });

    it("a write repeated by the same holder is refused by its own token", async () => {
      await using harness = await begin();
      const id = newId();
      const now = harness.now();
      const claim = changes.claim(claimOf(id, 0, "mine"), now, lease(now + 60_000));
      expect(await harness.store.write(claim)).toMatchObject({ applied: true });
      expect(await harness.store.write(claim)).toMatchObject({ applied: false, existing: { token: "mine", runs: 1 } });
    });

    it("a result of the largest size is kept", async () => {
      await using harness = await begin();
      const id = newId();
      const now = harness.now();
      const result = JSON.stringify("x".repeat(MAX_RESULT_BYTES - 2));
      await harness.store.write(changes.claim(claimOf(id, 0, "mine"), now, lease(now + 60_000)));
      expect(await harness.store.write(changes.succeed(mine(id), now, { ...value, result }))).toMatchObject({
        applied: true,
      });
      expect((await harness.store.read(id))?.result).toBe(result);
    });

    it("characters of all kinds are kept, in ids too", async () => {
      await using harness = await begin();
      const now = wholeSecond(harness.now());
      const odd = 'ä€😀 "quoted" \\ \n\t\u0001\uffff e\u0301 <&>';
      const id = `${newId()} ${odd}`;
      const claim = changes.claim({ ...claimOf(id, 0, "mine"), task: odd }, now, {
        ...lease(now + 60_000),
        owner: odd,
      });
      await harness.store.write(claim);
      await harness.store.write(changes.report(mine(id).claim, JSON.stringify({ [odd]: odd }), ""));
      const failure: Failure = { type: odd, message: odd, stack: "", cause: { type: "", message: odd } };
      await harness.store.write(changes.fail(mine(id), now, failure, 60));
      expect(await harness.store.read(id)).toMatchObject({ id, task: "add", owner: odd, failure });
    });

    it("a record lives until its time to live, not longer", async () => {
      await using harness = await begin();
      const now = wholeSecond(harness.now());
      const [past, future] = [newId(), newId()];
      await harness.store.write(changes.recordPending(past, "add", "default", now - 15 * DAY - 1_000));
      await harness.store.write(changes.recordPending(future, "add", "default", now - 15 * DAY + 60_000));
      expect(await harness.store.read(past)).toBeUndefined();
      expect(await harness.store.read(future)).toMatchObject({ state: "PENDING" });
    });

    const listed = (store: ResultStore, query: FailureQuery) => collect(store.failures(query));

    it("failures lists what ended as FAILURE, by whomever, newest first", async () => {
      await using harness = await begin();
      const { store } = harness;
      const now = wholeSecond(harness.now());
      const task = newId();
      const end = async (agoMs: number, toChange: (claim: changes.Claim, at: number) => Change) => {
        const claim = { ...claimOf(newId(), 2, "mine"), task };
        await store.write(changes.claim(claim, now - agoMs - 1, lease(now + 60_000)));
        await store.write(toChange(claim, now - agoMs));
        return claim.id;
      };
      const failed = (agoMs: number) =>
        end(agoMs, (claim, at) => changes.fail({ kind: "claimed", claim }, at, FAILURE, 60, "the message"));
      const ids: string[] = [];
      for (const agoMs of [0, 5, 40_000, DAY, 2 * DAY + 1, 10 * DAY]) ids.push(await failed(agoMs));
      const unheld = { ...claimOf(newId(), 2, "dead"), task };
      await store.write(changes.failUnheld(unheld, now - 11 * DAY, FAILURE, 60));
      await end(3, (claim, at) => changes.succeed({ kind: "claimed", claim }, at, value));
      await end(3, (claim, at) => changes.revokeHeld({ kind: "claimed", claim }, at, FAILURE, 60));
      const again = { attempt: 3, retryAt: now, args: undefined, failure: FAILURE };
      await end(3, (claim) => changes.retry({ kind: "claimed", claim }, again));
      await store.write(changes.recordPending(newId(), task, "default", now));

      const found = await listed(store, { task });
      expect(found.map(({ id }) => id)).toEqual([...ids, unheld.id]);
      expect(found[1]).toEqual({
        id: ids[1],
        task,
        workload: "default",
        attempt: 2,
        errorType: "TypeError",
        errorMessage: "x is not a function",
        endedAt: now - 5,
        redrives: 0,
      });
    });

    it("failures leaves out what was forgotten and what has passed its time to live, and counts redrives", async () => {
      await using harness = await begin();
      const { store } = harness;
      const now = wholeSecond(harness.now());
      const task = newId();
      const fail = async (endedAt: number) => {
        const claim = { ...claimOf(newId(), 0, "mine"), task };
        await store.write(changes.failUnheld(claim, endedAt, FAILURE, 60, "the message"));
        return claim.id;
      };
      const [forgotten, redriven, expired] = [await fail(now), await fail(now), await fail(now - 15 * DAY - 1_000)];
      await store.write(changes.forget(forgotten));
      await store.write(changes.countRedrive(redriven, 0));
      await store.write(changes.countRedrive(redriven, 1));
      const found = await listed(store, { task, since: now - 17 * DAY });
      expect(found.map(({ id, redrives }) => [id, redrives])).toEqual([[redriven, 2]]);
      await store.write(changes.recordPending(expired, task, "default", now));
      expect(await listed(store, { task, since: now - 17 * DAY })).toHaveLength(1);
    });

    it("failures is asked by time, error and workload, and for as many as are wanted", async () => {
      await using harness = await begin();
      const { store } = harness;
      const now = wholeSecond(harness.now());
      const begun = now - 6 * DAY + Math.floor(Math.random() * DAY); // a time of its own: nothing else is in the way
      const kinds = [
        { type: "Timeout", workload: "default" },
        { type: "Timeout", workload: "renders" },
        { type: "NoMoney", workload: "renders" },
      ] as const;
      const all = await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          const { type, workload } = kinds[i % 3] as (typeof kinds)[number]; // there are three
          const claim = { ...claimOf(newId(), 0, "mine"), workload };
          await store.write(changes.failUnheld(claim, begun + i, { type, message: "m" }, 60));
          return { id: claim.id, type, workload, endedAt: begun + i };
        }),
      );
      const newest = all.toReversed();
      const range = { since: begun, until: begun + 59 };
      const ids = (them: readonly { readonly id: string }[]) => them.map(({ id }) => id);
      expect(ids(await listed(store, range))).toEqual(ids(newest));
      expect(ids(await listed(store, { ...range, limit: 12 }))).toEqual(ids(newest.slice(0, 12)));
      expect(ids(await listed(store, { ...range, errorType: "Timeout", limit: 5 }))).toEqual(
        ids(newest.filter(({ type }) => type === "Timeout").slice(0, 5)),
      );
      expect(ids(await listed(store, { ...range, workload: "renders", errorType: "Timeout" }))).toEqual(
        ids(newest.filter(({ type, workload }) => type === "Timeout" && workload === "renders")),
      );
      expect(ids(await listed(store, { since: begun + 10, until: begun + 20 }))).toEqual(ids(newest.slice(39, 50)));
      expect(await listed(store, { since: begun + 20, until: begun + 10 })).toEqual([]);
    });

    it("an unknown id has no record", async () => {
      await using harness = await begin();
      expect(await harness.store.read(newId())).toBeUndefined();
    });

    it("check accepts a table that can be used, and leaves nothing in it", async () => {
      await using harness = await begin();
      await harness.store.check();
      expect(await harness.store.read("-")).toBeUndefined();
    });

    it("a table that does not exist is named by every call", async () => {
      await using harness = await begin();
      const store = harness.withoutTable();
      await expect(store.check()).rejects.toThrow(TableNotFound);
      await expect(store.read("x")).rejects.toThrow(TableNotFound);
      await expect(store.write(changes.forget("x"))).rejects.toThrow(TableNotFound);
      await expect(listed(store, {})).rejects.toThrow(TableNotFound);
      await store.close();
    });

    complete();
  });
}

/** DynamoDB keeps the time to live in whole seconds. */
function wholeSecond(epochMs: number): number {
  return Math.floor(epochMs / 1_000) * 1_000;
}

function unlessExpired(record: TaskRecord | undefined, now: number): TaskRecord | undefined {
  return record?.expiresAt !== undefined && record.expiresAt <= now ? undefined : record;
}

/** What an answer must hold of the record: all of it where its receiver goes by it, what was set otherwise. */
function told(change: changes.Change, after: TaskRecord): Partial<TaskRecord> {
  const whole = ["claim", "heartbeat", "report"].includes(change.kind);
  if (whole) return after;
  return Object.fromEntries(Object.entries(after).filter(([field]) => field in change.set));
}
