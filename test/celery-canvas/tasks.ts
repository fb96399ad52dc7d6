// The tasks of Celery's integration tests (t/integration/tasks.py), by their names. Where those write to Redis, these write to a journal.
import type { App } from "../../lib/app.ts";
import { chain, group, signature } from "../../lib/canvas.ts";
import type { TaskContext } from "../../lib/context.ts";
import { Reject, SoftTimeLimitExceeded } from "../../lib/errors.ts";
import type { BoundHandler, Task } from "../../lib/task.ts";
import type { JsonObject, JsonValue } from "../../lib/wire/serializer.ts";
import type { Journal } from "./journal.ts";
import { NESTED, type Shape } from "./nested.ts";
import { joined, listed, total } from "./python.ts";
import { rebuilt } from "./rebuilt.ts";

export class ExpectedException extends Error {
  override readonly name = "ExpectedException";
}

export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** Keyword arguments: a handler gets them as its last one. */
interface Third {
  readonly z?: number;
}

export type CeleryTasks = ReturnType<typeof celeryTasks>;

export function celeryTasks(app: App, journal: () => Journal) {
  function task<A extends readonly unknown[], R>(name: string, handler: BoundHandler<A, R>) {
    return app.task(name, { bind: true }, async (ctx: TaskContext, ...args: A): Promise<Awaited<R>> => {
      const run = { id: ctx.id, task: name, retries: ctx.retries, args, stamps: ctx.stamps };
      journal().ran(run);
      try {
        return await handler(ctx, ...args);
      } catch (error) {
        if (error instanceof Reject) journal().givenBack(run);
        throw error;
      }
    });
  }

  const identity = task("identity", (_ctx, x: JsonValue) => x);
  const add = task("add", (_ctx, x: JsonValue, y: JsonValue, { z = 0 }: Third = {}) =>
    z === 0 ? joined(x, y) : joined(joined(x, y), z),
  );
  const fail = task("fail", (_ctx, _given?: JsonValue): JsonValue => {
    throw new ExpectedException("Task expected to fail");
  });
  const raiseError = task("raise_error", (_ctx, _given?: JsonValue): JsonValue => {
    throw new ValueError("deliberate error");
  });
  const redisEcho = task("redis_echo", (_ctx, message: JsonValue, key: string = "redis-echo"): JsonValue => {
    journal().push(key, message);
    return null;
  });
  const echoing = (message: JsonValue) => (message === null ? redisEcho.s() : redisEcho.si(message));
  const mul = task("mul", (_ctx, x: JsonValue, y: JsonValue) => Number(x) * Number(y));
  const tsum = task("tsum", (_ctx, nums: JsonValue): JsonValue => total(nums));
  const xsum = task("xsum", (_ctx, nums: JsonValue): JsonValue => total(nums));

  const delayedSum = task("delayed_sum", async (ctx, nums: JsonValue, pause: number) => {
    await ctx.sleep(pause);
    return total(nums);
  });
  const delayedSumWithSoftGuard = task("delayed_sum_with_soft_guard", async (ctx, nums: JsonValue, pause: number) => {
    try {
      await ctx.sleep(pause);
      return total(nums);
    } catch (error) {
      if (error instanceof SoftTimeLimitExceeded) return 0;
      throw error;
    }
  });

  const addReplaced = task("add_replaced", (ctx, x: JsonValue, y: JsonValue): JsonValue => ctx.replace(add.s(x, y)));
  const addToAll = task("add_to_all", (ctx, nums: JsonValue, value: JsonValue): JsonValue => {
    return ctx.replace(group(listed(nums).map((num) => add.s(num, value))));
  });
  const failReplaced = task("fail_replaced", (ctx): JsonValue => ctx.replace(fail.si()));
  const replaceWithChain = task("replace_with_chain", (ctx, value: JsonValue, message: JsonValue = null): JsonValue => {
    return ctx.replace(chain(identity.s(value), identity.s()).link(echoing(message)));
  });
  const replaceWithChainWhichRaises = task(
    "replace_with_chain_which_raises",
    (ctx, value: JsonValue, message: JsonValue = null): JsonValue => {
      return ctx.replace(chain(identity.s(value), raiseError.s()).linkError(echoing(message)));
    },
  );
  const replaceWithEmptyChain = task("replace_with_empty_chain", (ctx, _value: JsonValue): JsonValue => {
    const empty = signature<[], JsonValue>({ task: "celery.chain", kwargs: { tasks: [] } }, app);
    return ctx.replace(empty);
  });
  const replacedWithMe = task("replaced_with_me", () => true);

  const replaceWithStampedTask = task("replace_with_stamped_task", (ctx): JsonValue => {
    return ctx.replace(replacedWithMe.s().stamp({ StampOnReplace: "This is the replaced task" }));
  });

  const secondOrderReplace1: Task<[state?: boolean], JsonValue> = task(
    "second_order_replace1",
    (ctx, state: boolean = false): JsonValue => {
      journal().push("redis-echo", state ? "Out A" : "In A");
      return state ? null : ctx.replace(chain(secondOrderReplace2.s(), secondOrderReplace1.si(true)));
    },
  );
  const secondOrderReplace2: Task<[state?: boolean], JsonValue> = task(
    "second_order_replace2",
    (ctx, state: boolean = false): JsonValue => {
      journal().push("redis-echo", state ? "Out B" : "In B");
      return state ? null : ctx.replace(chain(redisEcho.s("In/Out C"), secondOrderReplace2.si(true)));
    },
  );

  return {
    ...{ identity, add, mul, tsum, xsum, fail, raiseError, redisEcho, delayedSum, delayedSumWithSoftGuard },
    ...{ addReplaced, addToAll, failReplaced, replaceWithChain, replaceWithChainWhichRaises, replaceWithEmptyChain },
    ...{ replacedWithMe, replaceWithStampedTask, secondOrderReplace1, secondOrderReplace2 },
    ids: task("ids", ({ rootId, parentId = null }, i: number): JsonValue => [rootId, parentId, i]),
    collectIds: task("collect_ids", ({ rootId, parentId = null }, previous: JsonValue, i: number): JsonValue => {
      return [previous, [rootId, parentId, i]];
    }),
    redisCount: task("redis_count", (_ctx, key: string): JsonValue => {
      journal().push(key, 1);
      return null;
    }),
    errbackOldStyle: task("errback_old_style", (_ctx, failed: string) => {
      journal().push(failed, 1);
      return failed;
    }),
    retryOnce: task("retry_once", (ctx): number => {
      return ctx.retries > 0 ? ctx.retries : ctx.retry({ countdown: 1, maxRetries: 1 });
    }),
    buildChainInsideTask: task("build_chain_inside_task", async (): Promise<JsonValue> => {
      const sent = await chain(add.s(1, 1), add.s(2), group([add.s(3), add.s(4)])).delay();
      return JSON.parse(JSON.stringify([sent]));
    }),
    rebuildSignature: task("rebuild_signature", (_ctx, wire: JsonValue) => rebuilt(wire as JsonObject, app)), // what signatures write
    returnNestedSignature: task("return_nested_signature", (_ctx, shape: Shape): JsonValue => {
      return JSON.parse(JSON.stringify(NESTED[shape].make(add, tsum)));
    }),
    storeSuccessThenReject: task("store_success_then_reject", (): JsonValue => {
      return journal().runs("store_success_then_reject").length === 1 ? "first-pass" : "second-pass";
    }),
    rejectThenSucceed: task("reject_then_succeed", ({ id }) => {
      const first = journal().list(id).length === 0;
      journal().push(id, "run");
      if (first) throw new Reject({ requeue: true });
      return "second-pass";
    }),
  };
}
