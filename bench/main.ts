// npm run bench [-- --quick] [-- --json]
//
// Sends and consumes trivial tasks through Lovage and through a loop written by hand with the SDK, in turns, on one local
// stack, and reports medians. Both share the machine with the emulators, which are the bottleneck: compare the columns of
// one run, and read requests and CPU time as what they are. Tasks per second say nothing about AWS.
import { startLocalStack } from "../lib/local/stack.ts";
import { deadLetterQueueName, queueName } from "../lib/store/table.ts";
import { APP, type Contestant, MAX_RECEIVE_COUNT, RAW_QUEUE, VISIBILITY_SECONDS, WORKLOAD } from "./contestant.ts";
import { lovage } from "./lovage.ts";
import { countRequests, measure, median } from "./measure.ts";
import { raw } from "./raw.ts";

const FIELDS = [
  "send_per_s",
  "consume_per_s",
  "cpu_us_per_send",
  "cpu_us_per_task",
  "sqs_calls_per_task",
  "ddb_calls_per_task",
] as const;
type Figures = Record<(typeof FIELDS)[number], number>;

const MEANINGS: Readonly<Record<(typeof FIELDS)[number], string>> = {
  send_per_s: "tasks sent per second",
  consume_per_s: "tasks consumed per second",
  cpu_us_per_send: "CPU µs to send one",
  cpu_us_per_task: "CPU µs to consume one",
  sqs_calls_per_task: "SQS requests per task, sending included",
  ddb_calls_per_task: "DynamoDB requests per task",
};

const quick = process.argv.includes("--quick");
const json = process.argv.includes("--json");
const plan = quick ? { rounds: 1, tasks: 500, warmUp: 200 } : { rounds: 5, tasks: 2_000, warmUp: 1_000 };

async function round(contestant: Contestant, tasks: number): Promise<Figures> {
  const sent = await measure(() => contestant.send(tasks));
  const consumer = await contestant.consumer(tasks);
  const consumed = await measure(() => consumer.run());
  await consumer.stop();
  return {
    send_per_s: tasks / sent.seconds,
    consume_per_s: tasks / consumed.seconds,
    cpu_us_per_send: sent.cpuUs / tasks,
    cpu_us_per_task: consumed.cpuUs / tasks,
    sqs_calls_per_task: (sent.sqsCalls + consumed.sqsCalls) / tasks,
    ddb_calls_per_task: (sent.ddbCalls + consumed.ddbCalls) / tasks,
  };
}

/** The median of each field, to four digits. */
function medians(rounds: readonly Figures[]): Figures {
  const entries = FIELDS.map((field) => [
    field,
    Number(median(rounds.map((figures) => figures[field])).toPrecision(4)),
  ]);
  return Object.fromEntries(entries) as Figures; // one entry for each field
}

const queue = (name: string, deadLetter: string) => ({
  name,
  deadLetter,
  visibilitySeconds: VISIBILITY_SECONDS,
  maxReceiveCount: MAX_RECEIVE_COUNT,
});

await using stack = await startLocalStack({
  tables: [APP],
  queues: [queue(queueName(APP, WORKLOAD), deadLetterQueueName(APP, WORKLOAD)), queue(RAW_QUEUE, `${RAW_QUEUE}-dead`)],
});
Object.assign(process.env, stack.environment);
countRequests();

const figures: { lovage: Figures[]; raw: Figures[] } = { lovage: [], raw: [] };
{
  await using ours = lovage();
  await using theirs = await raw();
  const contestants = { lovage: ours, raw: theirs };
  for (const contestant of Object.values(contestants)) await round(contestant, plan.warmUp);
  for (let i = 0; i < plan.rounds; i++) {
    // Who goes first has the emptier table, and leaves its garbage to the other.
    const order = i % 2 === 0 ? (["lovage", "raw"] as const) : (["raw", "lovage"] as const);
    for (const name of order) figures[name].push(await round(contestants[name], plan.tasks));
  }
}

const result = { lovage: medians(figures.lovage), raw: medians(figures.raw) };

const columns = (cells: readonly string[]) =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(42) : cell.padStart(10))).join("");
const lines = [
  `${plan.tasks} tasks, median of ${plan.rounds} ${plan.rounds === 1 ? "round" : "rounds"}, local stack, Node ${process.version}`,
  columns(["", "lovage", "raw SDK", "ratio"]),
  ...FIELDS.map((field) => {
    const [ours, theirs] = [result.lovage[field], result.raw[field]];
    return columns([MEANINGS[field], String(ours), String(theirs), (ours / theirs).toFixed(2)]);
  }),
];
process.stdout.write(`${lines.join("\n")}\n`);
if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
