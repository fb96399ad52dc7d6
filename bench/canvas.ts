// npm run bench -- canvas [--members N] [--quick] [--json]     What workflows cost, on one local stack, beside the SDK by hand:
//
//   publishing   a group whose members are a stream, and as many messages sent by hand; how much the process grows by it
//   counting     write units of a chord's member, beyond those that the same task costs alone
//   first wave   bytes of all messages that a chain of four chords of ten sends when it is called
import { chain, chord, group } from "../lib/canvas.ts";
import { systemClock } from "../lib/clock.ts";
import { createApp, onFargate } from "../lib/index.ts";
import { silentLogger } from "../lib/log.ts";
import { MemoryBroker } from "../lib/memory/broker.ts";
import { MemoryJoinStore } from "../lib/memory/join-store.ts";
import { MemoryResultStore } from "../lib/memory/result-store.ts";
import type { OutgoingMessage } from "../lib/ports/broker.ts";
import { deadLetterQueueName, queueName } from "../lib/store/table.ts";
import { startWorker } from "../lib/worker/worker.ts";
import { APP, IN_HAND, VISIBILITY_SECONDS, WAIT_SECONDS, WORKLOAD } from "./contestant.ts";
import { startMeter } from "./meter.ts";
import { raw } from "./raw.ts";

export interface CanvasFigures {
  readonly group_publish_per_s: number;
  readonly raw_publish_per_s: number;
  readonly chord_wcu_per_member: number;
  readonly first_wave_bytes: number;
  readonly members: number;
  /** While the group was published: its highest RSS over that before. */
  readonly rss_growth_mb: number;
}

const MB = 1_048_576;
const SAMPLE_MS = 100;

/** `counted`: members of the smaller one of two chords. The environment names the stack to the SDK. */
export async function canvasFigures(members: number, counted: number, dynamodb: string): Promise<CanvasFigures> {
  const chord_wcu_per_member = await counting(counted, dynamodb); // first: what is published below is never consumed
  return {
    ...(await publishing(members)),
    raw_publish_per_s: await byHand(members),
    chord_wcu_per_member,
    first_wave_bytes: await firstWave(),
    members,
  };
}

function appWithTasks() {
  const workload = onFargate({ work: "io", concurrency: IN_HAND, visibilityTimeout: `${VISIBILITY_SECONDS}s` });
  const app = createApp(APP, { workloads: { [WORKLOAD]: workload }, logger: silentLogger });
  const add = app.task("add", (x: number, y: number) => x + y);
  const size = app.task("size", async (all: readonly number[]) => all.length);
  return { app, add, size };
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return count / (Number(process.hrtime.bigint() - began) / 1e9);
}

async function publishing(members: number) {
  const { app, add } = appWithTasks();
  async function* stream(count: number) {
    for (let i = 0; i < count; i++) yield add.s(i, 1);
  }
  await group(stream(1_000)).delay(); // connections, compiled code
  const before = process.memoryUsage.rss();
  let highest = before;
  const sampler = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, SAMPLE_MS);
  const speed = await perSecond(members, () => group(stream(members)).delay());
  clearInterval(sampler);
  await app.close();
  return { group_publish_per_s: speed, rss_growth_mb: (highest - before) / MB };
}

async function byHand(members: number): Promise<number> {
  await using contestant = await raw();
  return await perSecond(members, () => contestant.send(members));
}

/** What twice as many cost more, less what the members cost alone: what every canvas costs once is in neither. */
async function counting(members: number, endpoint: string): Promise<number> {
  await using meter = await startMeter(endpoint);
  const name = "AWS_ENDPOINT_URL_DYNAMODB";
  Object.assign(process.env, { [name]: meter.endpoint });
  const { app, add, size } = appWithTasks();
  const worker = await startWorker(app, { waitSeconds: WAIT_SECONDS, deadLetters: false });
  try {
    const spent = async (work: () => Promise<unknown>) => {
      const before = meter.units;
      await work();
      return meter.units - before;
    };
    const header = (count: number) => Array.from({ length: count }, (_, i) => add.s(i, 1));
    const inChord = async (count: number) => {
      const counted = await (await chord(header(count), size.s()).delay()).get({ timeout: "10m" });
      if (counted !== count) throw new Error(`the body of a chord of ${count} was handed ${counted} results`);
    };
    const alone = async (count: number) => {
      const results = await Promise.all(header(count).map((one) => one.delay()));
      for (const result of results) await result.get({ timeout: "10m" });
    };
    const perMember = async (work: (count: number) => Promise<void>) => {
      const once = await spent(() => work(members));
      return ((await spent(() => work(2 * members))) - once) / members;
    };
    return (await perMember(inChord)) - (await perMember(alone));
  } finally {
    await worker.stop();
    await app.close();
    Object.assign(process.env, { [name]: endpoint });
  }
}

/** Celery's messages carry the whole rest of the workflow each: 302 KB (measured with 5.6). */
export async function firstWave(): Promise<number> {
  const clock = systemClock;
  const memory = new MemoryBroker(clock, [
    { name: queueName(APP, WORKLOAD), deadLetter: deadLetterQueueName(APP, WORKLOAD) },
    { name: deadLetterQueueName(APP, WORKLOAD) },
  ]);
  let bytes = 0;
  const broker = Object.assign(Object.create(memory) as MemoryBroker, {
    send: async (_: string, { body }: OutgoingMessage) => {
      bytes += Buffer.byteLength(body);
    },
  });
  const store = new MemoryResultStore({ clock });
  const joins = new MemoryJoinStore({ clock, records: store });
  const where = async () => ({ broker: "memory", store: "memory" });
  const app = createApp(APP, { connect: async () => ({ broker, store, joins: async () => joins, where }) });
  const add = app.task("add", (x: number, y: number) => x + y);
  const sum = app.task("sum", (all: readonly number[]) => all.reduce((one, other) => one + other, 0));
  const ten = <S>(one: (i: number) => S) => Array.from({ length: 10 }, (_, i) => one(i));
  const next = () => chord(group(ten((i) => add.s(i))), sum.s());
  const first = chord(group(ten((i) => add.s(i, i))), sum.s());
  await chain(first, next(), next(), next()).delay();
  await app.close();
  return bytes;
}
