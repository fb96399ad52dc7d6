// celery.map and celery.starmap: a task that is called for each of a list's items, one after another, in one message.
import type { App } from "../app.ts";
import type { Clock } from "../clock.ts";
import type { TaskContext } from "../context.ts";
import { kindOf } from "../duration.ts";
import { Ignore, InvalidOption, Reject, Replace, Retry, WrongContext } from "../errors.ts";
import { checkArgs, checkResult } from "../schema.ts";
import { type TaskSettings, taskSettings } from "../settings.ts";
import type { RegisteredTask } from "../task.ts";
import type { Envelope } from "../wire/envelope.ts";
import type { JsonValue } from "../wire/serializer.ts";
import { calledTask, isMapped, STARMAP } from "../wire/signature.ts";

/**
 * The task that a message runs. Of a map, in the settings of the task that it calls; in those of any task while nobody can tell which that
 * is: its arguments lie in the payload store, or it names none and fails when it runs. Undefined where that task is not registered.
 */
export function taskOf(app: App, message: Pick<Envelope, "task" | "kwargs">): RegisteredTask | undefined {
  const { task } = message;
  const own = app.tasks.get(task);
  if (own !== undefined || !isMapped(task)) return own;
  const called = calledTask(message);
  const each = app.tasks.get(called);
  if (each === undefined && called !== task) return undefined;
  return {
    settings: Object.freeze({ ...(each?.settings ?? NAMELESS), bind: true }),
    hooks: app.hooksOf(task),
    schemas: {},
    handler: (ctx: TaskContext, call?: JsonValue) => callEach(task, each, itemsOf(task, call), ctx, app.clock),
  };
}

const NAMELESS: TaskSettings = taskSettings("(none)", {}, {});

/** Throws InvalidOption. */
function itemsOf(map: string, call: JsonValue | undefined): readonly JsonValue[] {
  const it = typeof call === "object" && call !== null && "it" in call ? call.it : undefined;
  if (Array.isArray(it)) return it;
  throw new InvalidOption(`it of ${map} is ${kindOf(it)}; it takes a list, as task.map([...]) makes it`);
}

/** Longest time that calls which never wait keep the thread, in ms: others share it, and so does the heartbeat. */
const TURN_MS = 20;

async function callEach(
  map: string,
  task: RegisteredTask | undefined,
  items: readonly JsonValue[],
  ctx: TaskContext,
  clock: Clock,
): Promise<readonly unknown[]> {
  if (task === undefined) throw new InvalidOption(`task of ${map} is no signature; make it with task.map([...])`);
  const results: unknown[] = [];
  let turn = clock.monotonic();
  for (const [index, item] of items.entries()) {
    if (clock.monotonic() - turn > TURN_MS) {
      await ctx.sleep(0);
      turn = clock.monotonic();
    }
    ctx.signal.throwIfAborted();
    try {
      results.push((await callOne(map, task, item, ctx)) ?? null);
    } catch (error) {
      throw about(index, map, error);
    }
  }
  return results;
}

async function callOne(
  map: string,
  { settings: { name, bind }, schemas, handler }: RegisteredTask,
  item: JsonValue,
  ctx: TaskContext,
): Promise<unknown> {
  const given = map === STARMAP ? item : [item];
  if (!Array.isArray(given))
    throw new InvalidOption(`it is ${kindOf(item)}; ${map} takes a list of lists of arguments`);
  const args = checkArgs(name, schemas, given);
  const call = handler as (...args: readonly unknown[]) => unknown; // arguments come from JSON; their types are the caller's promise
  return checkResult(name, schemas, await (bind ? call(ctx, ...args) : call(...args)));
}

/** What is no error of an item but a word about the whole run. */
const WORDS = [Retry, Ignore, Reject];

/** Says which item it was. The error stays the same one: its type decides about retries. */
function about(index: number, map: string, error: unknown): unknown {
  if (error instanceof Replace)
    return new WrongContext(
      `item ${index} of ${map} called replace(), which would replace the whole map; send a group instead`,
    );
  if (!(error instanceof Error) || WORDS.some((type) => error instanceof type)) return error;
  Reflect.set(error, "message", `item ${index} of ${map}: ${error.message}`); // some cannot be changed
  return error;
}
