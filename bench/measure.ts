// What one phase of a benchmark costs: time, this process's CPU, and requests to AWS, seen where they leave the process.
import { type Channel, channel } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";

export interface Cost {
  readonly seconds: number;
  /** User and system time of this process. The emulators run in another one. */
  readonly cpuUs: number;
  readonly sqsCalls: number;
  readonly ddbCalls: number;
}

const calls = { sqs: 0, ddb: 0 };

/** Node publishes every request it starts, repetitions by the SDK included. */
const requests: Channel = channel("http.client.request.start");

export function countRequests(): void {
  requests.subscribe((message) => {
    const { request } = message as { request: ClientRequest }; // as Node documents it
    const target = String(request.getHeader("x-amz-target"));
    if (target.startsWith("AmazonSQS.")) calls.sqs++;
    else if (target.startsWith("DynamoDB_")) calls.ddb++;
  });
}

export async function measure(work: () => Promise<void>): Promise<Cost> {
  const before = { ...calls };
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint();
  await work();
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuUs: user + system, sqsCalls: calls.sqs - before.sqs, ddbCalls: calls.ddb - before.ddb };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = low] =
    sorted.length % 2 === 1 ? [sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
}
