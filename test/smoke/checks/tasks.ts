// Tasks that run over there, and what becomes of them.
import { CLOCK_SKEW_MS } from "../../../lib/defaults.ts";
import { type Check, failed, passed, skipped, withTasks } from "../check.ts";

/** A task with a name that no bundle has. */
const NOWHERE = "smoke.nowhere";
const MANY = 40;
const TEXT_BYTES = 1_000_000;
/** A cold start, and polls, on top of a visibility timeout. */
const SLACK_SECONDS = 30;

export const TASK_CHECKS: readonly Check[] = [
  {
    name: "task",
    proves:
      "a signed call is accepted by SQS, run by Lambda, recorded by DynamoDB under the worker's role, and read back",
    seconds: 60,
    run: withTasks(async ({ add }, signal) => {
      const value = await (await add.delay(2, 3)).get({ signal });
      return value === 5 ? passed("2 + 3 = 5") : failed(`2 + 3 = ${value}`);
    }),
  },
  {
    name: "batched-writes",
    proves:
      "claims and endings of one invocation share PartiQL batches, allowed by the worker's role and in DynamoDB's own dialect",
    seconds: 120,
    run: withTasks(async ({ add }, signal) => {
      const results = await Promise.all(Array.from({ length: MANY }, (_, i) => add.delay(i, i)));
      const values = await Promise.all(results.map((result) => result.get({ signal })));
      const wrong = values.filter((value, i) => value !== 2 * i).length;
      return wrong === 0 ? passed(`${MANY} tasks at once`) : failed(`${wrong} of ${MANY} have another's result`);
    }),
  },
  {
    name: "large-message",
    proves: "SQS, the event source mapping and Lambda carry a message of almost 1 MiB, characters beyond 16 bits in it",
    seconds: 60,
    run: withTasks(async ({ count }, signal) => {
      const text = `${"x".repeat(TEXT_BYTES)}🦆`;
      const value = await (await count.delay(text)).get({ signal });
      return value === TEXT_BYTES + 1
        ? passed(`${value} characters`)
        : failed(`${value} of ${TEXT_BYTES + 1} characters`);
    }),
  },
  {
    name: "delay",
    proves: "SQS keeps the delay of a single message",
    seconds: 60,
    run: withTasks(async ({ add }, signal) => {
      const sent = Date.now();
      const result = await add.applyAsync([1, 1], { countdown: "5s" });
      await result.get({ signal });
      const { startedAt } = await result.info();
      const waited = (startedAt?.getTime() ?? 0) - sent;
      return waited >= 4_000 ? passed(`started after ${waited} ms`) : failed(`started after ${waited} ms, not 5,000`);
    }),
  },
  {
    name: "retry",
    proves: "a retry is sent by the worker's role, comes when it is due, and Lambda's recursion guard lets it pass",
    seconds: 90,
    run: withTasks(async ({ again }, signal) => {
      const waited = await (await again.delay(5, null)).get({ signal });
      return waited >= 4_000
        ? passed(`ran again after ${waited} ms`)
        : failed(`ran again after ${waited} ms, not 5,000`);
    }),
  },
  {
    name: "visibility",
    proves: "a visibility timeout that the function has set stays in force when it reports the message as failed",
    seconds: 240,
    run: withTasks(async (_tasks, signal, { app }) => {
      const sent = Date.now();
      const result = await app.sendTask(NOWHERE, []);
      const error = await result.get({ signal }).catch((caught: unknown) => caught);
      const seconds = Math.round((Date.now() - sent) / 1_000);
      const type = error instanceof Error && "type" in error ? error.type : String(error);
      if (type !== "NotRegistered") return failed(`ended as ${type}, not as NotRegistered`);
      // Three pauses, of 10, 30 and 60 s. By the queue's own timeout they would take three minutes each.
      return seconds >= 95 && seconds < 180
        ? passed(`came back three times in ${seconds} s`)
        : failed(`took ${seconds} s, not 100 to 180`);
    }),
  },
  {
    name: "concurrency",
    proves: "the event source mapping keeps to maxConcurrency, and throttles nothing away",
    seconds: 120,
    run: withTasks(async ({ occupy }, signal, { app }) => {
      const most = app.workloads.fragile?.lambda?.maxConcurrency ?? 0;
      const results = await Promise.all(Array.from({ length: 3 * most }, () => occupy.delay(2)));
      const runs = await Promise.all(results.map((result) => result.get({ signal })));
      const overlap = Math.max(
        ...runs.map(({ began }) => runs.filter((run) => run.began <= began && run.ended > began).length),
      );
      return overlap <= most ? passed(`${overlap} at a time, of ${most}`) : failed(`${overlap} at a time, not ${most}`);
    }),
  },
  {
    name: "takeover",
    proves:
      "what killed its function once is received again when its visibility timeout is over, finds its lease over, and runs",
    seconds: 240,
    run: withTasks(async ({ dieOnce }, signal, { app }) => {
      const bound = app.workloads.fragile?.visibilitySeconds ?? 0;
      const sent = Date.now();
      const result = await dieOnce.delay();
      const receives = await result.get({ signal });
      const seconds = Math.round((Date.now() - sent) / 1_000);
      if (receives !== 2) return failed(`ran at delivery ${receives}, not at the second`);
      return seconds <= bound + SLACK_SECONDS
        ? passed(`ran again after ${seconds} s, of ${bound}`)
        : failed(`ran again after ${seconds} s, not ${bound}`);
    }),
  },
  {
    name: "clocks",
    proves: "the clock of a function and this machine's differ by less than leases tolerate",
    seconds: 60,
    run: withTasks(async ({ occupy }, signal) => {
      const before = Date.now();
      const { began } = await (await occupy.delay(0)).get({ signal });
      const after = Date.now();
      // It ran between the two: what lies outside is the clocks' doing.
      const apart = Math.max(before - began, began - after, 0);
      return apart < CLOCK_SKEW_MS ? passed(`${apart} ms apart, at least`) : failed(`${apart} ms apart, at least`);
    }),
  },
  {
    name: "dead-letters",
    proves:
      "what kills its function is received as often as the queue allows, moved by SQS, and ended by the dead-letter function",
    seconds: 600,
    run: withTasks(async ({ die }, signal) => {
      const error = await (await die.delay()).get({ signal }).catch((caught: unknown) => caught);
      const type = error instanceof Error && "type" in error ? error.type : String(error);
      return type === "DeadLettered" || type === "WorkerLost" ? passed(`FAILURE, ${type}`) : failed(`ended as ${type}`);
    }),
  },
  {
    name: "payloads",
    proves:
      "arguments over SQS's limit travel through S3, written by the sender's permissions and read by the worker's",
    seconds: 120,
    run: withTasks(async ({ count }, signal, { app }) => {
      if (app.payloads === undefined)
        return skipped("the app has no payloads; deploy and run it with SMOKE_BUCKET=<a name of yours>");
      const value = await (await count.delay("y".repeat(3 * TEXT_BYTES))).get({ signal });
      return value === 3 * TEXT_BYTES
        ? passed(`${value} characters`)
        : failed(`${value} of ${3 * TEXT_BYTES} characters`);
    }),
  },
];
