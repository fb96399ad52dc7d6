// What becomes of a task whose message is dropped on purpose: docs/protocol.md, "A purge".
import { expect, test } from "vitest";
import * as changes from "../../lib/core/changes.ts";
import { decideRefused } from "../../lib/core/decide.ts";
import { type Circumstances, claimOf, type Received } from "../../lib/core/decision.ts";
import { idKey } from "../../lib/core/ids.ts";
import { decidePurged } from "../../lib/core/purge.ts";
import { CLOCK_SKEW_MS } from "../../lib/defaults.ts";
import type { TaskRecord } from "../../lib/store/record.ts";
import { envelopeOf, signatureOf } from "../support/messages.ts";

const NOW = Date.UTC(2026, 10, 21);
const routes = {
  key: idKey("duckling"),
  now: NOW,
  maxHops: 9,
  route: () => ({ workload: "default", ignoreResult: false }),
};
const circumstances: Circumstances = { now: NOW, random: 0.5, routes };
const callback = signatureOf("notify");
const received: Received = {
  envelope: envelopeOf({ retries: 1, link: [callback], linkError: [callback] }),
  workload: "renders",
  receiveCount: 1,
  body: "",
};
const purged = () => decidePurged(received, { resultExpires: 60 }, circumstances, "mine");
const record = (facts: Partial<TaskRecord>): TaskRecord => ({ id: "t-1", state: "STARTED", attempt: 1, ...facts });
const held = (existing: TaskRecord | undefined) => changes.holds(purged().change?.when ?? [], existing);

test("its task ends as REVOKED, calls nobody back, and the message goes", () => {
  const failure = { type: "TaskRevoked", message: "purged" };
  expect(purged()).toEqual({
    row: "purged",
    change: changes.revokeUnheld(claimOf(received, "mine"), NOW, failure, 60),
    publish: [],
    settle: { kind: "ack" },
  });
  expect(purged().change?.set).toMatchObject({ state: "REVOKED", failure, resultExpiresAt: NOW + 60_000 });
});

test.each<[string, TaskRecord | undefined, boolean]>([
  ["nobody has started it", undefined, true],
  ["recorded at publish", record({ state: "PENDING", attempt: 0 }), true],
  ["waiting for this attempt", record({ state: "RETRY" }), true],
  ["waiting for a later attempt", record({ state: "RETRY", attempt: 2 }), false],
  ["running", record({ leaseUntil: NOW + 1 }), false],
  [
    "running, its lease over by less than two clocks may differ",
    record({ leaseUntil: NOW - CLOCK_SKEW_MS + 1 }),
    false,
  ],
  ["its worker is gone", record({ leaseUntil: NOW - CLOCK_SKEW_MS }), true],
  ["succeeded", record({ state: "SUCCESS" }), false],
  ["failed", record({ state: "FAILURE" }), false],
  ["revoked", record({ state: "REVOKED" }), false],
])("may it be ended? %s", (_, existing, expected) => {
  expect(held(existing)).toBe(expected);
});

test("what refused decides: callbacks that may have been lost in a crash are sent, what runs keeps its message", () => {
  const ended = decideRefused(received, record({ state: "SUCCESS", result: "5" }), circumstances);
  expect(ended.publish.map(({ envelope }) => [envelope.task, envelope.args])).toEqual([["notify", [5]]]);
  expect(ended.settle).toEqual({ kind: "ack" });
  expect(decideRefused(received, record({ leaseUntil: NOW + 20_000 }), circumstances).settle.kind).toBe("release");
});
