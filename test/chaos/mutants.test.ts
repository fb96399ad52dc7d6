// Whole runs beside a proxy that breaks the protocol: the checker has to see it. That it finds nothing beside one that does not is
// what `npm run chaos` shows.
import { expect, it } from "vitest";
import { idKey } from "../../lib/core/ids.ts";
import type { Asked, Fault } from "../support/fault-proxy.ts";
import { app } from "./app.ts";
import { check, type Problem, type Verdict } from "./checker.ts";
import type { Mix } from "./mix.ts";
import { type RunOptions, run } from "./run.ts";

/** They last long enough for a second execution to begin beside the first. */
const SLOW = { part: 1, mostMs: 700 };

async function verdictOf(mix: Mix, doctor: RunOptions["doctor"]): Promise<Verdict> {
  const { evidence } = await run({
    ...{ mix, count: 30, seed: 3, workers: 1, slow: SLOW, outOfMemory: 0, backlog: 1_000, quietSeconds: 20 },
    ...(doctor && { doctor }),
    say: () => {},
  });
  expect(evidence.accepted).toHaveLength(30);
  return check(evidence, idKey(app.name));
}

const ids = ({ problems }: Verdict, kind: Problem["kind"]) =>
  new Set(problems.filter((problem) => problem.kind === kind).map(({ id }) => id));

const twice = ({ operation }: Asked): Fault | undefined =>
  operation.startsWith("SendMessage") ? { kind: "duplicate" } : undefined;

interface UpdateItem {
  readonly ConditionExpression?: string;
  readonly UpdateExpression: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, object>>;
}

/** DynamoDB refuses names and values that nothing uses. */
function unconditional(body: string): string {
  const { ConditionExpression: _, ...request } = JSON.parse(body) as UpdateItem; // a request of Lovage's
  const words = new Set(request.UpdateExpression.match(/[#:]\w+/g));
  const used = <T>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(all).filter(([word]) => words.has(word)));
  return JSON.stringify({
    ...request,
    ExpressionAttributeNames: used(request.ExpressionAttributeNames),
    ExpressionAttributeValues: used(request.ExpressionAttributeValues),
  });
}

/** Writes without their conditions. Batches have theirs in their statements: they are refused, and come one by one. */
const withoutConditions = ({ operation, body }: Asked): Fault | undefined => {
  if (operation === "UpdateItem" && body.includes('":state"')) return { kind: "rewrite", ask: unconditional };
  if (operation !== "BatchExecuteStatement") return undefined;
  return { kind: "status", status: 400, code: "AccessDeniedException" };
};

interface SendMessageBatch {
  readonly Entries: readonly { readonly Id: string }[];
}

/** Says that it has sent, and has not. */
const swallows = ({ operation, body }: Asked): Fault | undefined => {
  if (operation !== "SendMessageBatch") return undefined;
  const { Entries } = JSON.parse(body) as SendMessageBatch; // a request of Lovage's
  const Successful = Entries.map(({ Id }) => ({ Id, MessageId: Id, MD5OfMessageBody: "" }));
  return { kind: "answer", body: JSON.stringify({ Successful }) };
};

it("sees tasks finish twice where writes have lost their conditions", async () => {
  const verdict = await verdictOf({ io: 1, light: 1 }, { sqs: twice, dynamodb: withoutConditions });

  expect(ids(verdict, "finished twice").size).toBeGreaterThan(15);
  expect(ids(verdict, "unexplained").size).toBeGreaterThan(15);
  expect(ids(verdict, "lost")).toEqual(new Set());
}, 60_000);

it("misses tasks that SQS said it had taken", async () => {
  let batches = 0;
  const some = (asked: Asked) =>
    asked.operation === "SendMessageBatch" && ++batches % 2 ? swallows(asked) : undefined;
  const verdict = await verdictOf({ io: 1, ignored: 1 }, { sqs: some });

  expect(ids(verdict, "lost").size).toBeGreaterThan(5);
  expect(verdict.terminal).toBeLessThan(25);
  expect(ids(verdict, "finished twice")).toEqual(new Set());
}, 60_000);
