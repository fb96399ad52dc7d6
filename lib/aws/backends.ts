import type { Clock } from "../clock.ts";
import type { Backends } from "../connection.ts";
import { tableName } from "../store/table.ts";
import { DynamoResultStore } from "./dynamo-result-store.ts";
import { SqsBroker } from "./sqs-broker.ts";

/** SQS and DynamoDB as the AWS SDK finds them: AWS_REGION, profiles, AWS_ENDPOINT_URL_*. Nothing is opened yet. */
export function awsBackends(app: string, clock: Clock): Backends {
  const broker = new SqsBroker({ clock });
  const store = new DynamoResultStore({ table: tableName(app), clock });
  return { broker, store, where: async () => ({ broker: await broker.where(), store: await store.where() }) };
}
