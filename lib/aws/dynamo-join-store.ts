// Joins and definitions in DynamoDB: one conditional UpdateItem for a write, BatchGetItem for reads.
//
// The SDK repeats a request whose answer was lost, and every write here may be made twice: whichever of the two it answers for,
// the answer is the item.
import { ConditionalCheckFailedException, type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { type Clock, systemClock } from "../clock.ts";
import type { Count, Seal } from "../core/join.ts";
import { LovageError, StoreUnavailable, WorkflowLost } from "../errors.ts";
import type { JoinStore } from "../ports/join-store.ts";
import { type Definition, type DefinitionRef, definitionKeys, textOf } from "../store/definition.ts";
import { headKey, type JoinHead, type Place, type Shard, shardKey } from "../store/join.ts";
import type { TaskRecord } from "../store/record.ts";
import { TABLE } from "../store/table.ts";
import { workflowKey } from "../store/workflow.ts";
import { batchGet } from "./batch-get.ts";
import { whereIs } from "./clients.ts";
import { type DynamoClientOptions, type DynamoClients, dynamoClients } from "./dynamo-clients.ts";
import {
  checkpointWrite,
  completeWrite,
  countWrite,
  type ItemUpdate,
  isLive,
  type JoinWrite,
  openWrite,
  partWrite,
  sealHeadWrite,
  sealWrite,
  toHead,
  toShard,
  toText,
} from "./join-item.ts";
import { type Item, toRecord } from "./record-item.ts";
import { toStoreError } from "./to-error.ts";

export interface DynamoJoinStoreOptions extends DynamoClientOptions {
  readonly table: string;
  /** Shared with somebody who closes them. @default - its own, made from the other options */
  readonly clients?: DynamoClients;
  /** @default - the system's */
  readonly clock?: Clock;
}

interface Answer {
  readonly applied: boolean;
  /** After the write, or as it refused it. */
  readonly item: Item | undefined;
}

/** Writes over a leftover that another removes, or writes over, at the same time. */
const TRIES = 3;
/** Parts of a definition that are written at once. */
const LANES = 8;

export class DynamoJoinStore implements JoinStore {
  readonly #table: string;
  readonly #clock: Clock;
  readonly #clients: DynamoClients;
  readonly #shared: boolean;

  constructor({ table, clients, clock = systemClock, ...options }: DynamoJoinStoreOptions) {
    this.#table = table;
    this.#clock = clock;
    this.#clients = clients ?? dynamoClients(options);
    this.#shared = clients !== undefined;
  }

  get #client(): DynamoDBClient {
    return this.#clients.client;
  }

  async open(head: JoinHead): Promise<JoinHead> {
    return toHead(head.id, await this.#written(headKey(head.id), openWrite(head, this.#clock.now())));
  }

  async head(join: string): Promise<JoinHead | undefined> {
    const [item] = await this.#items([headKey(join)]);
    return item && toHead(join, item);
  }

  async checkpoint(join: string, published: number, at: number): Promise<void> {
    await this.#write(headKey(join), checkpointWrite(published, at, this.#clock.now()).update);
  }

  async sealHead(join: string, size: number): Promise<JoinHead | undefined> {
    const now = this.#clock.now();
    const { item } = await this.#write(headKey(join), sealHeadWrite(size, now).update);
    return item && isLive(item, now) ? toHead(join, item) : undefined;
  }

  async complete(join: string): Promise<void> {
    await this.#write(headKey(join), completeWrite(this.#clock.now()).update);
  }

  async count(join: string, count: Count): Promise<Shard> {
    return toShard(await this.#written(shardKey(join, count.place), countWrite(count, this.#clock.now())));
  }

  async sealShard(join: string, seal: Seal): Promise<Shard> {
    return toShard(await this.#written(shardKey(join, seal.place), sealWrite(seal, this.#clock.now())));
  }

  async shards(join: string, places: readonly Place[]): Promise<readonly (Shard | undefined)[]> {
    const items = await this.#items(places.map((place) => shardKey(join, place)));
    return items.map((item) => item && toShard(item));
  }

  async define({ ref, parts }: Definition): Promise<void> {
    const left = [...definitionKeys(ref).entries()];
    const lane = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, key] = next;
        await this.#write(key, partWrite(parts[index] ?? "", this.#clock.now()).update);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async definition(ref: DefinitionRef): Promise<string> {
    const items = await this.#items(definitionKeys(ref));
    const text = textOf(
      ref,
      items.map((item) => item && toText(item)),
    );
    if (text === undefined) throw new WorkflowLost(`definition ${ref.digest} of workflow ${ref.root}`);
    return text;
  }

  async keepWorkflow(id: string, text: string): Promise<void> {
    await this.#write(workflowKey(id), partWrite(text, this.#clock.now()).update);
  }

  async workflows(ids: readonly string[]): Promise<readonly (string | undefined)[]> {
    const items = await this.#items(ids.map(workflowKey));
    return items.map((item) => item && toText(item));
  }

  async records(ids: readonly string[]): Promise<readonly (TaskRecord | undefined)[]> {
    const items = await this.#items(ids);
    return items.map((item) => item && toRecord(item));
  }

  async close(): Promise<void> {
    if (!this.#shared) this.#clients.destroy();
  }

  /** What is at a key after a write that creates what is not there, whether it was this one or an earlier one like it. */
  async #written(key: string, { update, overwrite = update }: JoinWrite): Promise<Item> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { applied, item } = await this.#write(key, update);
      if (item !== undefined && (applied || isLive(item, this.#clock.now()))) return item;
      const over = await this.#write(key, overwrite);
      if (over.applied && over.item !== undefined) return over.item;
    }
    throw new StoreUnavailable(`what is left over at "${key}" in table "${this.#table}" changes all the time`);
  }

  async #write(key: string, update: ItemUpdate): Promise<Answer> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: { [TABLE.key]: { S: key } },
      ...update,
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      const { Attributes } = await this.#client.send(command);
      return { applied: true, item: Attributes };
    } catch (cause) {
      if (cause instanceof ConditionalCheckFailedException) return { applied: false, item: cause.Item };
      throw await this.#translate(cause, "UpdateItem");
    }
  }

  /** In the order of their keys, without leftovers. */
  async #items(keys: readonly string[]): Promise<readonly (Item | undefined)[]> {
    const now = this.#clock.now();
    try {
      const found = await batchGet(keys, { client: this.#client, table: this.#table, clock: this.#clock });
      return keys.map((key) => {
        const item = found.get(key);
        return item && isLive(item, now) ? item : undefined;
      });
    } catch (cause) {
      throw await this.#translate(cause, "BatchGetItem");
    }
  }

  async #translate(cause: unknown, action: string): Promise<Error> {
    if (cause instanceof LovageError) return cause;
    return toStoreError(cause, { table: this.#table, action, where: await whereIs("DynamoDB", this.#client) });
  }
}
