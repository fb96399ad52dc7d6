// Write units as DynamoDB counts them: a proxy asks for ConsumedCapacity in each request and adds up what the answers say.
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

const READS = new Set(["DynamoDB_20120810.GetItem", "DynamoDB_20120810.BatchGetItem", "DynamoDB_20120810.Query"]);

export interface Meter extends AsyncDisposable {
  readonly endpoint: string;
  readonly units: number;
}

/** `target` is DynamoDB's endpoint. */
export async function startMeter(target: string): Promise<Meter> {
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
