// What one would write by hand with the SDK, for speed: send in tens, receive in tens, claim and finish by two conditional
// updates, delete in tens. No retries, no time limits, no heartbeats. Its clients have what a careful hand sets: connections
// kept alive, no MD5 of bodies that TLS protects.
import { randomUUID } from "node:crypto";
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import {
  APP,
  type Contestant,
  IN_HAND,
  RAW_QUEUE,
  SENDS_AT_ONCE,
  VISIBILITY_SECONDS,
  WAIT_SECONDS,
} from "./contestant.ts";

interface RawTask {
  readonly id: string;
  readonly args: readonly [number, number];
}

const TEN = 10;
const SOCKETS = 64;
const RECORD_SECONDS = 15 * 86_400;

export async function raw(): Promise<Contestant> {
  const connections = () => ({ httpAgent: { keepAlive: true, maxSockets: SOCKETS } });
  const sqs = new SQSClient({ requestHandler: connections(), md5: false });
  const polls = new SQSClient({ requestHandler: connections(), md5: false });
  const dynamodb = new DynamoDBClient({ requestHandler: connections() });
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: RAW_QUEUE }));
  let last = "";

  async function sendTen(from: number, count: number): Promise<void> {
    const Entries = Array.from({ length: count }, (_, i) => {
      const task: RawTask = { id: randomUUID(), args: [from + i, 1] };
      last = task.id;
      return { Id: String(i), MessageBody: JSON.stringify(task) };
    });
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`not sent: ${Failed[0]?.Message}`);
  }

  async function process({ Body = "" }: Message): Promise<void> {
    const { id, args } = JSON.parse(Body) as RawTask; // sent above
    const token = randomUUID();
    const now = Date.now();
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: APP,
        Key: { id: { S: id } },
        ConditionExpression: "attribute_not_exists(id)",
        UpdateExpression: "SET #state = :started, #token = :token, started_at = :now, lease_until = :lease",
        ExpressionAttributeNames: { "#state": "state", "#token": "token" },
        ExpressionAttributeValues: {
          ":started": { S: "STARTED" },
          ":token": { S: token },
          ":now": { N: String(now) },
          ":lease": { N: String(now + VISIBILITY_SECONDS * 1_000) },
        },
      }),
    );
    const result = args[0] + args[1];
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: APP,
        Key: { id: { S: id } },
        ConditionExpression: "#token = :token AND #state = :started",
        UpdateExpression: "SET #state = :success, #result = :result, ended_at = :now, expires_at = :expires",
        ExpressionAttributeNames: { "#state": "state", "#token": "token", "#result": "result" },
        ExpressionAttributeValues: {
          ":started": { S: "STARTED" },
          ":success": { S: "SUCCESS" },
          ":token": { S: token },
          ":result": { S: JSON.stringify(result) },
          ":now": { N: String(Date.now()) },
          ":expires": { N: String(Math.ceil(Date.now() / 1_000) + RECORD_SECONDS) },
        },
      }),
    );
  }

  async function processTen(messages: readonly Message[]): Promise<number> {
    await Promise.all(messages.map(process));
    const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
    const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`not deleted: ${Failed[0]?.Message}`);
    return messages.length;
  }

  async function consume(count: number): Promise<void> {
    const underWay = new Set<Promise<void>>();
    let inHand = 0;
    let received = 0;
    while (received < count) {
      if (inHand > IN_HAND - TEN) {
        await Promise.race(underWay);
        continue;
      }
      const { Messages = [] } = await polls.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: TEN,
          WaitTimeSeconds: WAIT_SECONDS,
          VisibilityTimeout: VISIBILITY_SECONDS,
          MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
        }),
      );
      if (Messages.length === 0) continue;
      received += Messages.length;
      inHand += Messages.length;
      const ten = processTen(Messages).then((done) => {
        inHand -= done;
        underWay.delete(ten);
      });
      underWay.add(ten);
    }
    await Promise.all(underWay);
  }

  return {
    send: async (count) => {
      let next = 0;
      const sender = async () => {
        for (let from = next; from < count; from = next) {
          next += TEN;
          await sendTen(from, Math.min(TEN, count - from));
        }
      };
      await Promise.all(Array.from({ length: SENDS_AT_ONCE }, sender));
    },
    consumer: async (count) => ({
      run: () => consume(count),
      stop: async () => {
        const { Item } = await dynamodb.send(
          new GetItemCommand({ TableName: APP, Key: { id: { S: last } }, ConsistentRead: true }),
        );
        if (Item?.state?.S !== "SUCCESS") throw new Error("a task that ran has no result");
      },
    }),
    [Symbol.asyncDispose]: async () => {
      sqs.destroy();
      polls.destroy();
      dynamodb.destroy();
    },
  };
}
