import type { Clock } from "../clock.ts";
import type { Backends } from "../connection.ts";
import { readQueueUrlBase } from "../environment.ts";
import type { PayloadSettings } from "../payloads.ts";
import type { JoinStore } from "../ports/join-store.ts";
import { tableName } from "../store/table.ts";
import { OnDemandStore } from "./on-demand-store.ts";
import { S3PayloadStore } from "./s3-payload-store.ts";
import { SqsBroker } from "./sqs-broker.ts";
import { joinStore } from "./worker-parts.ts";

/**
 * SQS, DynamoDB and S3 as the AWS SDK finds them: AWS_REGION, profiles, AWS_ENDPOINT_URL_*. Nothing is opened yet. Throws
 * InvalidOption.
 */
export function awsBackends(app: string, clock: Clock, settings: PayloadSettings | undefined): Backends {
  const queueUrlBase = readQueueUrlBase();
  const broker = new SqsBroker({ clock, ...(queueUrlBase !== undefined && { queueUrlBase }) });
  const store = new OnDemandStore(async () => {
    const { DynamoResultStore } = await import("./dynamo-result-store.ts");
    return new DynamoResultStore({ table: tableName(app), clock });
  });
  let joins: Promise<JoinStore> | undefined;
  const openJoins = async () => {
    const { DynamoJoinStore } = await joinStore();
    return new DynamoJoinStore({ table: tableName(app), clock });
  };
  const payloads = settings && new S3PayloadStore({ bucket: settings.bucket, app, clock });
  return {
    broker,
    store,
    ...(payloads && { payloads }),
    joins: () => {
      joins ??= openJoins();
      return joins;
    },
    close: async () => (await joins)?.close(),
    load: () => store.load(),
    where: async () => ({
      broker: await broker.where(),
      store: await store.where(),
      ...(payloads && { payloads: await payloads.where() }),
    }),
  };
}
