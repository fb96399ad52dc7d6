// Reads the app's table and its queues directly, past the library: what AWS itself would answer.
import { type AttributeValue, DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";

/** What the report needs of a task's item. */
export interface TaskItem {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  /** Retries it has had. */
  readonly attempt: number;
  /** Claims made: 1 where it was neither retried nor run again. */
  readonly runs: number;
  /** Class name of the error that ended it, or was the last to have it retried. */
  readonly failure: string | undefined;
}

export const ENDED: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED"]);

export async function scanTasks(table: string): Promise<readonly TaskItem[]> {
  const client = new DynamoDBClient({});
  const items: TaskItem[] = [];
  try {
    const pages = paginateScan({ client, pageSize: 100 }, { TableName: table, Limit: 100, ConsistentRead: true });
    for await (const page of pages) items.push(...(page.Items ?? []).map(toTaskItem));
    return items;
  } finally {
    client.destroy();
  }
}

function toTaskItem(item: Record<string, AttributeValue>): TaskItem {
  return {
    id: item.id?.S ?? "",
    task: item.task?.S ?? "",
    state: item.state?.S ?? "",
    attempt: Number(item.attempt?.N ?? 0),
    runs: Number(item.runs?.N ?? 0),
    failure: item.failure?.S === undefined ? undefined : JSON.parse(item.failure.S).type,
  };
}

/** Messages on a queue: waiting, delayed and in flight. */
export async function depth(queue: string): Promise<number> {
  const client = new SQSClient({});
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: queue }));
    const counts = [
      "ApproximateNumberOfMessages",
      "ApproximateNumberOfMessagesDelayed",
      "ApproximateNumberOfMessagesNotVisible",
    ] as const;
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...counts] }));
    return counts.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
  } finally {
    client.destroy();
  }
}
