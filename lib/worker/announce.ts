// Tells hooks and listeners how a task ended, after that is recorded. Whatever they do, the task is not touched any more.
import type { App } from "../app.ts";
import type { Clock } from "../clock.ts";
import { factsOf, inLine } from "../context.ts";
import { HOOKS_SECONDS } from "../defaults.ts";
import { attempt, type EventName } from "../events.ts";
import type { HookContext, HookName, TaskHooks } from "../hooks.ts";
import type { Logger } from "../log.ts";
import { toError } from "../wire/failure.ts";
import { limit } from "./invoke.ts";
import type { Ended } from "./job.ts";

const EVENTS = {
  success: "taskSuccess",
  failure: "taskFailure",
  retry: "taskRetry",
  revoked: "taskRevoked",
  rejected: "taskRejected",
} as const satisfies Record<Ended["ending"]["kind"], EventName>;

const HOOKS: Readonly<Record<Ended["ending"]["kind"], readonly HookName[]>> = {
  success: ["onSuccess", "afterReturn"],
  failure: ["onFailure", "afterReturn"],
  retry: ["onRetry"],
  revoked: [],
  rejected: [],
};

/** Whether anybody wants to know: mostly nobody does, and no process is bothered. */
export function isHeard(app: App, { envelope, ending }: Ended): boolean {
  const names = HOOKS[ending.kind];
  return (
    app.events.has(EVENTS[ending.kind]) ||
    (ending.kind === "failure" && ending.unknownTask === true && app.events.has("taskUnknown")) ||
    app.hooksOf(envelope.task).some((hooks) => names.some((name) => hooks[name] !== undefined))
  );
}

/** In this process. */
export async function announceHere(app: App, ended: Ended, seconds: number = HOOKS_SECONDS): Promise<void> {
  const ctx = hookContext(ended);
  const line = () => inLine(ctx, () => tell(app, ctx, ended));
  const told = app.tracing ? app.tracing.after(ended.envelope.headers, line) : line();
  await notLonger(seconds, told, "hooks and listeners", app.clock, ended.log);
}

/** Resolves when user code has ended, and at the latest after `seconds`, with a line in the log. */
export async function notLonger(
  seconds: number,
  told: Promise<void>,
  what: string,
  clock: Clock,
  log: Logger,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const cancel = limit(clock, seconds, () => {
    log.error({}, `${what} took longer than ${Math.round(seconds * 10) / 10} s, and are not waited for any more`);
    resolve();
  });
  await Promise.race([told, late]);
  cancel();
}

/** Resolves when user code has ended, and at the latest when `hurry` aborts: the worker ends. */
export async function unlessHurried(told: Promise<void>, hurry: AbortSignal | undefined): Promise<void> {
  if (hurry === undefined) return told;
  const { promise: hurried, resolve } = Promise.withResolvers<void>();
  const stopWaiting = () => resolve();
  if (hurry.aborted) resolve();
  else hurry.addEventListener("abort", stopWaiting, { once: true });
  try {
    await Promise.race([told, hurried]);
  } finally {
    hurry.removeEventListener("abort", stopWaiting); // it outlives every task
  }
}

async function tell(app: App, ctx: HookContext, { ending, log }: Ended): Promise<void> {
  const { events } = app;
  switch (ending.kind) {
    case "success": {
      const result: unknown = ending.result === undefined ? undefined : JSON.parse(ending.result);
      await callHooks(app, ctx, "onSuccess", (hooks) => hooks.onSuccess?.(ctx, result));
      await callHooks(app, ctx, "afterReturn", (hooks) => hooks.afterReturn?.(ctx, "SUCCESS"));
      return events.emit("taskSuccess", { ctx, result }, log);
    }
    case "failure": {
      const error = toError(ending.failure);
      if (ending.unknownTask) await events.emit("taskUnknown", { ctx, error }, log);
      await callHooks(app, ctx, "onFailure", (hooks) => hooks.onFailure?.(ctx, error));
      await callHooks(app, ctx, "afterReturn", (hooks) => hooks.afterReturn?.(ctx, "FAILURE"));
      return events.emit("taskFailure", { ctx, error, expected: ending.expected }, log);
    }
    case "retry": {
      const error = ending.failure && toError(ending.failure);
      const retryAt = new Date(ending.retryAt);
      await callHooks(app, ctx, "onRetry", (hooks) => hooks.onRetry?.(ctx, error, retryAt));
      return events.emit("taskRetry", { ctx, error, retryAt }, log);
    }
    case "revoked":
      return events.emit("taskRevoked", { ctx, reason: ending.reason }, log);
    case "rejected":
      return events.emit("taskRejected", { ctx, reason: ending.reason, requeue: ending.requeue }, log);
    default:
      return ending satisfies never;
  }
}

async function callHooks(
  app: App,
  ctx: Pick<HookContext, "task" | "log">,
  name: HookName,
  call: (hooks: TaskHooks) => unknown,
): Promise<void> {
  for (const hooks of app.hooksOf(ctx.task)) {
    if (hooks[name]) await attempt(() => call(hooks), `${name} of task "${ctx.task}"`, ctx.log);
  }
}

export function hookContext({
  envelope,
  workload,
  owner,
  messageId,
  receiveCount,
  log,
}: Omit<Ended, "ending">): HookContext {
  return Object.freeze({
    ...factsOf(envelope),
    workload,
    worker: owner,
    messageId,
    receiveCount,
    log,
  });
}
