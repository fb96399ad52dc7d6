// npm run bench [-- lambda | canvas] [-- --quick] [-- --json] [-- --check]
//
// Lovage beside a loop written by hand with the SDK, in one run on one local stack. Both share the machine with the emulators,
// which are the bottleneck: compare the columns, and read requests, write units and CPU time as what they are. Tasks per second
// say nothing about AWS. --quick does everything once, on a small scale. --check compares with the targets (fields.ts) and
// exits 1 naming what was missed; of a quick run only what is the same in every run. `lambda` measures a function's cold start alone,
// `canvas` workflows (bench/canvas.ts; --members of the group that is published).
import { type LocalStack, startLocalStack } from "../lib/local/stack.ts";
import { deadLetterQueueName, queueName } from "../lib/store/table.ts";
import { bundles } from "./bundle.ts";
import { canvasFigures } from "./canvas.ts";
import { APP, MAX_RECEIVE_COUNT, RAW_QUEUE, VISIBILITY_SECONDS, WORKLOAD } from "./contestant.ts";
import { MEANINGS, missed, type Result, TARGETS } from "./fields.ts";
import { importMs } from "./import.ts";
import { coldStart } from "./lambda.ts";
import { latencyMs } from "./latency.ts";
import { countRequests } from "./measure.ts";
import { memoryMb } from "./memory.ts";
import { throughput } from "./throughput.ts";
import { writeUnits } from "./write-units.ts";

const quick = process.argv.includes("--quick");
const plan = quick
  ? {
      rounds: 1,
      tasks: 500,
      warmUp: 200,
      metered: 100,
      imports: 1,
      samples: 50,
      coldStarts: 1,
      memory: [500, 2_000] as const,
      members: 2_000,
    }
  : {
      rounds: 5,
      tasks: 2_000,
      warmUp: 1_000,
      metered: 1_000,
      imports: 9,
      samples: 500,
      coldStarts: 25,
      memory: [20_000, 200_000] as const,
      members: 100_000,
    };

const queue = (name: string, deadLetter: string) => ({
  name,
  deadLetter,
  visibilitySeconds: VISIBILITY_SECONDS,
  maxReceiveCount: MAX_RECEIVE_COUNT,
});

async function startStack(): Promise<LocalStack> {
  const stack = await startLocalStack({
    tables: [APP],
    queues: [
      queue(queueName(APP, WORKLOAD), deadLetterQueueName(APP, WORKLOAD)),
      queue(RAW_QUEUE, `${RAW_QUEUE}-dead`),
    ],
  });
  Object.assign(process.env, stack.environment);
  return stack;
}

async function measureAll(): Promise<Result> {
  const loaded = await importMs(plan.imports); // before the emulators are there to disturb it
  await using stack = await startStack();
  const cold = await coldStart(stack, plan.coldStarts);
  countRequests();
  const latency = await latencyMs(plan.samples);
  const { lovage, raw } = await throughput(plan);
  const units = await writeUnits(stack.dynamodbEndpoint, plan.metered);
  const bundle = await bundles();
  const none = { rssMb: Number.NaN, usedMb: Number.NaN };
  const [few = none, many = none] = await memoryMb(plan.memory);
  return {
    lovage: {
      ...lovage,
      ...cold.lovage,
      wcu_per_task: units.lovage,
      wcu_per_task_ignored: units.ignored,
      import_ms: loaded.lovage,
      latency_ms_p50: latency.p50,
      latency_ms_p99: latency.p99,
      bundle_kb: bundle.producer,
      bundle_worker_kb: bundle.worker,
      rss_mb_20k: few.rssMb,
      rss_mb_200k: many.rssMb,
      used_mb_20k: few.usedMb,
      used_mb_200k: many.usedMb,
      rss_tasks: plan.memory,
    },
    raw: { ...raw, ...cold.raw, wcu_per_task: units.raw, import_ms: loaded.raw },
  };
}

/** To four digits. */
const rounded = (value: number) => Number(value.toPrecision(4));
const columns = (cells: readonly string[]) =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(46) : cell.padStart(10))).join("");

type Row = keyof typeof MEANINGS;
type Rows = Readonly<Partial<Record<Row, number>>>;

function table(title: string, lovage: Rows, raw: Rows): string {
  const names = Object.keys(MEANINGS) as Row[]; // it has a line for each
  const lines = names.flatMap((name) => {
    const [ours, theirs] = [lovage[name], raw[name]];
    if (ours === undefined) return [];
    const both = theirs === undefined ? [] : [String(rounded(theirs)), (ours / theirs).toFixed(2)];
    return [columns([MEANINGS[name], String(rounded(ours)), ...both])];
  });
  return [title, columns(["", "lovage", "raw SDK", "ratio"]), ...lines].join("\n");
}

function print(title: string, result: { readonly lovage: Rows; readonly raw: Rows }): void {
  process.stdout.write(`${table(`${title}; local stack, Node ${process.version}`, result.lovage, result.raw)}\n`);
}

function printJson(result: object): void {
  const json = JSON.stringify(result, (_, value) => (typeof value === "number" ? rounded(value) : value));
  if (process.argv.includes("--json")) process.stdout.write(`${json}\n`);
}

if (process.argv.includes("canvas")) {
  await using stack = await startStack();
  const figures = await canvasFigures(numberAfter("--members") ?? plan.members, plan.metered, stack.dynamodbEndpoint);
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(24)}${rounded(value)}\n`);
  printJson(figures);
} else if (process.argv.includes("lambda")) {
  await using stack = await startStack();
  const cold = await coldStart(stack, plan.coldStarts);
  print(`median of ${plan.coldStarts} cold starts`, cold);
  printJson(cold);
} else {
  await benchmark();
}

function numberAfter(option: string): number | undefined {
  const at = process.argv.indexOf(option);
  return at < 0 ? undefined : Number(process.argv[at + 1]);
}

async function benchmark(): Promise<void> {
  const result = await measureAll();
  print(
    `${plan.tasks} tasks, median of ${plan.rounds}; memory after ${result.lovage.rss_tasks.join(" and ")} tasks`,
    result,
  );
  if (process.argv.includes("--check")) {
    const misses = missed(
      result,
      TARGETS.filter(({ deterministic }) => deterministic || !quick),
    );
    for (const miss of misses) process.stdout.write(`missed: ${miss}\n`);
    if (misses.length > 0) process.exitCode = 1;
  }
  printJson(result);
}
