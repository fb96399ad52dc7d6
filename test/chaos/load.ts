// The same tasks and the same checker as `npm run chaos`, as fast as they go and with nothing going wrong: all of them end, and
// memory stays within bounds. Exit 1 otherwise. docs/performance.md has what was measured.
import { mkdirSync } from "node:fs";
import { idKey } from "../../lib/core/ids.ts";
import { commandLine } from "../support/command-line.ts";
import { app } from "./app.ts";
import { check } from "./checker.ts";
import type { Growth } from "./memory.ts";
import { LOAD_MIX } from "./mix.ts";
import { readable, summary } from "./report.ts";
import { run } from "./run.ts";

/**
 * A worker's memory in the last quarter of a run may be so many times that of the second. What leaks grows with every task, and
 * there are twice as many by then; what is left is V8, which keeps the pages of its largest heap so far.
 */
const MAX_GROWTH = 1.25;
/** From here on the quarters are long enough to say something. */
const MIN_TASKS = 20_000;
const QUIET_SECONDS = 300;

const USAGE = `npm run load -- [--tasks 100000] [--seed 1] [--workers 2] [--keep DIRECTORY] [--json]      docs/performance.md`;

const { values, ...options } = commandLine(USAGE, {
  tasks: { type: "string" },
  seed: { type: "string" },
  workers: { type: "string" },
  keep: { type: "string" },
  json: { type: "boolean" },
});
const count = options.count("tasks", 100_000);
const seed = options.count("seed", 1);
const workers = options.count("workers", 2);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // its workers end with it
const say = (text: string) => process.stderr.write(`${text}\n`);
if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });

say(`${count} tasks, ${workers} workers, seed ${seed}`);
const outcome = await run({
  ...{ count, seed, workers, say },
  mix: LOAD_MIX,
  slow: { part: 0, mostMs: 500 },
  outOfMemory: 0,
  processes: 4,
  backlog: 2_000, // fauxqs walks through all messages in flight and delayed with every poll
  quietSeconds: QUIET_SECONDS,
  ...(values.keep !== undefined && { keep: values.keep }),
});
const verdict = check(outcome.evidence, idKey(app.name));
const memory = {
  worker: outcome.memory.growth("workers"),
  child: outcome.memory.growth("children"),
  publisher: outcome.memory.growth("publisher"),
};
const growth = ({ second, last }: Growth) => last / second;
const seconds = outcome.seconds + outcome.quietAfter;
const rounded = (value: number) => Math.round(value * 100) / 100;
const result = {
  ...summary(outcome, verdict, { seed }),
  tasks_per_s: Math.round(verdict.accepted / seconds),
  rss_worker_mb: Math.round(memory.worker.last),
  rss_worker_growth: rounded(growth(memory.worker)),
  rss_child_mb: Math.round(memory.child.last),
  rss_child_growth: rounded(growth(memory.child)),
  rss_publisher_mb: Math.round(memory.publisher.last),
  rss_publisher_growth: rounded(growth(memory.publisher)),
};
const grown = count < MIN_TASKS ? [] : Object.entries(memory).filter(([, one]) => !(growth(one) <= MAX_GROWTH));
for (const [name, { second, last }] of grown)
  say(`the memory of a ${name} grew from ${Math.round(second)} MB to ${Math.round(last)} MB, over ${MAX_GROWTH} times`);
process.stdout.write(readable(result, verdict));
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = verdict.problems.length === 0 && grown.length === 0 ? 0 : 1;
