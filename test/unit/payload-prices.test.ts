// The arithmetic of docs/payloads.md: why the thresholds are what they are. All of its prices are for a million.
import { expect, test } from "vitest";
import { PRICES } from "../../lib/core/cost/prices.ts";
import { DYNAMODB, MAX_KEPT_BODY_BYTES, PAYLOADS, SQS } from "../../lib/defaults.ts";

const SQS_REQUEST = PRICES.sqsRequest.usd;
const WRITE_UNIT = PRICES.writeUnit.usd;
const READ_UNIT = PRICES.readUnit.usd;
const PUT = PRICES.s3Put.usd;
const GET = PRICES.s3Get.usd;

/** A send and a receive. */
const carried = (bytes: number) => 2 * SQS_REQUEST * Math.ceil(bytes / SQS.billedStepBytes);
/** A write unit for each started KB, a read unit for each 4 KB. */
const recorded = (bytes: number) => WRITE_UNIT * Math.ceil(bytes / 1_024) + READ_UNIT * Math.ceil(bytes / 4_096);
const byReference = PUT + GET;

test("arguments: up to the threshold, carrying them costs less than a reference and its object", () => {
  expect(carried(PAYLOADS.argsOver)).toBeLessThan(carried(1_000) + byReference);
});

test("arguments: the threshold is whole steps, and one more would not fit the record of a dead letter", () => {
  expect(PAYLOADS.argsOver % SQS.billedStepBytes).toBe(0);
  expect(PAYLOADS.argsOver).toBeLessThanOrEqual(MAX_KEPT_BODY_BYTES);
  expect(PAYLOADS.argsOver + SQS.billedStepBytes).toBeGreaterThan(MAX_KEPT_BODY_BYTES);
  expect(MAX_KEPT_BODY_BYTES).toBeLessThan(DYNAMODB.maxItemBytes);
});

test("results: S3 costs as much as the table at half the threshold, and half as much at the threshold", () => {
  expect(recorded(PAYLOADS.resultsOver / 2) / byReference).toBeCloseTo(1, 1);
  expect(recorded(PAYLOADS.resultsOver) / byReference).toBeGreaterThan(1.9);
});
