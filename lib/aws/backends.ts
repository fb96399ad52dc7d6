import type { Clock } from "../clock.ts";
import type { Backends } from "../connection.ts";
import { tableName } from "../store/table.ts";
import { dynamoClients, sqsClients, whereIs } from "./clients.ts";
import { DynamoResultStore } from "./dynamo-result-store.ts";
import { SqsBroker } from "./sqs-broker.ts";

/** SQS and DynamoDB as the AWS SDK finds them: AWS_REGION, profiles, AWS_ENDPOINT_URL_*. Nothing is opened yet. */
export function awsBackends(app: string, clock: Clock): Backends {
  return {
    broker: new SqsBroker({ clock }),
    store: new DynamoResultStore({ table: tableName(app), clock }),
    where: async () => {
      const sqs = sqsClients({});
      const dynamodb = dynamoClients({});
      try {
        return { broker: await whereIs("SQS", sqs.requests), store: await whereIs("DynamoDB", dynamodb.client) };
      } finally {
        sqs.destroy();
        dynamodb.destroy();
      }
    },
  };
}
