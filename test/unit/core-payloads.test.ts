// What of an outcome travels by reference, and how a record keeps the arguments of a retry.
import { describe, expect, test } from "vitest";
import * as changes from "../../lib/core/changes.ts";
import { decide, decideRefused } from "../../lib/core/decide.ts";
import { type Circumstances, claimOf, type Mode, type Received } from "../../lib/core/decision.ts";
import { follows, type Routes } from "../../lib/core/follow-ups.ts";
import { idKey } from "../../lib/core/ids.ts";
import type { Outcome } from "../../lib/core/outcome.ts";
import { argsFrom, argsOf, largeArgs, largeResult, withoutRef } from "../../lib/core/payloads.ts";
import { RECORD_LIFETIME_MS } from "../../lib/defaults.ts";
import { RecordUnreadable } from "../../lib/errors.ts";
import { argsPayload, type PayloadRef, resultPayload } from "../../lib/store/payload.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";
import { envelopeOf, POLICY, signatureOf } from "../support/messages.ts";

const NOW = Date.UTC(2026, 10, 21);
const limits = { argsOver: 65_536, resultsOver: 1_024 };
const routes: Routes = {
  key: idKey("duckling"),
  now: NOW,
  maxHops: 9,
  route: () => ({ workload: "default", ignoreResult: false }),
};
const circumstances: Circumstances = { now: NOW, random: 0.5, routes, payloads: limits };
const signature = (facts: Partial<WireSignature> = {}) => signatureOf("notify", { args: ["wide"], ...facts });

function message(facts: Partial<Envelope> = {}): Received {
  const link = [signature(), signature({ immutable: true })];
  return {
    envelope: envelopeOf({ task: "render", retries: 1, link, ...facts }),
    workload: "renders",
    receiveCount: 1,
    body: "",
  };
}

const received = message();
const claim = claimOf(received, "mine");
const held: changes.Right = { kind: "claimed", claim };
const failure = { type: "PayloadStoreUnavailable", message: "S3 is down" };
const ref: PayloadRef = { key: "32d/args/t-1.abc", bytes: 2_000, sha256: "abc", keptUntil: NOW };
/** JSON text of a string, of this length. */
const text = (length: number) => `"${"x".repeat(length - 2)}"`;

const end = (outcome: Outcome, from = received, mode: Mode = "tracked", around = circumstances) =>
  decide(outcome, from, mode, "mine", POLICY, around);

describe("a result", () => {
  const put = (result: string | undefined, payloads: typeof limits | undefined = limits) =>
    largeResult(result, claim, 86_400, { now: NOW, payloads });

  test("stays in its record up to the threshold, and where the app has no payload store", () => {
    expect(put(text(1_024))).toBeUndefined();
    expect(put(undefined)).toBeUndefined();
    expect(largeResult(text(1_025), claim, 86_400, { now: NOW })).toBeUndefined();
  });

  test("over it is an object of this execution's own, kept as long as the record", () => {
    expect(put(text(1_025))).toEqual(resultPayload("t-1", "mine", text(1_025), NOW, NOW + RECORD_LIFETIME_MS));
    const long = largeResult(text(1_025), claim, 100 * 86_400, { now: NOW, payloads: limits });
    expect(long?.ref.key).toBe("128d/results/t-1.mine");
  });

  test("is put first; the record refers to it", () => {
    const decision = end({ kind: "success", result: text(2_000) });
    expect(decision.put).toEqual(put(text(2_000)));
    expect(decision.change).toEqual(
      changes.succeed(held, NOW, {
        result: undefined,
        resultRef: decision.put?.ref,
        ignored: false,
        resultExpiresSeconds: 86_400,
      }),
    );
    expect(decision.change?.set).toMatchObject({ result: undefined, resultRef: decision.put?.ref });
    expect(decision.ending).toEqual({ kind: "success", result: text(2_000) });
  });

  test("is in no record and in no object where nobody will read it", () => {
    const small = end({ kind: "success", result: "5" });
    expect(small).not.toHaveProperty("put");
    expect(small.change?.set).not.toHaveProperty("resultRef");
    expect(end({ kind: "success", result: text(2_000) }, received, "untracked")).not.toHaveProperty("put");
    const alone = message({ ignoreResult: true, link: [] });
    expect(end({ kind: "success", result: text(2_000) }, alone)).not.toHaveProperty("put");
  });

  test("reaches its callbacks once its record refers to it, except those that are handed nothing", () => {
    const decision = end({ kind: "success", result: "5" });
    const again = follows(received.envelope, { state: "SUCCESS", resultRef: ref }, routes).publish;
    expect(again.map(({ first, envelope }) => [first, envelope.args])).toEqual([
      [ref, ["wide"]],
      [undefined, ["wide"]],
    ]);
    expect(again[1]).not.toHaveProperty("first");
    expect(again.map(({ envelope }) => envelope.id)).toEqual(decision.publish.map(({ envelope }) => envelope.id));
  });
});

describe("the arguments a retry asks for", () => {
  const retry = (next?: { args?: Envelope["args"]; kwargs?: Envelope["kwargs"] }): Outcome => ({
    kind: "retry",
    failure,
    exhausted: failure,
    countdown: 30,
    ...(next && { next }),
  });
  const record = (decision: { change?: changes.Change }): TaskRecord =>
    changes.applied(decision.change as changes.Change, { id: "t-1", state: "STARTED", attempt: 1, token: "mine" });
  const big = "x".repeat(2_000);

  test("stay in the message up to the threshold of a record, and where the app has no payload store", () => {
    const at = message({ args: ["x".repeat(1_024 - '[[""],{}]'.length)] }).envelope;
    expect(largeArgs(at, NOW, limits)).toBeUndefined();
    expect(largeArgs(message({ args: [`${at.args[0]}x`] }).envelope, NOW, limits)).toBeDefined();
    expect(largeArgs(message({ args: [big] }).envelope, NOW, undefined)).toBeUndefined();
  });

  test("over it are an object, kept from when the retry enters its queue", () => {
    const json = JSON.stringify([[big], {}]);
    const later = NOW + 100 * 86_400_000;
    expect(largeArgs(message({ args: [big], eta: later }).envelope, NOW, limits)).toEqual(
      argsPayload("t-1", json, NOW, later),
    );
    expect(largeArgs(message({ args: [big] }).envelope, NOW, limits)).toEqual(argsPayload("t-1", json, NOW, NOW));
  });

  test("are put first; message and record refer to them", () => {
    const decision = end(retry({ args: [big] }));
    expect(decision.put?.json).toBe(JSON.stringify([[big], {}]));
    expect(decision.publish[0]?.envelope).toEqual({
      ...received.envelope,
      args: [],
      argsRef: decision.put?.ref,
      argsChanged: true,
      retries: 2,
      eta: NOW + 30_000,
    });
    expect(JSON.parse(decision.change?.set.retryArgs ?? "")).toEqual(decision.put?.ref);
  });

  test("are what a late duplicate of the first message finds in the record", () => {
    for (const next of [{ args: [big] }, { args: [9], kwargs: { k: 1 } }]) {
      const decision = end(retry(next));
      expect(decideRefused(received, record(decision), circumstances).publish).toEqual(decision.publish);
    }
  });

  test("replace those that the message refers to", () => {
    const large = message({ args: [], argsRef: ref });
    const decision = end(retry({ args: [9], kwargs: {} }), large);
    expect(decision).not.toHaveProperty("put");
    expect(decision.publish[0]?.envelope).toMatchObject({ args: [9], argsChanged: true });
    expect(decision.publish[0]?.envelope).not.toHaveProperty("argsRef");
    const [again] = decideRefused(large, record(decision), circumstances).publish;
    expect(again?.envelope).toMatchObject({ args: [9] });
    expect(again?.envelope).not.toHaveProperty("argsRef");
  });

  test("stay with every further retry", () => {
    const decision = end(retry(), message({ args: [9], argsChanged: true }));
    expect(decision.change?.set.retryArgs).toBe("[[9],{}]");
    expect(decision.publish[0]?.envelope).toMatchObject({ args: [9], argsChanged: true });
    expect(end(retry()).publish[0]?.envelope).not.toHaveProperty("argsChanged");
  });

  test("nothing is put for those of the first message, however large: they lie there already", () => {
    expect(end(retry(), message({ args: [big] }))).not.toHaveProperty("put");
    const referring = end(retry(), message({ args: [], argsRef: ref }));
    expect(referring).not.toHaveProperty("put");
    expect(referring.publish[0]?.envelope.argsRef).toEqual(ref);
    expect(referring.change?.set.retryArgs).toBeUndefined();
  });
});

test("a record keeps arguments, or a reference to them, as JSON", () => {
  const { envelope } = message({ args: [1], kwargs: { k: 2 } });
  expect(argsOf(envelope)).toBe('[[1],{"k":2}]');
  expect(argsFrom("t-1", argsOf(envelope))).toEqual({ args: [1], kwargs: { k: 2 } });
  const referring = message({ args: [], argsRef: ref }).envelope;
  expect(argsFrom("t-1", argsOf(referring))).toEqual({ args: [], kwargs: {}, argsRef: ref });
  expect(withoutRef(referring)).toEqual(message({ args: [] }).envelope);
});

describe("results that come before the arguments", () => {
  const results = { group: "g-1", size: 3 };

  test("are kept with them where they are read anew in every run, and only there", () => {
    for (const facts of [{ args: [1] }, { args: [], argsRef: ref }]) {
      const { envelope } = message({ ...facts, results });
      expect(argsFrom("t-1", argsOf(envelope))).toMatchObject({ ...facts, results });
      expect(argsFrom("t-1", argsOf(withoutRef(envelope)))).not.toHaveProperty("results");
    }
  });

  test.each(['{"kept":[[1],{}]}', '{"kept":[1],"results":{"group":"g","size":1}}', '{"kept":[[1],{}],"results":[]}'])(
    "%s is nothing that a retry asked for",
    (json) => {
      expect(() => argsFrom("t-1", json)).toThrow(RecordUnreadable);
    },
  );

  test("the next attempt has them from its message, or from what the retry asked for; from the record, the same", () => {
    const again = (next?: Extract<Outcome, { kind: "retry" }>["next"]) => {
      const outcome: Outcome = { kind: "retry", failure, exhausted: failure, countdown: 1, ...(next && { next }) };
      const first = message({ args: ["own"], results });
      const decision = end(outcome, first, "tracked", { ...circumstances, payloads: undefined });
      const change = decision.change as changes.Change;
      const record = changes.applied(change, { id: "t-1", state: "STARTED", attempt: 1 });
      const lost = decideRefused(first, record, circumstances);
      const parts = ({ args, results: group }: Envelope) => ({ args, group });
      const [sent, sentAgain] = [decision, lost].map(({ publish }) => parts(publish[0]?.envelope as Envelope));
      expect(sentAgain).toEqual(sent);
      return sent;
    };
    expect(again()).toEqual({ args: ["own"], group: results });
    expect(again({ args: [[1, 2], "own"] })).toEqual({ args: [[1, 2], "own"], group: undefined });
    expect(again({ args: ["other"], results })).toEqual({ args: ["other"], group: results });
  });
});

test.each(["7", "null", "[1]", "[[1],{},3]", '{"key":"../x"}', "{"])("%s is nothing that a retry asked for", (json) => {
  expect(() => argsFrom("t-1", json)).toThrow(RecordUnreadable);
});

test("the payload store is down → RETRY of the same attempt, back after 10, 20, 40 … s", () => {
  const decision = end({ kind: "payload unavailable", failure });
  expect(decision).toEqual({
    row: "payload unavailable",
    change: changes.retry(held, { attempt: 1, retryAt: NOW + 10_000, args: undefined, failure }),
    publish: [],
    settle: { kind: "release", seconds: 10 },
  });
  const third = end({ kind: "payload unavailable", failure }, { ...received, receiveCount: 3 });
  expect(third.settle).toEqual({ kind: "release", seconds: 40 });
});
