// What each role may do is what its program does: no call that AWS would deny, no permission that nobody uses. The calls are
// recorded on the local stack, the permissions are those of the synthesized templates.
import { fileURLToPath } from "node:url";
import { type App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type AppDefinition, TaskApp } from "../../infra/index.ts";
import { chord, group } from "../../lib/canvas.ts";
import { PayloadLost, TaskUnknown } from "../../lib/errors.ts";
import { groupResult } from "../../lib/group-result.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { deadLetterQueueName, queueName } from "../../lib/store/table.ts";
import { type Envelope, encode } from "../../lib/wire/envelope.ts";
import { seal } from "../../lib/wire/seal.ts";
import { startWorker } from "../../lib/worker/worker.ts";
import { workflow } from "../../lib/workflow.ts";
import { lovage } from "../cli/lovage.ts";
import { allowed, allowedTo, ENTRY, image, unbundled } from "../infra/deploy.ts";
import { useCredentialsOf } from "../support/credentials.ts";
import { envelopeOf } from "../support/messages.ts";
import { difference, type Granted, grantedBy, type Statement } from "./grants.ts";
import {
  APP,
  DEFINITION,
  invokeUntilEmpty,
  LARGE,
  type Program,
  queueUrlBase,
  startProgram,
  type WorkloadName,
} from "./program.ts";
import type { Call } from "./recorder.ts";

vi.setConfig({ testTimeout: 90_000 }); // each starts programs, some of them several times

const FIXTURE = fileURLToPath(new URL("../fixtures/security/app.ts", import.meta.url));
const DAY_MS = 86_400_000;

/** Granted, and not called by our code: each with its reason. One that is called after all fails the test. */
type Exceptions = Readonly<Record<Granted, string>>;
const mappingOf = (queue: string): Exceptions => ({
  [`sqs:ReceiveMessage ${queue}`]: "Lambda's event source mapping receives, with the function's role",
  [`sqs:DeleteMessage ${queue}`]: "Lambda's event source mapping deletes what is not reported as failed",
  [`sqs:GetQueueAttributes ${queue}`]: "Lambda's event source mapping asks for the queue's settings",
});

let stack: LocalStack;
let templates: ReadonlyMap<string, Template>;

beforeAll(async () => {
  const stacks = deployed().node.findAll().filter(Stack.isStack);
  templates = new Map(stacks.map((one) => [one.stackName, Template.fromStack(one)]));
  stack = await startLocalStack({ app: DEFINITION });
  useCredentialsOf(stack);
});

afterAll(() => stack?.stop());

/** Of services that Lovage calls. */
const isCalled = (grant: Granted) => /^(sqs|dynamodb|s3):/.test(grant);
/** Lambda writes a function's logs with its role; the ECS agent protects a container with its. */
const BY_OTHERS = /^(logs:(CreateLogStream|PutLogEvents) |ecs:UpdateTaskProtection task\/duckling\/\*$)/;

/** Of a worker's role, but for what others do with it, which is all the rest. */
function grantedTo(stackName: string, role: string): readonly Granted[] {
  const granted = grantedBy(allowedTo(templates.get(stackName) as Template, role) as readonly Statement[]);
  expect(granted.filter((grant) => !isCalled(grant) && !BY_OTHERS.test(grant))).toEqual([]);
  return granted.filter(isCalled);
}

/** Of whoever is given something by one of TaskApp's methods. */
function grantedWith(grant: (taskApp: TaskApp, role: Role) => unknown): readonly Granted[] {
  const taskApp = deployed();
  const own = new Stack(taskApp.node.root as App, "Other"); // whose root is what deployed() makes
  grant(taskApp, new Role(own, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") }));
  return grantedBy(allowedTo(Template.fromStack(own), "Role") as readonly Statement[]);
}

function deployed(app: AppDefinition = DEFINITION): TaskApp {
  return new TaskApp(unbundled(), "Duckling", { app, entry: ENTRY, image });
}

/** Both ways: nothing is denied, and nothing is allowed that was not done, but for exceptions, which indeed were not. */
function expectExactly(calls: ReadonlySet<Call>, granted: readonly Granted[], exceptions: Exceptions = {}): void {
  expect(calls.size).toBeGreaterThan(0);
  const { denied, unused } = difference(calls, granted);
  expect({ denied, unused }).toEqual({ denied: [], unused: Object.keys(exceptions).sort() });
}

const WORKLOADS = ["default", "renders"] as const;
const other = (workload: WorkloadName) => (workload === "default" ? "renders" : "default");
const deadLettersOf = (workload: WorkloadName) => deadLetterQueueName(APP, workload);
const drain = (program: Program, workload: WorkloadName) =>
  invokeUntilEmpty(queueName(APP, workload), program, program);

/** A message for everything that a worker can meet. */
async function sendEverything(program: Program, workload: WorkloadName): Promise<void> {
  const { echo, quiet, again, gives, tells, calls, fails } = program.tasks;
  const next = echo[other(workload)].s();
  await Promise.all([
    echo[workload].applyAsync([LARGE], { link: next }),
    quiet[workload].delay("small"),
    again[workload].delay(LARGE),
    gives[workload].delay(),
    tells[workload].delay(),
    calls[workload].delay(),
    fails[workload].applyAsync([LARGE], { linkError: next }),
    program.broker.send(queueName(APP, workload), { body: "no task at all", delaySeconds: 0 }),
    sendWithoutArguments(program, queueName(APP, workload), `${workload}.echo`),
    program.broker.send(queueName(APP, workload), { body: lastMember(`${workload}.fails`, workload), delaySeconds: 0 }),
  ]);
}

/** The only member of a chord: when it has failed, its body fails with it. */
function lastMember(task: string, workload: WorkloadName, more: Partial<Envelope> = {}): string {
  const chord = { task: `${workload}.echo`, options: { task_id: `body-${task}` }, chord_size: 1 };
  const member = { id: `member-${task}`, task, args: [], chord, group: `group-${task}`, groupIndex: 0 };
  return encode(envelopeOf({ ...member, ...more }), queueName(APP, workload));
}

/** Everything that can come to a dead-letter queue. */
async function sendDeadLetters(program: Program, workload: WorkloadName): Promise<void> {
  const { broker, tasks } = program;
  const send = (body: string) => broker.send(deadLettersOf(workload), { body, delaySeconds: 0 });
  const next = [tasks.echo[other(workload)].s().wire];
  const task = `${workload}.echo`;
  const envelope = (name: string, more: Partial<Envelope> = {}) =>
    envelopeOf({ id: `${name}-${workload}`, task, args: [LARGE], ...more });
  await send(await sealedLongAgo(program, envelope("never-tried"), workload));
  await send(lastMember(`${workload}.echo`, workload, { resends: 3 }));
  await send(encode(envelope("tried-too-often", { resends: 3, linkError: next }), queueName(APP, workload)));
  // It has ended, and nobody knows whether what follows was sent.
  const ended = encode(envelope("ended", { link: next }), queueName(APP, workload));
  await broker.send(queueName(APP, workload), { body: ended, delaySeconds: 0 });
  await drain(program, workload);
  await send(ended);
  await sendWithoutArguments(program, deadLettersOf(workload), task);
  await send("no task at all");
}

async function sendAsProducer({ tasks }: Program): Promise<void> {
  for (const workload of WORKLOADS) {
    const task = tasks.echo[workload];
    await task.delay("small");
    await Promise.all(Array.from({ length: 12 }, (_, n) => task.delay(String(n))));
    await task.applyAsync([LARGE], { countdown: "1s", link: task.s() });
  }
}

/** Its arguments lie where they are kept for a shorter time than may pass now. Returns its message. */
async function sealedLongAgo({ app }: Program, envelope: Envelope, workload: WorkloadName): Promise<string> {
  const { argsOver, resultsOver } = DEFINITION.payloads;
  const then = Date.now() - 15 * DAY_MS;
  const { body, payload } = seal(envelope, queueName(APP, workload), { argsOver, resultsOver }, then, then);
  if (payload === undefined) throw new Error("its arguments are not large");
  await (await app.backends()).payloads?.put(payload);
  return body;
}

/** Its arguments are gone: they expired, or somebody removed them. */
async function sendWithoutArguments({ broker }: Program, queue: string, task: string): Promise<string> {
  const argsRef = { key: "16d/args/gone", bytes: 10, sha256: "x".repeat(43), keptUntil: Date.now() + DAY_MS };
  const id = `gone-${queue}`;
  await broker.send(queue, { body: encode(envelopeOf({ id, task, args: [], argsRef }), queue), delaySeconds: 0 });
  return id;
}

/** Runs the command as whoever has what `program` has. Returns the first object it prints. */
function commandOf({ recorder }: Program) {
  const env = { ...recorder.environment, LOVAGE_QUEUE_URL_BASE: queueUrlBase(recorder) };
  return async (...args: readonly string[]): Promise<unknown> => {
    const { stdout, stderr } = await lovage([...args, "--app", FIXTURE, "--json"], { env });
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout.split("\n")[0] ?? "");
  };
}

describe("who works", () => {
  test("a function of a workload", async () => {
    await using outside = await startProgram(stack);
    await using worker = await startProgram(stack);
    await sendEverything(outside, "default");
    await invokeUntilEmpty(`${APP}-default`, worker, outside);
    expectExactly(
      worker.recorder.calls,
      grantedTo(`${APP}-default`, "WorkloadWorkerRole"),
      mappingOf(`${APP}-default`),
    );
  });

  test("a container of a workload, which serves no dead letters", async () => {
    await using outside = await startProgram(stack);
    await using worker = await startProgram(stack);
    const started = await startWorker(worker.app, { workloads: ["renders"], deadLetters: false, waitSeconds: 1 });
    await sendEverything(outside, "renders");
    const idle = async () => {
      const { visible, inFlight, delayed } = await outside.broker.depth(`${APP}-renders`);
      return visible + inFlight + delayed + started.inHand;
    };
    await expect.poll(idle, { timeout: 60_000 }).toBe(0);
    await started.stop();
    expectExactly(worker.recorder.calls, grantedTo(`${APP}-renders`, "WorkloadContainersRole"));
  });

  test.each(WORKLOADS)("the function that ends the dead letters of %s", async (workload) => {
    await using outside = await startProgram(stack);
    await using ends = await startProgram(stack);
    await sendDeadLetters(outside, workload);
    await invokeUntilEmpty(deadLettersOf(workload), ends, outside);
    const role = grantedTo(`${APP}-${workload}`, "WorkloadDeadLetterWorkerRole");
    expectExactly(ends.recorder.calls, role, mappingOf(deadLettersOf(workload)));
  });
});

describe("who is granted something", () => {
  test("a producer: one task, many, large and delayed ones", async () => {
    await using producer = await startProgram(stack);
    await sendAsProducer(producer);
    const granted = grantedWith((taskApp, role) => taskApp.grantSend(role));
    expectExactly(producer.recorder.calls, granted);
  });

  test("a producer that chooses ids", async () => {
    await using producer = await startProgram(stack);
    await sendAsProducer(producer);
    await producer.tasks.echo.default.applyAsync([LARGE], { taskId: "chosen" });
    const granted = grantedWith((taskApp, role) => taskApp.grantSend(role, { chosenIds: true }));
    expectExactly(producer.recorder.calls, granted);
  });

  test("a producer of workflows", async () => {
    await using producer = await startProgram(stack);
    await sendAsProducer(producer);
    const { echo } = producer.tasks;
    async function* members() {
      yield* ["a", "b"].map((text) => echo.default.s(text));
    }
    await chord([echo.default.s("a"), echo.renders.s("b")], echo.default.si("both")).delay();
    await group(members()).delay();
    const granted = grantedWith((taskApp, role) => taskApp.grantSend(role, { workflows: true }));
    expectExactly(producer.recorder.calls, granted);
  });

  test("a reader: states, values, groups, large ones, and one that is missing", async () => {
    await using outside = await startProgram(stack);
    await using reader = await startProgram(stack);
    const [large, failed] = await Promise.all([
      outside.tasks.echo.default.delay(LARGE),
      outside.tasks.fails.default.delay(),
    ]);
    await drain(outside, "default");
    expect(await reader.app.result(large.id).get()).toBe(LARGE);
    expect(await reader.app.result(failed.id).state()).toBe("FAILURE");
    expect(await reader.app.result("unknown").state()).toBe("UNKNOWN");
    await expect(groupResult("unknown", reader.app)).rejects.toThrow(TaskUnknown);
    const { resultRef } = (await outside.store.read(large.id)) ?? {};
    if (resultRef) await (await outside.app.backends()).payloads?.delete(resultRef);
    await expect(reader.app.result(large.id).get()).rejects.toThrow(PayloadLost);
    const granted = grantedWith((taskApp, role) => taskApp.grantRead(role));
    expectExactly(reader.recorder.calls, granted);
  });

  test("who may change tasks: lovage revoke, forget(), revoking a workflow", async () => {
    await using outside = await startProgram(stack);
    await using operator = await startProgram(stack);
    const large = await outside.tasks.echo.default.delay(LARGE);
    await drain(outside, "default");
    const waits = await outside.tasks.echo.default.delay("waits");
    expect(await commandOf(operator)("revoke", waits.id)).toMatchObject({ answer: "revoked" });
    await operator.app.result(large.id).forget();
    const both = await outside.tasks.echo.default.s("a").pipe(outside.tasks.echo.default.s()).delay();
    await workflow(both.id, operator.app).revoke();
    const granted = grantedWith((taskApp, role) => taskApp.grantChange(role));
    expectExactly(operator.recorder.calls, granted);
  });

  test("who may redrive: lovage failures, lovage redrive", async () => {
    await using outside = await startProgram(stack);
    await using operator = await startProgram(stack);
    const command = commandOf(operator);
    const failed: string[] = [];
    for (const workload of WORKLOADS) {
      const id = `fails-${workload}`;
      const failing = envelopeOf({ id, task: `${workload}.fails`, args: [LARGE] });
      const body = await sealedLongAgo(outside, failing, workload);
      await outside.broker.send(queueName(APP, workload), { body, delaySeconds: 0 });
      failed.push(id);
    }
    const gone = await sendWithoutArguments(outside, queueName(APP, "default"), "default.echo");
    for (const workload of WORKLOADS) await drain(outside, workload);
    expect(await command("failures", ...failed)).toMatchObject({ args: [LARGE] });
    expect(await command("failures", gone)).toMatchObject({ hidden: expect.stringContaining("no such object") });
    const redriven = await command("redrive", ...failed); // its first line: of whichever was sent first
    expect(failed).toContain((redriven as { readonly id: string }).id);
    await command("failures");
    const granted = grantedWith((taskApp, role) => taskApp.grantRedrive(role));
    expectExactly(operator.recorder.calls, granted);
  });
});

test("no role of an app reaches another's resources, in one bucket and with names that begin alike", () => {
  const all = (app: AppDefinition) =>
    deployed(app)
      .node.findAll()
      .filter(Stack.isStack)
      .flatMap((one) => [...allowed(Template.fromStack(one)).values()].flat() as readonly Statement[])
      .filter(({ Resource }) => Resource !== "*"); // ecr:GetAuthorizationToken and the like have no resource
  const granted = grantedBy(all(DEFINITION)).filter(isCalled);
  const others = grantedBy(all({ ...DEFINITION, name: `${APP}-eu` })).filter((grant) =>
    /^(sqs|dynamodb|s3):/.test(grant),
  );
  expect(granted.length).toBeGreaterThan(20);
  expect(others).toHaveLength(granted.length);
  const shared = [`s3:ListBucket ${DEFINITION.payloads.bucket}`]; // names of objects, and nothing in them
  expect(difference(new Set(others), granted).denied).toEqual(others.filter((one) => !shared.includes(one)));
  expect(difference(new Set(granted), others).denied).toEqual(granted.filter((one) => !shared.includes(one)));
});
