// DynamoDB through the SDK: one strongly consistent GetItem for a read, one conditional UpdateItem for a write.
//
// The SDK repeats a request whose answer was lost. A write that had arrived is then refused, and `existing.token` is the
// writer's own: the caller must know that, so it is not hidden here.
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { type Clock, systemClock } from "../clock.ts";
import type { Change } from "../core/changes.ts";
import { LovageError } from "../errors.ts";
import type { ResultStore, WriteAnswer } from "../ports/result-store.ts";
import type { FailureQuery, FailureSummary } from "../store/failures.ts";
import type { TaskRecord } from "../store/record.ts";
import { TABLE } from "../store/table.ts";
import { unbundled } from "../unbundled.ts";
import type { BatchWrites } from "./batch-writes.ts";
import { whereIs } from "./clients.ts";
import { mayCreate, toOverwrite, toUpdate, type Update } from "./conditions.ts";
import { type DynamoClientOptions, type DynamoClients, dynamoClients } from "./dynamo-clients.ts";
import { type Item, itemBytes, toWholeRecord } from "./record-item.ts";
import { type DynamoCall, toStoreError } from "./to-error.ts";
import { batchedWrites } from "./worker-parts.ts";

export interface DynamoResultStoreOptions extends DynamoClientOptions {
  readonly table: string;
  /** Claims and endings made at the same time share a request. `false`: each write is a request of its own. @default true */
  readonly batchWrites?: boolean;
  /** @default - the system's */
  readonly clock?: Clock;
}

/** In a variable, so that bundlers leave it out: failures are listed by people, with the command line. */
const FAILURES_INDEX: string = "./failures-index.ts";

async function failuresIndex(): Promise<typeof import("./failures-index.ts")> {
  return unbundled(
    () => import(FAILURES_INDEX),
    "failures are listed by the installed package, and are no part of bundles; use lovage failures",
  );
}

/** Nothing is ever written under this id. */
const NO_TASK = "-";

export class DynamoResultStore implements ResultStore {
  readonly #table: string;
  readonly #clock: Clock;
  readonly #clients: DynamoClients;
  readonly #batchWrites: boolean;
  /** From the first claim on: who never claims, as who only sends, loads none of it. */
  #batches: Promise<BatchWrites | undefined> | undefined;

  constructor({ table, batchWrites = true, clock = systemClock, ...options }: DynamoResultStoreOptions) {
    this.#table = table;
    this.#clock = clock;
    this.#clients = dynamoClients(options);
    this.#batchWrites = batchWrites;
  }

  get #client(): DynamoDBClient {
    return this.#clients.client;
  }

  async read(id: string): Promise<TaskRecord | undefined> {
    const command = new GetItemCommand({ TableName: this.#table, Key: keyOf(id), ConsistentRead: true });
    try {
      const { Item } = await this.#client.send(command);
      return Item && unlessExpired(toWholeRecord(Item), this.#clock.now());
    } catch (cause) {
      throw await this.#translate(cause, "GetItem");
    }
  }

  async write(change: Change): Promise<WriteAnswer> {
    const alone = (single: Change) => this.#writeAlone(single);
    if (this.#batchWrites && change.kind === "claim") this.#batches ??= this.#startBatches();
    return (await this.#batches)?.write(change, alone) ?? alone(change);
  }

  /** Undefined where a bundle has none: single writes do the same, one by one. */
  async #startBatches(): Promise<BatchWrites | undefined> {
    const part = await batchedWrites().catch(() => undefined);
    return part?.batchedWrites(this.#table, () => this.#client, this.#clock);
  }

  async #writeAlone(change: Change): Promise<WriteAnswer> {
    const now = this.#clock.now();
    const answer = await this.#update(change, toUpdate(change, now));
    if (answer.applied || answer.existing === undefined || unlessExpired(answer.existing, now)) return answer;
    // What refused is a leftover: as good as no record at all.
    if (!mayCreate(change)) return { applied: false, existing: undefined };
    return await this.#update(change, toOverwrite(change, now));
  }

  async *failures(query: FailureQuery): AsyncGenerator<FailureSummary> {
    const now = this.#clock.now();
    const { failurePage, mergedFailures } = await failuresIndex();
    yield* mergedFailures(query, now, async (partition, after) => {
      try {
        return await failurePage(this.#client, { table: this.#table, partition, query, now, after });
      } catch (cause) {
        throw await this.#translate(cause, "Query", { index: TABLE.failures.index });
      }
    });
  }

  /** The endpoint or region it talks to, for people. */
  where(): Promise<string> {
    return whereIs("DynamoDB", this.#client);
  }

  /** Reads and writes nothing, with the very permissions a worker needs. */
  async check(): Promise<void> {
    await this.read(NO_TASK);
    const never: Update = {
      ConditionExpression: "attribute_exists(#id) AND attribute_not_exists(#id)",
      UpdateExpression: "REMOVE #none",
      ExpressionAttributeNames: { "#id": TABLE.key, "#none": "none" },
      ExpressionAttributeValues: {},
    };
    await this.#update({ kind: "forget", id: NO_TASK, when: [], set: {} }, never);
  }

  async close(): Promise<void> {
    this.#clients.destroy();
  }

  async #update(change: Change, { ExpressionAttributeValues: values, ...update }: Update): Promise<WriteAnswer> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: keyOf(change.id),
      ...update,
      ...(isEmpty(values) ? {} : { ExpressionAttributeValues: values }),
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      const { Attributes = {} } = await this.#client.send(command);
      return { applied: true, record: toWholeRecord(Attributes) };
    } catch (cause) {
      if (cause instanceof ConditionalCheckFailedException) {
        return { applied: false, existing: cause.Item && toWholeRecord(cause.Item) };
      }
      throw await this.#translate(cause, "UpdateItem", {
        item: { task: change.set.task ?? change.id, bytes: itemBytes(values) },
      });
    }
  }

  async #translate(cause: unknown, action: string, what: Pick<DynamoCall, "index" | "item"> = {}): Promise<Error> {
    if (cause instanceof LovageError) return cause; // what was answered cannot be read: another try would end the same way
    const where = await this.where();
    return toStoreError(cause, { table: this.#table, action, where, ...what });
  }
}

function keyOf(id: string): Item {
  return { [TABLE.key]: { S: id } };
}

function isEmpty(values: Item): boolean {
  for (const _ in values) return false;
  return true;
}

function unlessExpired(record: TaskRecord, now: number): TaskRecord | undefined {
  return record.expiresAt !== undefined && record.expiresAt <= now ? undefined : record;
}
