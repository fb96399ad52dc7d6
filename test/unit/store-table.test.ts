import { expect, test } from "vitest";
import { InvalidOption } from "../../lib/errors.ts";
import {
  deadLetterQueueName,
  queueName,
  tableDefinition,
  tableName,
  timeToLiveDefinition,
} from "../../lib/store/table.ts";

test("names are made of the app's and the workload's", () => {
  expect(tableName("duckling")).toBe("duckling");
  expect(queueName("duckling", "default")).toBe("duckling-default");
  expect(deadLetterQueueName("duckling", "default")).toBe("duckling-default-dead");
});

test("an app's name has 3 to 80 characters, a workload's at least one", () => {
  for (const name of ["abc", "x".repeat(80)]) expect(tableName(name)).toBe(name);
  expect(queueName("abc", "w")).toBe("abc-w");
});

test("the name that is refused is told, and whose it is", () => {
  expect(() => tableName("ab")).toThrow('app name "ab" is not allowed; use 3 to 80 letters');
  expect(() => queueName("a.b", "default")).toThrow('app name "a.b" is not allowed; use 3 to 80 letters');
  expect(() => queueName("duckling", "")).toThrow('workload name "" is not allowed; use 1 to 80 letters');
});

test.each([
  ["", "empty"],
  ["ab", "shorter than DynamoDB takes"],
  ["duck ling", "a space"],
  ["duck.ling", "a dot, which SQS does not take"],
  ["canard-à-l-orange", "not ASCII"],
  ["x".repeat(81), "too long"],
])("app name %j is refused: %s", (name) => {
  expect(() => tableName(name)).toThrow(InvalidOption);
  expect(() => queueName(name, "default")).toThrow(/use 3 to 80 letters, digits, hyphens and underscores/);
});

test("a queue name fits SQS together with the suffix of its dead-letter queue", () => {
  expect(deadLetterQueueName("duckling", "w".repeat(66))).toHaveLength(80);
  expect(() => queueName("duckling", "w".repeat(67))).toThrow(/has 81 characters, SQS allows 80/);
});

test.each(["dead", "mail-dead"])("workload %j would be taken for a dead-letter queue", (workload) => {
  expect(() => queueName("duckling", workload)).toThrow(InvalidOption);
  expect(() => queueName("duckling", workload)).toThrow(
    `workload name "${workload}" ends like the name of a dead-letter queue`,
  );
});

test("the table has one key and one index, pays per request, and is a fresh value each time", () => {
  expect(tableDefinition("duckling")).toEqual({
    TableName: "duckling",
    AttributeDefinitions: [
      { AttributeName: "id", AttributeType: "S" },
      { AttributeName: "failed_on", AttributeType: "S" },
      { AttributeName: "ended_at", AttributeType: "N" },
    ],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    GlobalSecondaryIndexes: [
      {
        IndexName: "failures",
        KeySchema: [
          { AttributeName: "failed_on", KeyType: "HASH" },
          { AttributeName: "ended_at", KeyType: "RANGE" },
        ],
        Projection: {
          ProjectionType: "INCLUDE",
          NonKeyAttributes: ["task", "workload", "attempt", "error_type", "error_message", "redrives", "expires_at"],
        },
      },
    ],
    BillingMode: "PAY_PER_REQUEST",
  });
  expect(tableDefinition("duckling").KeySchema).not.toBe(tableDefinition("duckling").KeySchema);
  const projected = () => tableDefinition("duckling").GlobalSecondaryIndexes[0]?.Projection.NonKeyAttributes;
  expect(projected()).not.toBe(projected());
});

test("DynamoDB removes items by themselves, some time after `expires_at`", () => {
  expect(timeToLiveDefinition("duckling")).toEqual({
    TableName: "duckling",
    TimeToLiveSpecification: { AttributeName: "expires_at", Enabled: true },
  });
});
