// A failed task is sent again as a new one: docs/protocol.md, "A redrive".
import { describe, expect, test } from "vitest";
import * as changes from "../../lib/core/changes.ts";
import { claimOf } from "../../lib/core/decision.ts";
import { certify, derivedId, idKey } from "../../lib/core/ids.ts";
import { decideRedrive, redriveId } from "../../lib/core/redrive.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { type Envelope, encode } from "../../lib/wire/envelope.ts";
import { envelopeOf, signatureOf } from "../support/messages.ts";

const key = idKey("duckling");
const ONCE = { again: false };
const failed = (facts: Partial<TaskRecord> = {}, envelope: Partial<Envelope> = {}): TaskRecord => ({
  id: "t-1",
  state: "FAILURE",
  attempt: 2,
  task: "add",
  workload: "renders",
  endedAt: 1_000,
  body: encode(envelopeOf({ id: "t-1", args: [2, 3], ...envelope }), "duckling-renders"),
  ...facts,
});
const decided = (record: TaskRecord | undefined, options = ONCE) => decideRedrive("t-1", record, options, key);
function sent(record: TaskRecord, options = ONCE) {
  const decision = decided(record, options);
  if (decision.kind !== "send") throw new Error(decision.kind);
  return decision;
}

test("what claims a redrive says where it came from, and other claims say nothing of it", () => {
  const received = (redrivenFrom?: string) => ({
    envelope: envelopeOf({ id: "t-2", ...(redrivenFrom !== undefined && { redrivenFrom }) }),
    workload: "renders",
    receiveCount: 1,
    body: "{}",
  });
  expect(claimOf(received("t-1"), "token")).toMatchObject({ id: "t-2", redrivenFrom: "t-1" });
  expect(claimOf(received(), "token")).not.toHaveProperty("redrivenFrom");
});

describe("a failed task is sent again", () => {
  test("as a new task with an id of its own, on the workload it failed on, and counted after that", () => {
    const { envelope, workload, count } = sent(failed());
    expect(workload).toBe("renders");
    expect(envelope).toMatchObject({ task: "add", args: [2, 3], redrivenFrom: "t-1", parentId: "t-1", retries: 0 });
    expect(envelope.id).toBe(derivedId(key, "t-1", "redrive:1000:0"));
    expect(certify(envelope.id, key)).toEqual({ genuine: true, untracked: false });
    expect(count).toEqual(changes.countRedrive("t-1", 0));
  });

  test("under the same id by everybody who finds the same count, under another one after it", () => {
    expect(sent(failed()).envelope.id).toBe(sent(failed()).envelope.id);
    const second = sent(failed({ redrives: 1 }), { again: true });
    expect(second.envelope.id).toBe(derivedId(key, "t-1", "redrive:1000:1"));
    expect(second.count).toEqual(changes.countRedrive("t-1", 1));
  });

  test("with its callbacks, its root, its headers and its limits; without what belonged to that attempt, its time and its group", () => {
    const link = [signatureOf("notify")];
    const kept = {
      ...{
        rootId: "root",
        headers: { tenant: "a" },
        timeLimit: 60,
        softTimeLimit: 50,
        shadow: "sum",
        kwargs: { a: 1 },
      },
      ...{ link, linkError: link, chain: link },
    };
    const left = {
      ...{
        retries: 2,
        eta: 1_000,
        expires: 2_000,
        resends: 3,
        hops: 7,
        argsChanged: true,
        lang: "py",
        origin: "gen1@host",
      },
      ...{ chord: { task: "sum" }, group: "g-1", groupIndex: 4, parentId: "p-1" },
    };
    const { envelope } = sent(failed({}, { ...kept, ...left }));
    expect(envelope).toMatchObject(kept);
    expect(envelope).toMatchObject({ retries: 0, lang: "js", parentId: "t-1" });
    for (const gone of ["eta", "expires", "resends", "hops", "argsChanged", "origin", "chord", "group", "groupIndex"])
      expect(envelope).not.toHaveProperty(gone);
  });

  test("with the reference to its arguments, where they lie in the payload store", () => {
    const argsRef = { key: "32d/args/t-1.x", bytes: 5, sha256: "x", keptUntil: 9 };
    expect(sent(failed({}, { args: [], kwargs: {}, argsRef })).envelope.argsRef).toEqual(argsRef);
  });

  test("untracked again where it was sent with ignoreResult", () => {
    const { envelope } = sent(failed({}, { ignoreResult: true }));
    expect(envelope.ignoreResult).toBe(true);
    expect(certify(envelope.id, key)).toEqual({ genuine: true, untracked: true });
  });

  test("a redrive that failed is redriven like any task, and names the one before it", () => {
    const { envelope } = sent(failed({}, { redrivenFrom: "t-0", parentId: "t-0" }));
    expect(envelope).toMatchObject({ redrivenFrom: "t-1", parentId: "t-1" });
  });
});

test("what was redriven before is left alone unless it is asked for, and says as what", () => {
  expect(decided(failed({ redrives: 2 }))).toEqual({
    kind: "redriven before",
    redrives: 2,
    redrivenAs: redriveId(key, { id: "t-1", endedAt: 1_000 }, 1, false),
  });
});

test.each<[string, TaskRecord | undefined, string]>([
  ["nothing is recorded", undefined, "there is no record of it: not this app's, not started yet, or expired"],
  ["it succeeded", failed({ state: "SUCCESS" }), "it is SUCCESS, and only a FAILURE is sent again"],
  ["it runs", failed({ state: "STARTED" }), "it is STARTED, and only a FAILURE is sent again"],
  ["it was forgotten", { id: "t-1", state: "FAILURE", attempt: 0, forgotten: true }, "it was forgotten"],
  ["its message was not kept", { id: "t-1", state: "FAILURE", attempt: 0, workload: "w" }, "it was over 344064 bytes"],
  ["nobody knows its workload", { id: "t-1", state: "FAILURE", attempt: 0, body: "{}" }, "its message was not kept"],
  ["its message cannot be read", failed({ body: "{}" }), "cannot read the message: it is not a task"],
])("it is refused where %s", (_, record, reason) => {
  const decision = decided(record, { again: true });
  expect(decision).toMatchObject({ kind: "refused", reason: expect.stringContaining(reason) });
});
