// Write units per task, as DynamoDB counts them. The requests pass a proxy that asks for ConsumedCapacity and adds up what the
// answers say; nobody measures time meanwhile.
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Contestant } from "./contestant.ts";
import { lovage } from "./lovage.ts";
import { raw } from "./raw.ts";

const READS = new Set(["DynamoDB_20120810.GetItem", "DynamoDB_20120810.Query"]);

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

interface Meter extends AsyncDisposable {
  readonly endpoint: string;
  readonly units: number;
}

async function startMeter(target: string): Promise<Meter> {
  let units = 0;
  const server = createServer(async (incoming, outgoing) => {
    const operation = String(incoming.headers["x-amz-target"]);
    const { status, body } = await forward(target, incoming);
    if (!READS.has(operation)) units += unitsIn(body);
    outgoing.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get units() {
      return units;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function forward(target: string, incoming: IncomingMessage): Promise<{ status: number; body: Buffer }> {
  const asked = JSON.parse((await buffer(incoming)).toString()) as object; // every DynamoDB request is a JSON object
  const body = JSON.stringify({ ...asked, ReturnConsumedCapacity: "TOTAL" });
  const headers = { ...incoming.headers, "content-length": String(Buffer.byteLength(body)) };
  const outgoing = request(target, { method: "POST", headers });
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>; // what "response" carries
  outgoing.end(body);
  const [response] = await answered;
  return { status: response.statusCode ?? 502, body: await buffer(response) };
}

/** One table's, or a list of them where the answer is a batch's. A refusal says nothing, and costs a unit as well. */
function unitsIn(body: Buffer): number {
  const { ConsumedCapacity = { CapacityUnits: 1 } } = JSON.parse(body.toString()) as {
    ConsumedCapacity?: { CapacityUnits: number } | { CapacityUnits: number }[];
  }; // as DynamoDB documents it
  return [ConsumedCapacity].flat().reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0);
}
