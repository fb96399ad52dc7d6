// The app under test, as `lovage worker` and the publisher load it. Its tasks tell what they did in the side-effect log, and
// nothing else.
import { randomBytes } from "node:crypto";
import { createApp, type HookContext, onFargate, type TaskContext } from "lovage";
import { appender, type Effect, FILES, type Work } from "./lines.ts";

const log = appender<Effect>(process.env.CHAOS_DIRECTORY ?? ".", FILES.effects);

/** Of a worker's pool. */
const processes = Number(process.env.CHAOS_PROCESSES ?? 1);

export const BUCKET = "chaos-payloads";

export const app = createApp("chaos", {
  workloads: {
    default: onFargate({ work: "io", visibilityTimeout: "15s", concurrency: 48 }),
    quick: onFargate({ work: "io", visibilityTimeout: "15s", concurrency: 48, prefetch: 2 }),
    renders: onFargate({
      work: "cpu",
      visibilityTimeout: "20s",
      concurrency: processes,
      memory: `${processes * 256}MB`,
    }),
  },
  payloads: { bucket: BUCKET, argsOver: 32_768, resultsOver: 4_096 },
  defaults: {
    maxRetries: 5,
    onSuccess: ({ id }: HookContext, result) => {
      const run = (result as { run?: string } | null)?.run; // what every task here returns
      log({ at: Date.now(), what: "recorded", id, state: "SUCCESS", ...(run && { run }) });
    },
    onFailure: ({ id }: HookContext) => log({ at: Date.now(), what: "recorded", id, state: "FAILURE" }),
  },
});

interface Returned {
  readonly run: string;
  readonly filler?: string;
}

/** A run as the log tells it. `body` is what its time goes to. */
async function told(ctx: TaskContext, { ends }: Work, body: () => unknown, got?: string): Promise<Returned> {
  const run = randomBytes(8).toString("hex");
  const { id, retries: attempt, task } = ctx;
  const worker = Number(ctx.worker.split(":")[1]);
  log({ at: Date.now(), what: "begin", run, id, attempt, task, pid: process.pid, worker, ...(got && { got }) });
  const ended = (how: "value" | "error" | "retry" | "stopped") => log({ at: Date.now(), what: "end", run, how });
  try {
    await body();
  } catch (error) {
    ended("stopped"); // revoked, interrupted by a shutdown, or its claim is lost
    throw error;
  }
  if (ends === "retry" && attempt === 0) {
    ended("retry");
    ctx.retry({ countdown: 1 });
  }
  if (ends === "error") {
    ended("error");
    throw new RangeError("as planned");
  }
  ended("value");
  return { run };
}

const sleeping = (ctx: TaskContext, work: Work) => told(ctx, work, () => ctx.sleep(work.ms / 1_000));

/** Claimed, its end recorded. */
export const io = app.task("io", { bind: true }, (ctx, work: Work) => sleeping(ctx, work));

/** With arguments, and a result, too large to travel. */
export const large = app.task("large", { bind: true }, async (ctx, work: Work, filler: string) => ({
  ...(await sleeping(ctx, work)),
  filler: filler.slice(0, 8_000),
}));

/** Not claimed, its end recorded. */
export const light = app.task("light", { bind: true, claim: false, workload: "quick" }, (ctx, work: Work) =>
  sleeping(ctx, work),
);

/** Nothing recorded unless it fails. */
export const ignored = app.task("ignored", { bind: true, ignoreResult: true, workload: "quick" }, (ctx, work: Work) =>
  sleeping(ctx, work),
);

/** In a process of its own: computes, then blocks it, then perhaps takes all memory there is. */
export const render = app.task("render", { bind: true, workload: "renders" }, (ctx, work: Work) =>
  told(ctx, work, () => {
    const until = performance.now() + Math.min(work.ms, 10);
    while (performance.now() < until);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, work.ms - 10));
    if (work.ends !== "out of memory") return;
    for (const hoard: unknown[] = []; ; ) hoard.push(Array.from({ length: 100_000 }, () => ({})));
  }),
);

/** Called with its parent's result, or with the id of one that failed. */
export const callback = app.task("callback", { bind: true, workload: "quick" }, (ctx, got: Returned | string) =>
  told(ctx, { ms: 0, ends: "value" }, () => {}, typeof got === "string" ? got : got.run),
);
