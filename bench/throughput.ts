// Sends and consumes trivial tasks through both contestants in turns, and takes the median of each figure.
import type { Contestant } from "./contestant.ts";
import type { Figures } from "./fields.ts";
import type { ColdStart } from "./lambda.ts";
import { lovage } from "./lovage.ts";
import { measure, median } from "./measure.ts";
import { raw } from "./raw.ts";

export type Throughput = Omit<Figures, "wcu_per_task" | "import_ms" | keyof ColdStart>;

export interface Plan {
  readonly rounds: number;
  readonly tasks: number;
  readonly warmUp: number;
}

export async function throughput({ rounds, tasks, warmUp }: Plan): Promise<{ lovage: Throughput; raw: Throughput }> {
  await using ours = lovage();
  await using theirs = await raw();
  const contestants = { lovage: ours, raw: theirs };
  const figures: { lovage: Throughput[]; raw: Throughput[] } = { lovage: [], raw: [] };
  for (const contestant of Object.values(contestants)) await round(contestant, warmUp);
  for (let i = 0; i < rounds; i++) {
    // Who goes first has the emptier table, and leaves its garbage to the other.
    const order = i % 2 === 0 ? (["lovage", "raw"] as const) : (["raw", "lovage"] as const);
    for (const name of order) figures[name].push(await round(contestants[name], tasks));
  }
  return { lovage: medians(figures.lovage), raw: medians(figures.raw) };
}

async function round(contestant: Contestant, tasks: number): Promise<Throughput> {
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

function medians(rounds: readonly Throughput[]): Throughput {
  const fields = Object.keys(rounds[0] ?? {}) as (keyof Throughput)[]; // what round() returns
  return Object.fromEntries(fields.map((field) => [field, median(rounds.map((one) => one[field]))])) as Throughput; // all of them
}
