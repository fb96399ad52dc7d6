import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { app } from "./app.ts";

export const add = app.task("smoke.add", (x: number, y: number) => x + y);

export const count = app.task("smoke.count", (text: string) => [...text].length);

/** Retries once, and tells how long after its first run, in milliseconds. */
export const again = app.task(
  "smoke.again",
  { bind: true, maxRetries: 1 },
  (ctx, seconds: number, firstRun: number | null) => {
    if (ctx.retries === 0) throw ctx.retry({ countdown: seconds, args: [seconds, Date.now()] });
    return Date.now() - (firstRun ?? 0);
  },
);

/** When it ran, in milliseconds. */
export const occupy = app.task("smoke.occupy", { bind: true, workload: "fragile" }, async (ctx, seconds: number) => {
  const began = Date.now();
  await ctx.sleep(seconds);
  return { began, ended: Date.now() };
});

/** As when memory runs out: nobody writes anything. */
export const die = app.task("smoke.die", { workload: "fragile" }, () => {
  process.kill(process.pid, "SIGKILL");
});

/** Dies at its first delivery as `die` does, and tells at a later one how many there have been. */
export const dieOnce = app.task("smoke.dieOnce", { bind: true, workload: "fragile" }, (ctx) => {
  if (ctx.delivery.receiveCount === 1) process.kill(process.pid, "SIGKILL");
  return ctx.delivery.receiveCount;
});

/** What its role must not be allowed to do, and what AWS answers. */
export const trespass = app.task("smoke.trespass", async () => {
  const dynamodb = new DynamoDBClient({});
  const sqs = new SQSClient({});
  const tried = {
    "dynamodb:Scan": dynamodb.send(new ScanCommand({ TableName: app.name, Limit: 1 })),
    "sqs:ListQueues": sqs.send(new ListQueuesCommand({})),
  };
  const entries = Object.entries(tried).map(async ([action, answer]) => [
    action,
    await answer.then(() => "allowed", nameOf),
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<keyof typeof tried, string>; // the keys are those of `tried`
});

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
