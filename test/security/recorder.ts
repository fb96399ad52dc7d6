// What a program asks of AWS, as IAM sees it: a proxy in front of the local stack that notes the action and the resource of every
// request. Neither emulator checks a permission; the templates say what is granted, and granted-actions.test.ts compares the two.
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { LocalStack } from "../../lib/local/stack.ts";

/** An IAM action and the last part of the ARN it is asked of, such as "sqs:SendMessage duckling-default". */
export type Call = `${string}:${string} ${string}`;

export interface Recorder extends AsyncDisposable {
  readonly sqsEndpoint: string;
  readonly dynamodbEndpoint: string;
  readonly s3Endpoint: string;
  /** As a stack's, with these endpoints. */
  readonly environment: Readonly<Record<string, string>>;
  /** So far. */
  readonly calls: ReadonlySet<Call>;
}

/** AWS: "Actions, resources, and condition keys for Amazon SQS": a batch needs the action of its single request. */
const SQS_BATCHES: Readonly<Record<string, string>> = {
  SendMessageBatch: "SendMessage",
  DeleteMessageBatch: "DeleteMessage",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
};

/** DynamoDB: "IAM security policies with PartiQL for DynamoDB": an action for each kind of statement. */
const PARTIQL: Readonly<Record<string, string>> = {
  INSERT: "PartiQLInsert",
  UPDATE: "PartiQLUpdate",
  SELECT: "PartiQLSelect",
  DELETE: "PartiQLDelete",
};

const S3_METHODS: Readonly<Record<string, string>> = { GET: "GetObject", PUT: "PutObject", DELETE: "DeleteObject" };

export async function startRecorder(stack: LocalStack): Promise<Recorder> {
  const calls = new Set<Call>();
  const note = (found: readonly Call[]) => {
    for (const call of found) calls.add(call);
  };
  const [sqs, dynamodb] = await Promise.all([
    startProxy(stack.sqsEndpoint, (asked) => note(asked.target === undefined ? s3Calls(asked) : sqsCalls(asked))),
    startProxy(stack.dynamodbEndpoint, (asked) => note(dynamodbCalls(asked))),
  ]);
  const environment = Object.fromEntries(
    Object.entries(stack.environment).map(([name, value]) => [
      name,
      value === stack.sqsEndpoint ? sqs.endpoint : value === stack.dynamodbEndpoint ? dynamodb.endpoint : value,
    ]),
  );
  return {
    sqsEndpoint: sqs.endpoint,
    dynamodbEndpoint: dynamodb.endpoint,
    s3Endpoint: sqs.endpoint,
    environment,
    calls,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sqs.close(), dynamodb.close()]);
    },
  };
}

interface Asked {
  /** The operation of a JSON protocol; undefined where S3 is asked. */
  readonly target: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly status: number;
}

function sqsCalls({ target = "", body }: Asked): readonly Call[] {
  const { QueueUrl, QueueName } = JSON.parse(body) as { QueueUrl?: string; QueueName?: string }; // SQS's JSON protocol
  const queue = QueueName ?? QueueUrl?.split("/").at(-1);
  if (queue === undefined) throw new Error(`sqs:${target} names no queue`);
  return [`sqs:${SQS_BATCHES[target] ?? target} ${queue}`];
}

function dynamodbCalls({ target = "", body }: Asked): readonly Call[] {
  const asked = JSON.parse(body) as {
    TableName?: string;
    IndexName?: string;
    RequestItems?: Readonly<Record<string, unknown>>;
    Statements?: readonly { readonly Statement: string }[];
  }; // DynamoDB's JSON protocol
  if (asked.Statements) return asked.Statements.map(({ Statement }) => partiqlCall(Statement));
  if (asked.RequestItems)
    return Object.keys(asked.RequestItems).map((table): Call => `dynamodb:${target} table/${table}`);
  const index = asked.IndexName === undefined ? "" : `/index/${asked.IndexName}`;
  return [`dynamodb:${target} table/${asked.TableName}${index}`];
}

function partiqlCall(statement: string): Call {
  const [, verb = "", table] = /^(\w+) (?:INTO |FROM )?"([^"]+)"/.exec(statement) ?? [];
  const action = PARTIQL[verb];
  if (action === undefined) throw new Error(`no action is known for the statement ${statement}`);
  return `dynamodb:${action} table/${table}`;
}

/** What fauxqs answers besides SQS and S3: `lovage queues` looks there for the age of messages, and on AWS for nothing. */
const OF_THE_EMULATOR = /^\/_fauxqs\//;

/** An object that is missing is said to be so only to whoever may list its bucket; others are told "denied". */
function s3Calls({ method, path, status }: Asked): readonly Call[] {
  if (OF_THE_EMULATOR.test(path)) return [];
  const [bucket = "", ...key] = path.slice(1).split("/");
  const action = S3_METHODS[method];
  if (action === undefined || key.length === 0) throw new Error(`no action is known for ${method} ${path}`);
  const call: Call = `s3:${action} ${bucket}/${key.join("/")}`;
  return status === 404 ? [call, `s3:ListBucket ${bucket}`] : [call];
}

async function startProxy(to: string, heard: (asked: Asked) => void) {
  const server = createServer((incoming, outgoing) => {
    void forward(to, incoming).then(
      ({ asked, answer, body }) => {
        heard(asked);
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(body);
      },
      () => outgoing.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function forward(to: string, incoming: IncomingMessage) {
  const { method = "", url = "/", headers } = incoming;
  const sent = await buffer(incoming);
  const outgoing = request(new URL(url, to), { method, headers });
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>; // what "response" carries
  outgoing.end(sent);
  const [answer] = await answered;
  const target = headers["x-amz-target"];
  const asked: Asked = {
    target: typeof target === "string" ? target.split(".").at(-1) : undefined,
    method,
    path: new URL(url, to).pathname,
    body: sent.toString(),
    status: answer.statusCode ?? 502,
  };
  return { asked, answer, body: await buffer(answer) };
}
