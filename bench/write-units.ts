// Write units per task, through a meter; nobody measures time meanwhile.
import type { Contestant } from "./contestant.ts";
import { lovage } from "./lovage.ts";
import { startMeter } from "./meter.ts";
import { raw } from "./raw.ts";

export interface WriteUnits {
  readonly lovage: number;
  readonly ignored: number;
  readonly raw: number;
}

/** `endpoint` is DynamoDB's; the environment names it to the SDK, too. */
export async function writeUnits(endpoint: string, tasks: number): Promise<WriteUnits> {
  await using meter = await startMeter(endpoint);
  const name = "AWS_ENDPOINT_URL_DYNAMODB";
  Object.assign(process.env, { [name]: meter.endpoint });
  try {
    const spent = async (contestant: Contestant, count: number) => {
      const before = meter.units;
      await contestant.send(count);
      const consumer = await contestant.consumer(count);
      await consumer.run();
      await consumer.stop();
      return meter.units - before;
    };
    // What twice as many cost more: a worker's start costs a unit too, when it tries whether it may write.
    const perTask = async (contestant: Contestant) => {
      await using disposed = contestant;
      const once = await spent(disposed, tasks);
      return ((await spent(disposed, 2 * tasks)) - once) / tasks;
    };
    return {
      lovage: await perTask(lovage()),
      ignored: await perTask(lovage({ ignoreResult: true })),
      raw: await perTask(await raw()),
    };
  } finally {
    Object.assign(process.env, { [name]: endpoint });
  }
}
