// THE table: one DynamoDB table per app, named after it, holding one item per task. Pure: read by the store, by the local
// stack and by the CDK constructs, so that none of them can drift from the others.
//
//   id           S   partition key, the task id; no sort key, no stream
//   expires_at   N   epoch seconds, the time to live: DynamoDB removes the item some time after it
//
// Its one index, `failures`, is sparse: only a FAILURE has its partition key, so nothing else writes to it (store/failures.ts).
//
//   failed_on    S   partition key, the UTC day and a shard
//   ended_at     N   sort key, epoch ms
//
// Capacity is paid per request. Beside the table, an app has two queues for each workload:
//
//   <app>-<workload>        carries the tasks
//   <app>-<workload>-dead   its dead-letter queue
import { SQS } from "../defaults.ts";
import { InvalidOption } from "../errors.ts";

export const TABLE = {
  /** Partition key. */
  key: "id",
  keyType: "S",
  /** Time to live. */
  ttl: "expires_at",
  billingMode: "PAY_PER_REQUEST",
  failures: {
    index: "failures",
    key: "failed_on",
    keyType: "S",
    sort: "ended_at",
    sortType: "N",
  },
} as const;

/** In the index of failures beside the keys. A list shows these; the failure itself and the message stay in the table. */
export const PROJECTED = ["task", "workload", "attempt", "error_type", "error_message", "redrives", "expires_at"];

/** Input of CreateTable. A fresh value for each call: the SDK's types want mutable arrays. */
export interface TableDefinition {
  TableName: string;
  AttributeDefinitions: { AttributeName: string; AttributeType: "S" | "N" }[];
  KeySchema: { AttributeName: string; KeyType: "HASH" }[];
  GlobalSecondaryIndexes: IndexDefinition[];
  BillingMode: "PAY_PER_REQUEST";
}

export interface IndexDefinition {
  IndexName: string;
  KeySchema: { AttributeName: string; KeyType: "HASH" | "RANGE" }[];
  Projection: { ProjectionType: "INCLUDE"; NonKeyAttributes: string[] };
}

export function tableDefinition(name: string): TableDefinition {
  const { failures } = TABLE;
  return {
    TableName: name,
    AttributeDefinitions: [
      { AttributeName: TABLE.key, AttributeType: TABLE.keyType },
      { AttributeName: failures.key, AttributeType: failures.keyType },
      { AttributeName: failures.sort, AttributeType: failures.sortType },
    ],
    KeySchema: [{ AttributeName: TABLE.key, KeyType: "HASH" }],
    GlobalSecondaryIndexes: [
      {
        IndexName: failures.index,
        KeySchema: [
          { AttributeName: failures.key, KeyType: "HASH" },
          { AttributeName: failures.sort, KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: [...PROJECTED] },
      },
    ],
    BillingMode: TABLE.billingMode,
  };
}

/** Input of UpdateTimeToLive. */
export interface TimeToLiveDefinition {
  TableName: string;
  TimeToLiveSpecification: { AttributeName: string; Enabled: true };
}

export function timeToLiveDefinition(name: string): TimeToLiveDefinition {
  return { TableName: name, TimeToLiveSpecification: { AttributeName: TABLE.ttl, Enabled: true } };
}

const DEAD = "dead";
const NAME = /^[A-Za-z0-9_-]+$/;
/** DynamoDB takes no shorter table name. */
const MIN_APP_LENGTH = 3;
const MAX_LENGTH = SQS.maxQueueNameLength;

export function tableName(app: string): string {
  checkName("app", app, MIN_APP_LENGTH);
  return app;
}

export function queueName(app: string, workload: string): string {
  return deadLetterQueueName(app, workload).slice(0, -`-${DEAD}`.length);
}

export function deadLetterQueueName(app: string, workload: string): string {
  checkName("app", app, MIN_APP_LENGTH);
  checkName("workload", workload, 1);
  if (workload === DEAD || workload.endsWith(`-${DEAD}`)) {
    throw new InvalidOption(
      `workload name "${workload}" ends like the name of a dead-letter queue; end it in something other than "${DEAD}"`,
    );
  }
  const name = `${app}-${workload}-${DEAD}`;
  if (name.length > MAX_LENGTH) {
    throw new InvalidOption(
      `queue name "${name}" has ${name.length} characters, SQS allows ${MAX_LENGTH}; shorten the name of the app or of the workload`,
    );
  }
  return name;
}

function checkName(what: "app" | "workload", name: string, min: number): void {
  if (NAME.test(name) && name.length >= min && name.length <= MAX_LENGTH) return;
  throw new InvalidOption(
    `${what} name "${name}" is not allowed; use ${min} to ${MAX_LENGTH} letters, digits, hyphens and underscores`,
  );
}
