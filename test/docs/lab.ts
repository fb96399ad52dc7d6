// One situation of a guide: its app under a name of its own on the local stack, and the commands a reader would type there.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, vi } from "vitest";
import { demand, LOCAL_ACCOUNT } from "../../lib/local/aws-request.ts";
import type { LocalStack, QueueSpec } from "../../lib/local/stack.ts";
import { TABLE } from "../../lib/store/table.ts";
import { lovage, type Running, start } from "../cli/lovage.ts";
import { agrees, type ConsoleBlock, comparable, TASK_ID } from "./console.ts";
import type { GuideFile } from "./guide.ts";

interface Received {
  readonly ReceiptHandle: string;
}

type Item = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;

type Environment = Readonly<Record<string, string>>;

export interface LabOptions {
  readonly cwd: string;
  readonly files: readonly GuideFile[];
  /** The app's name in the guide. */
  readonly app: string;
  readonly stack: LocalStack;
}

const PATIENCE_MS = 60_000;
const CLOCK = new URL("../../dist/lib/clock.js", import.meta.url).href;

/** The workloads of the guide's app, and their `maxReceiveCount`. */
export const RECEIVES = { default: 8, renders: 3 };

/** Queues of the guide's app, under another name. */
export function queuesOf(name: string): readonly QueueSpec[] {
  return Object.entries(RECEIVES).map(([workload, maxReceiveCount]) => ({
    name: `${name}-${workload}`,
    deadLetter: `${name}-${workload}-dead`,
    visibilitySeconds: 30,
    maxReceiveCount,
  }));
}

export class Lab implements AsyncDisposable {
  readonly name: string;
  readonly env: Environment;
  readonly #options: LabOptions;
  readonly #running: Running[] = [];

  constructor(options: LabOptions) {
    this.#options = options;
    this.name = `${options.app}${randomBytes(3).toString("hex")}`;
    this.env = { ...options.stack.environment, NO_COLOR: "1", LOVAGE_LOG_FORMAT: "pretty" };
  }

  get cwd(): string {
    return resolve(this.#options.cwd, this.name);
  }

  /** Writes the guide's files, with the app's name changed and its clock moved by AHEAD seconds, and makes its queues. */
  async open(): Promise<this> {
    const { app, files, stack } = this.#options;
    for (const { name, code } of files) {
      await mkdir(dirname(`${this.cwd}/${name}`), { recursive: true });
      const own = code.replace(`createApp("${app}", {`, `createApp("${this.name}", { clock,`);
      await writeFile(`${this.cwd}/${name}`, own === code ? code : `import { clock } from "./clock.ts";\n${own}`);
    }
    await writeFile(
      `${this.cwd}/clock.ts`,
      `import { systemClock } from "${CLOCK}";
export const clock = { ...systemClock, now: () => Date.now() + Number(process.env.AHEAD ?? 0) * 1_000 };\n`,
    );
    await stack.createQueues(queuesOf(this.name));
    await stack.createTables([this.name]);
    return this;
  }

  /** Sends a task, and returns its id. */
  async send(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await lovage(["send", ...args], { cwd: this.cwd, env: this.env });
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  /** A worker that polls. */
  async worker(args: readonly string[] = [], env: Environment = {}): Promise<Running> {
    const worker = start(["worker", "--wait-seconds", "0", ...args], { cwd: this.cwd, env: { ...this.env, ...env } });
    this.#running.push(worker);
    await worker.said("stall ");
    return worker;
  }

  /** Types a block's commands, and compares. `id` is the task the block is about. */
  async shows(block: ConsoleBlock, { id = "", env = {} }: { id?: string; env?: Environment } = {}): Promise<void> {
    const cwd = this.cwd;
    for (const { command, output } of block.commands) {
      const [typed = "", wantsCode] = command.split(/(; echo \$\?)$/);
      const [program, ...args] = typed.replace(TASK_ID, id).replaceAll(this.#options.app, this.name).split(/\s+/);
      if (program !== "lovage") throw new Error(`line ${block.line}: ${command} is no command of lovage`);
      const process = start(args, { cwd, env: { ...this.env, ...env } });
      this.#running.push(process);
      const open = args[0] === "worker" && !wantsCode;
      if (open) await untilShown(process, (text) => agrees(output, this.#inTheGuide(text), true));
      else await process.ended();
      process.kill("SIGKILL");
      const { code } = await process.ended();
      const printed = this.#inTheGuide(`${process.stdout}${process.stderr}${wantsCode ? code : ""}`);
      if (!agrees(output, printed, open))
        expect(comparable(printed), `line ${block.line}: $ ${command}`).toBe(comparable(output));
    }
  }

  /** Changes one of its files. */
  async edit(name: string, change: (code: string) => string): Promise<void> {
    const before = await readFile(`${this.cwd}/${name}`, "utf8");
    const after = change(before);
    if (after === before) throw new Error(`nothing changed in ${name}`);
    await writeFile(`${this.cwd}/${name}`, after);
  }

  /** Resolves when the task is in this state, in its nth run. */
  async reaches(id: string, state: string, runs?: number): Promise<void> {
    const reached = async () => {
      const item = await this.#item(id);
      expect(item?.state?.S).toBe(state);
      if (runs !== undefined) expect(item?.runs?.N).toBe(String(runs));
    };
    await vi.waitFor(reached, { timeout: PATIENCE_MS, interval: 100 });
  }

  /** What a worker does that cannot finish with a message: one more receive of it, and it is back at once. */
  async receiveAndGiveBack(workload: keyof typeof RECEIVES): Promise<void> {
    const { Messages = [] } = (await this.#sqs(workload, "ReceiveMessage", { WaitTimeSeconds: 1 })) as {
      Messages?: Received[];
    };
    for (const { ReceiptHandle } of Messages) await this.#visibleAgain(workload, ReceiptHandle);
  }

  /** Does not wait for the visibility timeout of what a dead worker had in hand. */
  async visibleAgain(workload: keyof typeof RECEIVES): Promise<void> {
    const answer = await fetch(`${this.#options.stack.sqsEndpoint}/_fauxqs/queues/${this.name}-${workload}`);
    const { messages } = (await answer.json()) as { messages: { inflight: { receiptHandle: string }[] } }; // fauxqs's own page
    for (const { receiptHandle } of messages.inflight) await this.#visibleAgain(workload, receiptHandle);
  }

  async #visibleAgain(workload: string, receipt: string): Promise<void> {
    await this.#sqs(workload, "ChangeMessageVisibility", { ReceiptHandle: receipt, VisibilityTimeout: 0 });
  }

  #sqs(workload: string, action: string, input: object): Promise<unknown> {
    const { sqsEndpoint } = this.#options.stack;
    const QueueUrl = `${sqsEndpoint}/${LOCAL_ACCOUNT}/${this.name}-${workload}`;
    return demand(sqsEndpoint, { service: "sqs", action, input: { QueueUrl, ...input } });
  }

  /** docs/table-schema.md */
  async #item(id: string): Promise<Item | undefined> {
    const input = { TableName: this.name, Key: { [TABLE.key]: { S: id } } };
    const answer = await demand(this.#options.stack.dynamodbEndpoint, {
      service: "dynamodb",
      action: "GetItem",
      input,
    });
    return (answer as { Item?: Item }).Item;
  }

  #inTheGuide(text: string): string {
    return text
      .replaceAll(pathToFileURL(this.cwd).href, "file:///…")
      .replaceAll(this.cwd, ".")
      .replaceAll(this.name, this.#options.app);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#running) await process[Symbol.asyncDispose]();
  }
}

/** Until it has printed that, or has ended, or one's patience is over. */
async function untilShown(process: Running, shown: (text: string) => boolean): Promise<void> {
  const ended = process.ended();
  let over = false;
  void ended.then(() => (over = true));
  const deadline = Date.now() + PATIENCE_MS;
  while (!over && Date.now() < deadline && !shown(process.stdout + process.stderr))
    await new Promise((resolve) => setTimeout(resolve, 50));
}
