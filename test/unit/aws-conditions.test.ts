import { expect, test } from "vitest";
import { toOverwrite, toUpdate } from "../../lib/aws/conditions.ts";
import { FIELDS, type Item, itemBytes, toAttribute, toRecord } from "../../lib/aws/record-item.ts";
import * as changes from "../../lib/core/changes.ts";
import type { TaskRecord } from "../../lib/store/record.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 31, 7, 123);
const CLAIM: changes.Claim = {
  id: "01941f29-7c00-7aaa-8bbb-0123456789ab",
  task: "duckling.tasks.resize_image",
  workload: "default",
  attempt: 0,
  token: "Zm9vYmFyYmF6cXV4",
};
const LEASE = { owner: "ip-10-0-12-34.eu-central-1.compute.internal:1:4f2a", until: NOW + 45_000, lastDelivery: false };
const claim = changes.claim(CLAIM, NOW, LEASE);
const succeed = changes.succeed({ kind: "claimed", claim: CLAIM }, NOW, {
  result: JSON.stringify({ width: 640, height: 480, key: "images/2026/11/21/0123456789abcdef.png" }),
  ignored: false,
  resultExpiresSeconds: 86_400,
});

function toItem(record: TaskRecord): Item {
  return Object.fromEntries(
    FIELDS.filter((field) => record[field] !== undefined).map((field) => [
      field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      toAttribute(field, record[field]),
    ]),
  );
}

test("a claim, as DynamoDB gets it", () => {
  const { ConditionExpression, UpdateExpression } = toUpdate(claim, NOW);
  expect(ConditionExpression).toBe(
    "attribute_not_exists(#id) OR (attribute_not_exists(#expires_at) OR #expires_at > :now) AND " +
      "(#state = :PENDING OR #state = :RETRY AND #attempt <= :attempt_2 OR " +
      "#state = :STARTED AND #attempt <= :attempt_3 AND (attribute_not_exists(#lease_until) OR #lease_until <= :lease_3))",
  );
  expect(UpdateExpression).toBe(
    "SET #state = :state, #task = :task, #workload = :workload, #attempt = :attempt, #token = :token, #owner = :owner, " +
      "#lease_until = :lease_until, #started_at = :started_at " +
      "REMOVE #last_delivery, #retry_at, #retry_args, #meta, #custom_state, #failure, #expires_at ADD #runs :one",
  );
});

test("a finish, as DynamoDB gets it", () => {
  expect(toUpdate(succeed, NOW).ConditionExpression).toBe(
    "(attribute_not_exists(#expires_at) OR #expires_at > :now) AND #state = :STARTED AND #token = :token_0",
  );
});

test("no expression has redundant parentheses, which DynamoDB refuses", () => {
  const right: changes.Right = { kind: "unclaimed", claim: CLAIM };
  const failure = { type: "E", message: "m" };
  for (const change of [
    claim,
    succeed,
    changes.recordPending("x", "t", "w", NOW),
    changes.fail(right, NOW, failure, 60),
    changes.failUnheld(CLAIM, NOW, failure, 60),
    changes.retry(right, { attempt: 1, retryAt: NOW, args: undefined, failure }),
    changes.revokeUnstarted("x", NOW, failure, 60),
    changes.forget("x"),
  ]) {
    const { ConditionExpression } = toUpdate(change, NOW);
    expect(ConditionExpression).not.toMatch(/\(\(|^\([^()]*\)$/);
  }
});

test("every name and value is used, as DynamoDB demands", () => {
  for (const change of [claim, succeed, changes.forget("x"), changes.heartbeat(CLAIM, NOW)]) {
    for (const update of [toUpdate(change, NOW), toOverwrite(change, NOW)]) {
      const text = `${update.ConditionExpression} ${update.UpdateExpression}`;
      const used = new Set(text.match(/[#:]\w+/g));
      const given = { ...update.ExpressionAttributeNames, ...update.ExpressionAttributeValues };
      expect(new Set(Object.keys(given))).toEqual(used);
    }
  }
});

test("changes of one shape share their text, others do not", () => {
  const other = changes.claim({ ...CLAIM, id: "other", attempt: 3 }, NOW + 1, { ...LEASE, owner: "someone" });
  expect(toUpdate(other, NOW).ExpressionAttributeNames).toBe(toUpdate(claim, NOW).ExpressionAttributeNames);
  const last = changes.claim(CLAIM, NOW, { ...LEASE, lastDelivery: true });
  expect(toUpdate(last, NOW).UpdateExpression).toContain("#last_delivery = :last_delivery");
  expect(toUpdate(claim, NOW).UpdateExpression).not.toContain("#last_delivery =");
});

test("the time to live is in seconds, rounded up", () => {
  expect(toAttribute("expiresAt", 1_700_000_000_001)).toEqual({ N: "1700000001" });
  expect(toRecord({ expires_at: { N: "1700000001" } }).expiresAt).toBe(1_700_000_001_000);
});

test("attributes of a later version are left out", () => {
  const item = { id: { S: "x" }, state: { S: "PENDING" }, attempt: { N: "0" }, colour: { S: "red" } };
  expect(toRecord(item)).toEqual({ id: "x", state: "PENDING", attempt: 0 });
});

test("claim and finish of a small task stay far below 1 KB: one write unit each", () => {
  const claimed = changes.applied(claim, undefined);
  const finished = changes.applied(succeed, claimed);
  const wholeSecond = Math.ceil((finished.expiresAt ?? 0) / 1_000) * 1_000;
  expect(toRecord(toItem(finished))).toEqual({ ...finished, expiresAt: wholeSecond });
  expect(itemBytes(toItem(claimed))).toBe(223);
  expect(itemBytes(toItem(finished))).toBe(340);
});

test("sizes are DynamoDB's: UTF-8 bytes of names and text, half a byte for a digit", () => {
  expect(itemBytes({ ab: { S: "ä€" } })).toBe(2 + 5);
  expect(itemBytes({ n: { N: "1700000000000" } })).toBe(1 + 2); // trailing zeros are free
  expect(itemBytes({ n: { N: "1712345678901" } })).toBe(1 + 8);
  expect(itemBytes({ n: { N: "0" }, b: { BOOL: true } })).toBe(2 + 2);
  expect(itemBytes({ s: { NS: ["0", "7", "63"] } })).toBe(1 + 1 + 2 + 2);
});
