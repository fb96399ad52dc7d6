// The tables of the local stack: store/table.ts, with its time to live switched on. One that an older version left in a data
// directory gets the indexes it lacks.
import { systemClock } from "../clock.ts";
import { StartupFailed } from "../errors.ts";
import { tableDefinition, timeToLiveDefinition } from "../store/table.ts";
import { type AwsRequest, demand, refused, send } from "./aws-request.ts";

const ACTIVE_WITHIN_MS = 10_000;
const POLL_MS = 50;

export async function createTables(endpoint: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await createTable(endpoint, name);
    await untilActive(endpoint, name);
    await enableTimeToLive(endpoint, name);
  }
}

async function createTable(endpoint: string, name: string): Promise<void> {
  const request = dynamodb("CreateTable", tableDefinition(name));
  const answer = await send(endpoint, request);
  if (answer.error === undefined) return;
  if (answer.error !== "ResourceInUseException") throw refused(endpoint, request, answer);
  await createIndexes(endpoint, name);
}

async function createIndexes(endpoint: string, name: string): Promise<void> {
  const { AttributeDefinitions, GlobalSecondaryIndexes } = tableDefinition(name);
  const { Table } = await demand(endpoint, dynamodb("DescribeTable", { TableName: name }));
  const found = (Table as { GlobalSecondaryIndexes?: readonly { IndexName: string }[] }).GlobalSecondaryIndexes ?? []; // the shape DynamoDB documents
  for (const index of GlobalSecondaryIndexes) {
    if (found.some(({ IndexName }) => IndexName === index.IndexName)) continue;
    const GlobalSecondaryIndexUpdates = [{ Create: index }]; // DynamoDB takes one at a time
    await demand(
      endpoint,
      dynamodb("UpdateTable", { TableName: name, AttributeDefinitions, GlobalSecondaryIndexUpdates }),
    );
  }
}

async function untilActive(endpoint: string, name: string): Promise<void> {
  const start = systemClock.monotonic();
  for (;;) {
    const { Table } = await demand(endpoint, dynamodb("DescribeTable", { TableName: name }));
    const status = (Table as { TableStatus?: string } | undefined)?.TableStatus; // the shape DynamoDB documents
    if (status === "ACTIVE") return;
    if (systemClock.monotonic() - start > ACTIVE_WITHIN_MS) {
      throw new StartupFailed(`table "${name}" at ${endpoint} is still ${status} after ${ACTIVE_WITHIN_MS / 1_000} s`);
    }
    await systemClock.sleep(POLL_MS);
  }
}

/** DynamoDB refuses to enable what is enabled, so it is asked first. */
async function enableTimeToLive(endpoint: string, name: string): Promise<void> {
  const { TimeToLiveDescription: found } = await demand(endpoint, dynamodb("DescribeTimeToLive", { TableName: name }));
  const status = (found as { TimeToLiveStatus?: string } | undefined)?.TimeToLiveStatus; // the shape DynamoDB documents
  if (status === "ENABLED" || status === "ENABLING") return;
  await demand(endpoint, dynamodb("UpdateTimeToLive", timeToLiveDefinition(name)));
}

function dynamodb(action: string, input: object): AwsRequest {
  return { service: "dynamodb", action, input };
}
