// An app: a name, its workloads and its tasks. Producers, workers and CDK constructs all read it.
import { type AppOptions, checkApp } from "./app-options.ts";
import { type CallOptions, checkCall, headers as checkHeaders } from "./call-options.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Backends, connectToAws } from "./connection.ts";
import { line, makeContext, running, type TaskContext } from "./context.ts";
import { type IdKey, idKey } from "./core/ids.ts";
import { MAX_HOPS } from "./defaults.ts";
import { describe, kindOf } from "./duration.ts";
import { type EagerOptions, eagerly, eagerOption } from "./eager.ts";
import { DuplicateTask, InvalidOption, TaskFailed } from "./errors.ts";
import { type EventName, Events, type Listener } from "./events.ts";
import type { TaskHooks } from "./hooks.ts";
import { createJsonLogger, type Logger } from "./log.ts";
import { OpenResources } from "./open-resources.ts";
import { demandKept, type PayloadSettings } from "./payloads.ts";
import { planner } from "./planning.ts";
import { plan, send } from "./publish.ts";
import { makeResource, type Resource, type TaskResourceOptions, type WorkerResourceOptions } from "./resource.ts";
import { AsyncResult, type ResultDeps } from "./result.ts";
import {
  type ArgsInput,
  type ArgsOutput,
  type ArgsSchema,
  checkArgs,
  type Returned,
  type Returns,
  type StandardSchemaV1,
} from "./schema.ts";
import { defineTask, type TaskOptions } from "./settings.ts";
import type { Caller } from "./signature.ts";
import { queueName, tableName } from "./store/table.ts";
import { type Replacement, Surroundings } from "./surroundings.ts";
import type { BoundHandler, RegisteredTask, Task } from "./task.ts";
import { taskSignatures } from "./task-signatures.ts";
import { type Sending, Tracing } from "./tracing.ts";
import type { Envelope } from "./wire/envelope.ts";
import { isTaskName, TASK_NAME } from "./wire/fields.ts";
import type { JsonObject, JsonValue } from "./wire/serializer.ts";
import { CHAIN, calledTask } from "./wire/signature.ts";
import type { Handler } from "./worker/invoke.ts";
import { onFargate, type Workload } from "./workload.ts";

export type { AppOptions };

/** `kwargs` are for tasks written in Python, and reach a TypeScript handler as one last argument. */
export interface SendOptions<R = unknown> extends CallOptions<R> {
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** Defines an app. The name is the prefix of its queues and the name of its table. Throws InvalidOption. */
export function createApp(name: string, options: AppOptions = {}): App {
  return new App(name, options);
}

export class App {
  readonly name: string;
  readonly include: readonly string[];
  readonly workloads: Readonly<Record<string, Workload>>;
  /** Undefined where large arguments and results are refused. */
  readonly payloads: PayloadSettings | undefined;
  /** Longest line of tasks that send tasks. */
  readonly maxHops: number;
  /** Keys the ids of its tasks. */
  readonly key: IdKey;
  /** Undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
  /** Who listens to what happens (`on`). */
  readonly events = new Events();
  readonly #defaults: TaskOptions;
  readonly #defaultHooks: readonly TaskHooks[];
  readonly #resources = new OpenResources();
  readonly #ownLogger: boolean;
  #log: Logger;
  readonly #tasks = new Map<string, RegisteredTask>();
  readonly #surroundings: Surroundings;
  readonly #sending = new Set<Promise<unknown>>();
  #failedSend: { readonly reason: unknown } | undefined;

  constructor(name: string, options: AppOptions) {
    const given = checkApp(name, options);
    tableName(name); // throws where the name cannot be one
    this.name = name;
    this.include = given.include ?? [];
    this.workloads = Object.freeze({ ...(given.workloads ?? { default: onFargate({ work: "io" }) }) });
    for (const workload of Object.keys(this.workloads)) queueName(name, workload);
    this.payloads = given.payloads;
    this.maxHops = given.maxHops ?? MAX_HOPS.default;
    const clock = options.clock ?? systemClock;
    this.#ownLogger = options.logger !== undefined;
    this.#log = options.logger ?? quietLogger(clock);
    this.key = idKey(name);
    this.tracing = given.opentelemetry && new Tracing(given.opentelemetry, () => this.log);
    this.#defaults = options.defaults ?? {};
    this.#defaultHooks = defineTask("(none)", {}, this.#defaults).hooks; // wrong defaults are refused here, not at the first task
    const connect = given.eager ? eagerly(this, given.eager) : (options.connect ?? connectToAws);
    this.#surroundings = new Surroundings(name, connect, clock, this.payloads);
  }

  get clock(): Clock {
    return this.#surroundings.current.clock;
  }

  get log(): Logger {
    return this.#surroundings.current.logger ?? this.#log;
  }

  /**
   * Runs calls in place from now on, until it is disposed of: `using _ = app.eager()`. `delay()` and `applyAsync()` resolve
   * when the task, its retries and its callbacks have ended; nothing is waited for in between, and countdowns are ignored.
   * Throws InvalidOption.
   */
  eager(options: EagerOptions = {}): Disposable {
    const checked = eagerOption(options, "the option of eager()");
    return this.replace({ connect: eagerly(this, checked || {}) });
  }

  /** Puts other back ends, and perhaps a clock and a logger, in the place of the app's own until disposed of: for tests. */
  replace(replacement: Replacement): Disposable {
    return this.#surroundings.replace(replacement);
  }

  /** Logs to `logger` from now on, unless the app was created with one of its own. What a worker process does. */
  logTo(logger: Logger): void {
    if (!this.#ownLogger) this.#log = logger;
  }

  /** Defines a task: a name, options, a function. Throws InvalidOption, DuplicateTask. */
  task<A extends readonly unknown[], R>(name: string, handler: (...args: A) => R): Task<A, Awaited<R>, R>;
  task<const S extends ArgsSchema, R extends Returns<RS>, RS extends StandardSchemaV1 | undefined = undefined>(
    name: string,
    options: TaskOptions & { readonly bind: true; readonly args: S; readonly result?: RS },
    handler: BoundHandler<ArgsOutput<S>, R>,
  ): Task<ArgsInput<S>, Returned<RS, R>, R>;
  task<const S extends ArgsSchema, R extends Returns<RS>, RS extends StandardSchemaV1 | undefined = undefined>(
    name: string,
    options: TaskOptions & { readonly bind?: false; readonly args: S; readonly result?: RS },
    handler: (...args: ArgsOutput<S>) => R,
  ): Task<ArgsInput<S>, Returned<RS, R>, R>;
  task<A extends readonly unknown[], R extends Returns<RS>, RS extends StandardSchemaV1 | undefined = undefined>(
    name: string,
    options: TaskOptions & { readonly bind: true; readonly args?: undefined; readonly result?: RS },
    handler: BoundHandler<A, R>,
  ): Task<A, Returned<RS, R>, R>;
  task<A extends readonly unknown[], R extends Returns<RS>, RS extends StandardSchemaV1 | undefined = undefined>(
    name: string,
    options: TaskOptions & { readonly bind?: false; readonly args?: undefined; readonly result?: RS },
    handler: (...args: A) => R,
  ): Task<A, Returned<RS, R>, R>;
  task(name: string, optionsOrHandler: object, maybeHandler?: Handler): Task {
    const options = maybeHandler === undefined ? {} : optionsOrHandler;
    const handler = (maybeHandler ?? optionsOrHandler) as Handler; // checked in the next lines
    if (!isTaskName(name)) throw new InvalidOption(`a task's name is ${describe(name)}; it takes ${TASK_NAME}`);
    if (typeof handler !== "function")
      throw new InvalidOption(`task "${name}" has ${describe(handler)} for a handler; it takes a function`);
    if (this.#tasks.has(name)) throw new DuplicateTask(name);
    const task = { ...defineTask(name, options, this.#defaults), handler };
    this.#demandWorkload(task.settings.workload, `task "${name}"`);
    if (this.payloads) demandKept(name, task.settings.resultExpires);
    this.#tasks.set(name, task);
    return this.#makeTask(task);
  }

  /**
   * Adds a listener of a lifecycle event, such as "taskFailure"; disposing of the answer removes it. Celery: signals.
   * Throws InvalidOption.
   */
  on<N extends EventName>(name: N, listener: Listener<N>): Disposable {
    return this.events.on(name, listener);
  }

  /** Something that is opened once for each process, or once for each run of a task. Throws InvalidOption. */
  resource<T>(name: string, options: WorkerResourceOptions<T> | TaskResourceOptions<T>): Resource<T> {
    return makeResource(name, options, this.#resources);
  }

  /** Hooks of a task, the app's first; of a task that is unknown here the app's alone. */
  hooksOf(task: string): readonly TaskHooks[] {
    return this.#tasks.get(task)?.hooks ?? this.#defaultHooks;
  }

  /** Sends a task by its name: one written in Python, or defined in another code base. @throws as `Task.applyAsync` */
  sendTask<R = unknown>(
    name: string,
    args: readonly unknown[] = [],
    { kwargs = {}, ...options }: SendOptions<R> = {},
  ): Promise<AsyncResult<R>> {
    return this.#send<R>(name, args, kwargs, options);
  }

  /** The result of an id stored earlier, in any process. Nothing is read yet. */
  result<R = unknown>(id: string): AsyncResult<R> {
    return new AsyncResult<R>(id, this.resultDeps());
  }

  /** The tasks defined so far, by name. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#tasks;
  }

  /**
   * Waits until every call made so far has been accepted. Throws the first failure since the last flush, whether or not
   * anybody awaited that call. For a Lambda, before it answers.
   */
  async flush(): Promise<void> {
    await Promise.allSettled([...this.#sending]);
    const failed = this.#failedSend;
    this.#failedSend = undefined;
    if (failed) throw failed.reason;
  }

  /** Waits for what is being sent, then closes the resources of this process and the connections. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#sending]);
    await this.closeResources();
    await this.#surroundings.current.connection.close();
  }

  /** Closes what `resource()` has opened in this process: what a worker does at its end. What fails is logged. */
  async closeResources(): Promise<void> {
    await this.#resources.close(undefined, this.log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The back ends, connected: what workers and the CLI use. */
  backends(): Promise<Backends> {
    return this.#surroundings.current.connection.open();
  }

  #makeTask({ settings, handler, schemas }: RegisteredTask): Task {
    const { name } = settings;
    const direct = (...given: readonly unknown[]) => {
      const call = handler as (...args: unknown[]) => unknown; // a plain call: the types are the task's own
      const args = checkArgs(name, schemas, given);
      return settings.bind ? call(this.#directContext(name, given), ...args) : call(...args);
    };
    const task = Object.assign(direct, {
      delay: (...args: readonly unknown[]) => this.#send(name, args, {}, {}),
      applyAsync: (args: readonly unknown[], options: CallOptions = {}) => this.#send(name, args, {}, options),
      ...taskSignatures(name, schemas, this.#caller),
      result: (id: string) => this.result(id),
      taskName: name,
      settings,
    });
    Object.defineProperty(task, "name", { value: name });
    return task as unknown as Task; // the overloads of task() give it its types
  }

  readonly #caller: Caller = {
    app: this,
    plans: false,
    send: async (wire, given, options) => {
      if (wire.task === CHAIN) return planner(this).send(wire, given, options);
      return this.#send(wire.task, wire.immutable ? wire.args : [...given, ...wire.args], wire.kwargs, options);
    },
  };

  /** Whatever is wrong with the call rejects at once and loudly; an unreachable queue is logged too, for calls nobody awaits. */
  #send<R>(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: CallOptions<R>,
  ): Promise<AsyncResult<R>> {
    const task = this.#tasks.get(name);
    const settings = (task ?? this.#tasks.get(calledTask({ task: name, kwargs })))?.settings;
    const { clock, connection } = this.#surroundings.current;
    let planned: ReturnType<typeof plan>;
    const span: { sending?: Sending | undefined } = {};
    try {
      if (!isTaskName(name)) throw new InvalidOption(`a task's name is ${describe(name)}; it takes ${TASK_NAME}`);
      if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) {
        throw new InvalidOption(`kwargs of "${name}" is ${kindOf(kwargs)}; it takes an object`);
      }
      if (!Array.isArray(args))
        throw new InvalidOption(`the arguments of "${name}" are ${kindOf(args)}; they are an array`);
      if (task) checkArgs(name, task.schemas, Object.keys(kwargs).length === 0 ? args : [...args, kwargs]);
      const checked = checkCall(`the call of "${name}"`, options, settings, clock);
      const workload = checked.workload ?? settings?.workload ?? "default";
      this.#demandWorkload(workload, `the call of "${name}"`);
      const call = {
        task: name,
        args,
        kwargs,
        options: checked,
        workload,
        queue: queueName(this.name, workload),
        maxHops: this.maxHops,
        ignoreResult: settings?.ignoreResult ?? false,
      };
      const heard = this.events.has("beforeTaskPublish") ? this.#beforePublish : undefined;
      const { tracing } = this;
      const before =
        tracing === undefined
          ? heard
          : (asked: Envelope) => {
              const envelope = heard?.(asked, workload) ?? asked;
              span.sending = tracing.send(call.queue, name, envelope.id);
              return span.sending ? { ...envelope, headers: span.sending.headers(envelope.headers) } : envelope;
            };
      planned = plan(call, this.key, clock, this.payloads, before);
    } catch (error) {
      span.sending?.failed(error);
      const refused = Promise.reject(error);
      // Outside a task a call nobody awaits fails loudly. Inside, or in its hooks, one task's mistake must not end the worker of all.
      const inside = line();
      if (inside) refused.catch(() => inside.log.error({ call: name, error: String(error) }, "a call was refused"));
      return refused;
    }
    const { id } = planned.envelope;
    const result = this.result<R>(id);
    const leave = () =>
      connection.open().then((backends) => send(planned, options.taskId !== undefined, backends, clock));
    const sent = (span.sending ? span.sending.during(leave) : leave()).then(() => {
      if (this.events.has("afterTaskPublish"))
        this.events.emitNow("afterTaskPublish", { id, task: name, workload: planned.workload }, this.log);
      return result;
    });
    return this.sending(sent, name, id);
  }

  /** What `flush()`, `close()` and the run of the task that sends it wait for. */
  sending<R>(sent: Promise<R>, task: string, id: string): Promise<R> {
    const sends = running()?.sends; // a task's run waits for its own
    this.#sending.add(sent);
    sends?.add(sent);
    const settled = () => {
      this.#sending.delete(sent);
      sends?.delete(sent);
    };
    sent.then(settled, (error: unknown) => {
      settled();
      this.#failedSend ??= { reason: error };
      if (error instanceof TaskFailed) return; // an eager call that propagates: it has been logged as every failure is
      this.log.error({ task, id, error: String(error) }, "could not send a task");
    });
    return sent;
  }

  /** Listeners may add headers; what no message can carry is refused here, and the call goes out as it was. */
  readonly #beforePublish = (envelope: Envelope, workload: string): Envelope => {
    const { id, task, args, kwargs } = envelope;
    const headers = { ...envelope.headers };
    this.events.emitNow("beforeTaskPublish", { id, task, args, kwargs, workload, headers }, this.log);
    try {
      return { ...envelope, headers: checkHeaders(headers, "headers of a listener of beforeTaskPublish") };
    } catch (error) {
      this.log.error({ task, id, error: String(error) }, "a listener of beforeTaskPublish set wrong headers");
      return envelope;
    }
  };

  /** The workload of this name, if the app has one: no member that every object has. */
  workload(name: string): Workload | undefined {
    return Object.hasOwn(this.workloads, name) ? this.workloads[name] : undefined;
  }

  #demandWorkload(name: string, owner: string): void {
    if (this.workload(name) === undefined)
      throw new InvalidOption(
        `workload of ${owner} is "${name}"; app "${this.name}" has ${Object.keys(this.workloads).join(", ")}`,
      );
  }

  /** What handles of results read with. */
  resultDeps(): ResultDeps {
    const { clock, connection } = this.#surroundings.current;
    return { app: this.name, key: this.key, clock, open: () => connection.open() };
  }

  #directContext(task: string, args: readonly unknown[]): TaskContext {
    const id = "called-directly";
    const facts = {
      id,
      task,
      args: args as readonly JsonValue[],
      kwargs: {} as JsonObject,
      retries: 0,
      rootId: id,
      ...{ parentId: undefined, redrivenFrom: undefined },
      ...{ headers: {}, stamps: {}, hops: 0 },
      timeLimit: Number.POSITIVE_INFINITY,
      softTimeLimit: Number.POSITIVE_INFINITY,
      worker: "in place",
      delivery: { workload: "none", messageId: "none", receiveCount: 0 },
      calledDirectly: true,
      signal: new AbortController().signal,
      log: this.log.child({ task }),
    };
    return makeContext(facts, async () => {}, this.clock);
  }
}

function quietLogger(clock: Clock): Logger {
  return createJsonLogger({ level: "warn", clock, write: (line) => process.stderr.write(`${line}\n`) });
}
