// Where a case runs. What it expects is the same in all of them.
import type { App } from "../../lib/app.ts";
import type { Broker, OutgoingMessage } from "../../lib/ports/broker.ts";
import type { JoinStore } from "../../lib/ports/join-store.ts";
import { decode, type Envelope } from "../../lib/wire/envelope.ts";
import type { Journal } from "./journal.ts";
import type { CeleryTasks } from "./tasks.ts";

export interface Readable {
  readonly id: string;
  get(): Promise<unknown>;
}

/** What can be called with nothing. */
export interface Callable<H = Readable> {
  delay(...args: []): Promise<H>;
}

export interface World {
  readonly app: App;
  readonly tasks: CeleryTasks;
  readonly journal: Journal;
  readonly trouble: Trouble;
  /** Waits for a result. */
  get(handle: Readable): Promise<unknown>;
  /** Calls, and waits for the result. */
  value(sig: Callable): Promise<unknown>;
  /** Calls, waits until it fails, and returns the name of the error that began it: a chord's failure has its member's as its cause. */
  error(sig: Callable): Promise<string>;
  /** As `error`, of what has been called. */
  errorOf(handle: Readable): Promise<string>;
  /** Resolves when nothing is left to do. */
  quiet(): Promise<void>;
  /** How many messages have become dead letters. */
  deadLetters(): Promise<number>;
  /** Delivers a message that was sent once more. */
  redeliver(message: Envelope): Promise<void>;
}

export interface Case {
  /** Row of the table of Celery's tests. @default - none of its rows */
  readonly row?: number;
  /** Of Celery's test. */
  readonly name: string;
  run(world: World): Promise<void>;
}

/** What a case may do to its world, and what it may see of it. */
export class Trouble {
  /** Messages sent so far, each once. */
  readonly sent: Envelope[] = [];
  /** They multiply: no case needs so many. */
  readonly #most = 10_000;
  readonly #bodies = new Map<Envelope, { readonly queue: string; readonly body: string }>();
  #unsendable: string | undefined;
  /** Messages that could not be sent. */
  lost = 0;
  /** Seconds that a count of a group's member takes. */
  slowCounts = 0;

  /** The next message of this task cannot be sent. */
  loseNext(task: string): void {
    this.#unsendable = task;
  }

  /** Throws where the message is not to be sent. */
  sending(queue: string, { body }: OutgoingMessage, refused: () => Error): void {
    const envelope = decode(body);
    if (this.sent.length >= this.#most) throw new Error(`${this.#most} messages were sent, and they become more`);
    if (envelope.task === this.#unsendable) {
      this.#unsendable = undefined;
      this.lost++;
      throw refused();
    }
    this.#bodies.set(envelope, { queue, body });
    this.sent.push(envelope);
  }

  async again(message: Envelope, broker: Pick<Broker, "send">): Promise<void> {
    const sent = this.#bodies.get(message);
    if (sent === undefined) throw new Error(`message ${message.id} is none of those that were sent`);
    await broker.send(sent.queue, { body: sent.body, delaySeconds: 0 });
  }

  bodyOf(message: Envelope): string {
    return this.#bodies.get(message)?.body ?? "{}";
  }

  /** Messages of a task, in order. */
  messages(task: string): readonly Envelope[] {
    return this.sent.filter((one) => one.task === task);
  }
}

/** The parts of a world that follow from the others. */
export function world(
  parts: Pick<World, "app" | "tasks" | "journal" | "trouble" | "get" | "quiet" | "deadLetters"> & {
    readonly broker: Pick<Broker, "send">;
  },
): World {
  const { broker, ...given } = parts;
  const errorOf = (handle: Readable) =>
    given.get(handle).then(
      (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
      (error: unknown) => first(error).name,
    );
  return {
    ...given,
    value: async (sig) => await given.get(await sig.delay()),
    error: async (sig) => await errorOf(await sig.delay()),
    errorOf,
    redeliver: (message) => given.trouble.again(message, broker),
  };
}

/** The error that began it. */
function first(error: unknown): Error {
  if (!(error instanceof Error)) throw new Error(`${JSON.stringify(error)} was thrown`);
  return error.cause === undefined ? error : first(error.cause);
}

/** Counts of members take as long as the case wants. */
export function slowed(joins: JoinStore, trouble: () => Trouble, sleep: (ms: number) => Promise<void>): JoinStore {
  return new Proxy(joins, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return async (...args: readonly unknown[]) => {
        if (name === "count" && trouble().slowCounts > 0) await sleep(trouble().slowCounts * 1_000);
        return Reflect.apply(member, target, args);
      };
    },
  });
}
