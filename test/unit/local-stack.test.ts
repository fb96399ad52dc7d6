// The embedded stack, with the real emulators and the real SDK.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { describe, expect, test, vi } from "vitest";
import { StartupFailed } from "../../lib/errors.ts";
import { dynoxideBinary } from "../../lib/local/dynoxide-binary.ts";
import { startFauxqs } from "../../lib/local/fauxqs.ts";
import { freePorts } from "../../lib/local/ports.ts";
import { type LocalStack, type QueueSpec, startLocalStack } from "../../lib/local/stack.ts";

const QUEUE: QueueSpec = {
  name: "duckling-default",
  deadLetter: "duckling-default-dead",
  visibilitySeconds: 45,
  maxReceiveCount: 8,
};
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

const sqsOf = (stack: LocalStack) =>
  new SQSClient({ endpoint: stack.sqsEndpoint, region: stack.environment.AWS_REGION ?? "", credentials });
const dynamodbOf = (stack: LocalStack) =>
  new DynamoDBClient({ endpoint: stack.dynamodbEndpoint, region: stack.environment.AWS_REGION ?? "", credentials });

async function attributesOf(stack: LocalStack, name: string) {
  const sqs = sqsOf(stack);
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
  return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes ?? {};
}

describe("what is in it", () => {
  test("queues with their dead-letter queues, and a table with its time to live", async () => {
    await using stack = await startLocalStack({ queues: [QUEUE], tables: ["duckling"] });

    const queue = await attributesOf(stack, QUEUE.name);
    const dead = await attributesOf(stack, QUEUE.deadLetter);
    expect(queue).toMatchObject({ VisibilityTimeout: "45", MessageRetentionPeriod: String(12 * 86_400) });
    expect(JSON.parse(queue.RedrivePolicy ?? "")).toEqual({ deadLetterTargetArn: dead.QueueArn, maxReceiveCount: 8 });
    expect(dead.MessageRetentionPeriod).toBe(String(14 * 86_400));

    const dynamodb = dynamodbOf(stack);
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: "duckling" }));
    const { TimeToLiveDescription } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName: "duckling" }));
    expect(Table).toMatchObject({ TableStatus: "ACTIVE", KeySchema: [{ AttributeName: "id", KeyType: "HASH" }] });
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "expires_at" });
  });

  test("creating again keeps the messages and takes the new attributes", async () => {
    await using stack = await startLocalStack({ queues: [QUEUE], tables: ["duckling"] });
    const sqs = sqsOf(stack);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: QUEUE.name }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));

    await stack.createQueues([{ ...QUEUE, visibilitySeconds: 60, maxReceiveCount: 5 }]);
    await stack.createTables(["duckling"]);

    expect(await attributesOf(stack, QUEUE.name)).toMatchObject({
      VisibilityTimeout: "60",
      RedrivePolicy: expect.stringContaining('"maxReceiveCount":5'),
    });
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.[0]?.Body).toBe("kept");
  });

  test("`environment` is all that a child process needs, whatever the shell has set", async () => {
    await using stack = await startLocalStack({ queues: [QUEUE], tables: ["duckling"] });
    const { lines } = await run(
      `import { SQSClient, GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
       import { DynamoDBClient, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
       const sqs = new SQSClient();
       const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "${QUEUE.name}" }));
       await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
       const { Table } = await new DynamoDBClient().send(new DescribeTableCommand({ TableName: "duckling" }));
       console.log(Table.TableName);`,
      { AWS_PROFILE: "a-real-account", AWS_SESSION_TOKEN: "real", ...stack.environment },
    ).ended;
    expect(lines).toEqual(["duckling"]);
  });

  test("expired items go when swept", async () => {
    await using stack = await startLocalStack({ tables: ["duckling"] });
    const dynamodb = dynamodbOf(stack);
    const put = (id: string, expires: number) =>
      dynamodb.send(
        new PutItemCommand({ TableName: "duckling", Item: { id: { S: id }, expires_at: { N: String(expires) } } }),
      );
    await put("old", 1_000_000_000);
    await put("young", 4_000_000_000);

    await stack.sweep();

    const get = async (id: string) =>
      (await dynamodb.send(new GetItemCommand({ TableName: "duckling", Key: { id: { S: id } } }))).Item;
    expect(await get("old")).toBeUndefined();
    expect(await get("young")).toBeDefined();
  });
});

describe("ports", () => {
  test("two stacks do not meet", async () => {
    await using first = await startLocalStack();
    await using second = await startLocalStack();
    const endpoints = [first, second].flatMap((stack) => [stack.sqsEndpoint, stack.dynamodbEndpoint]);
    expect(new Set(endpoints).size).toBe(4);
  });

  test("chosen ports are used, on the loopback interface only", async () => {
    const before = descendants(process.pid);
    const [sqsPort = 0, dynamodbPort = 0] = await freePorts(2);
    await using stack = await startLocalStack({ sqsPort, dynamodbPort });
    expect(stack).toMatchObject({
      sqsEndpoint: `http://127.0.0.1:${sqsPort}`,
      dynamodbEndpoint: `http://127.0.0.1:${dynamodbPort}`,
    });
    const listening = listeners(added(before));
    expect(listening.map(({ port }) => port)).toEqual(expect.arrayContaining([sqsPort, dynamodbPort]));
    expect(new Set(listening.map(({ address }) => address))).toEqual(new Set(["127.0.0.1"]));
  });

  test.each(["sqsPort", "dynamodbPort"] as const)(
    "a %s in use is one clear error, and nothing is left",
    async (option) => {
      const before = descendants(process.pid);
      await using taken = await listener();
      await expect(startLocalStack({ [option]: taken.port })).rejects.toThrow(
        new RegExp(`port ${taken.port} is in use; stop what uses it .* or choose another ${option}$`),
      );
      expect(added(before)).toEqual([]);
    },
  );
});

describe("restart", () => {
  test("SQS is back on its port with its queues, and has lost its messages", async () => {
    await using stack = await startLocalStack({ queues: [QUEUE] });
    const sqs = sqsOf(stack);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: QUEUE.name }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "lost" }));

    await stack.restart("sqs");

    expect(await sqs.send(new GetQueueUrlCommand({ QueueName: QUEUE.name }))).toMatchObject({ QueueUrl });
    expect(await attributesOf(stack, QUEUE.name)).toMatchObject({ VisibilityTimeout: "45" });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages).toEqual([]);
  });

  test("DynamoDB is back on its port, with its items where it has a directory", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "lovage-"));
    try {
      await using stack = await startLocalStack({ tables: ["duckling"], dataDir });
      const dynamodb = dynamodbOf(stack);
      await dynamodb.send(new PutItemCommand({ TableName: "duckling", Item: { id: { S: "kept" } } }));

      await stack.restart("dynamodb");

      const { Item } = await dynamodb.send(new GetItemCommand({ TableName: "duckling", Key: { id: { S: "kept" } } }));
      expect(Item).toEqual({ id: { S: "kept" } });
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  test("DynamoDB without a directory is back with its tables only", async () => {
    await using stack = await startLocalStack({ tables: ["duckling"] });
    await stack.restart("dynamodb");
    const { Table } = await dynamodbOf(stack).send(new DescribeTableCommand({ TableName: "duckling" }));
    expect(Table?.ItemCount).toBe(0);
  });
});

describe("its end", () => {
  test("`await using` leaves no process", async () => {
    const before = descendants(process.pid);
    {
      await using stack = await startLocalStack();
      expect(added(before)).toHaveLength(2);
      expect(stack.sqsEndpoint).toBeDefined();
    }
    expect(added(before)).toEqual([]);
  });

  test("stop may be called twice, and then nothing more can be asked", async () => {
    const stack = await startLocalStack();
    await Promise.all([stack.stop(), stack.stop()]);
    await stack.stop();
    await expect(stack.restart("sqs")).rejects.toThrow(StartupFailed);
  });

  test("an aborted start leaves no process", async () => {
    const before = descendants(process.pid);
    const abort = new AbortController();
    const start = startLocalStack({ signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await expect(start).rejects.toThrow("changed my mind");
    expect(added(before)).toEqual([]);
  });

  test("a script that ends without stop takes it along", async () => {
    await using script = run(`${STARTS_A_STACK}; process.stdin.once("data", () => process.stdin.destroy())`);
    await script.line();
    const pids = descendants(script.pid);
    script.tell("end");
    expect(await script.ended).toMatchObject({ code: 0 });
    await gone(pids);
  });

  test("SIGKILL of the process that started it leaves no process", async () => {
    await using script = run(`${STARTS_A_STACK}; setInterval(() => {}, 1_000)`);
    await script.line();
    const pids = descendants(script.pid);
    expect(pids).toHaveLength(2);
    process.kill(-script.pid, "SIGKILL");
    await gone(pids);
  });

  test("SIGKILL of the emulators' process takes DynamoDB along", async () => {
    const before = descendants(process.pid);
    await using stack = await startLocalStack();
    const pids = added(before);
    const [supervisor = 0] = pids.filter((pid) => parentOf(pid) === process.pid);
    process.kill(supervisor, "SIGKILL");
    await gone(pids);
    await expect(stack.restart("sqs")).rejects.toThrow(/^the local stack is not running/);
  });

  test("Ctrl-C in a terminal does not end it, so that a worker can drain", async () => {
    await using script = run(`process.on("SIGINT", () => console.log("draining"));
      ${STARTS_A_STACK}; setInterval(() => {}, 1_000)`);
    const endpoint = await script.line();
    const pids = descendants(script.pid);
    const [supervisor = 0] = pids.filter((pid) => parentOf(pid) === script.pid);
    process.kill(-script.pid, "SIGINT"); // what a terminal does
    process.kill(supervisor, "SIGINT");
    expect(await script.line()).toBe("draining");
    expect((await fetch(endpoint, { headers: { connection: "close" } })).status).toBeGreaterThan(0);
    expect(pids.filter(isAlive)).toEqual(pids);
    process.kill(script.pid, "SIGTERM");
    await gone(pids);
  });
});

describe("missing emulators", () => {
  test("dynoxide: the package to install, and what else can be done", () => {
    const resolve = () => {
      throw new Error("Cannot find module");
    };
    expect(() => dynoxideBinary(resolve, "darwin", "arm64")).toThrow(
      /needs the package "@dynoxide\/darwin-arm64", .* npm install .* set AWS_ENDPOINT_URL_DYNAMODB/,
    );
  });

  test("dynoxide: another DynamoDB is used instead, and only SQS is started", async () => {
    await using other = await startLocalStack();
    const before = descendants(process.pid);
    await using stack = await startLocalStack({ tables: ["duckling"], dynamodbEndpoint: other.dynamodbEndpoint });
    expect(added(before)).toHaveLength(1);
    await expect(stack.restart("dynamodb")).rejects.toThrow(/was not started here/);
    const { Table } = await dynamodbOf(other).send(new DescribeTableCommand({ TableName: "duckling" }));
    expect(Table?.TableName).toBe("duckling");
  });

  test("fauxqs: the package to install", async () => {
    const missing = Object.assign(new Error("Cannot find package 'fauxqs' imported from x"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(startFauxqs(0, [], () => Promise.reject(missing))).rejects.toThrow(
      /needs the package "fauxqs", which is not installed; run: npm install --save-dev fauxqs@/,
    );
  });
});

// --- processes ---

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STARTS_A_STACK = `
  const { startLocalStack } = await import("./lib/local/stack.ts");
  const stack = await startLocalStack();
  console.log(stack.sqsEndpoint)`;

/** Runs a script in a process group of its own, as a shell does. */
function run(script: string, environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const { pid } = child;
  if (pid === undefined) throw new Error("no process");
  return {
    pid,
    /** The next line it prints. */
    line: () =>
      vi.waitFor(
        () => {
          const line = lines.shift();
          if (line === undefined) throw new Error("it printed nothing");
          return line;
        },
        { timeout: 10_000, interval: 10 },
      ),
    tell: (text: string) => child.stdin.end(text),
    ended: closed.then(([code]) => ({ code, lines })),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

async function listener() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

function gone(pids: readonly number[]): Promise<void> {
  return vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 5_000, interval: 20 });
}

function stat(pid: number): { state: string; parent: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { state: fields[0] ?? "", parent: Number(fields[1]) };
  } catch {
    return undefined;
  }
}

/** A zombie is dead, only its new parent has not looked yet. */
function isAlive(pid: number): boolean {
  return (stat(pid)?.state ?? "Z") !== "Z";
}

function parentOf(pid: number): number | undefined {
  return stat(pid)?.parent;
}

function descendants(root: number): readonly number[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(isAlive);
  const found = [root];
  for (const pid of found) found.push(...all.filter((other) => parentOf(other) === pid));
  return found.slice(1);
}

function added(before: readonly number[]): readonly number[] {
  return descendants(process.pid).filter((pid) => !before.includes(pid));
}

/** TCP sockets these processes listen on, both families. */
function listeners(pids: readonly number[]): readonly { address: string; port: number }[] {
  const sockets = new Set(
    pids.flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))),
  );
  const rows = ["tcp", "tcp6"].flatMap((table) => readFileSync(`/proc/net/${table}`, "utf8").split("\n").slice(1));
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , inode] = row.trim().split(/\s+/);
    if (state !== "0A" || !sockets.has(`socket:[${inode}]`)) return [];
    const [address = "", port = ""] = local.split(":");
    const bytes = address.match(/../g)?.reverse() ?? [];
    return [{ address: bytes.map((byte) => parseInt(byte, 16)).join("."), port: parseInt(port, 16) }];
  });
}
