// A group whose members come from a stream: sent as they come, some hundred on their way at a time, and none of them held.
//
// Whoever was stopped begins again under the same id (`taskId`, or inside a task that runs again), with a stream that gives the same
// members in the same order: those before the latest checkpoint are passed over, those after it are sent again, and are the same tasks.

import type { App } from "./app.ts";
import { startStreamed } from "./core/canvas-plan.ts";
import { STORED } from "./core/canvas-shape.ts";
import { planStream, type StreamPlan, streamed } from "./core/canvas-stream.ts";
import { following } from "./core/follow-ups.ts";
import { checkSize, newHead } from "./core/join.ts";
import { JOINS } from "./defaults.ts";
import { describe } from "./duration.ts";
import { InvalidOption } from "./errors.ts";
import { groupHandle, handleAfter } from "./handles.ts";
import { joinsOf } from "./joins.ts";
import { calledNow, type Outlet, outlet, show } from "./launch.ts";
import { routesOf } from "./routes.ts";
import { type Caller, Signature } from "./signature.ts";
import type { JsonValue } from "./wire/serializer.ts";
import { type WireSignature, wireSignature } from "./wire/signature.ts";
import { begin, carryOut, complete } from "./worker/carry-out.ts";
import { sealJoin } from "./worker/join.ts";

/** Members that are on their way at a time. */
const LANES = 256;

export interface StreamCaller extends Caller {
  readonly members: AsyncIterable<unknown>;
}

/** Sends a canvas that begins with `members`. `app`: undefined where only they know it. */
export function streamCaller(members: AsyncIterable<unknown>, app: App | undefined): StreamCaller {
  return {
    app,
    members,
    plans: true,
    send: async (wire, args, options) => {
      const stream = members[Symbol.asyncIterator]();
      const first = await stream.next();
      const owner = app ?? (first.done === true ? undefined : memberOf(first.value, 0)["~caller"].app);
      if (owner === undefined)
        throw new InvalidOption(
          "a group without a single task belongs to no app; make it the header of a chord, or call nothing",
        );
      const called = calledNow(owner, wire, args, options);
      const planned = planStream(called.sig, called, { ...routesOf(owner), now: owner.clock.now() });
      const sent = new Stream(owner, planned, called.args, await outlet(owner)).send(resumed(first, stream));
      return owner.sending(sent, wire.task, planned.id);
    },
  };
}

class Stream {
  readonly #app: App;
  readonly #plan: StreamPlan;
  readonly #args: readonly JsonValue[];
  readonly #outlet: Outlet;
  readonly #onTheirWay = new Set<Promise<void>>();
  #failed: { readonly reason: unknown } | undefined;

  constructor(app: App, plan: StreamPlan, args: readonly JsonValue[], out: Outlet) {
    this.#app = app;
    this.#plan = plan;
    this.#args = args;
    this.#outlet = out;
  }

  async send(members: AsyncIterable<unknown>): Promise<unknown> {
    const { id, group, join, line, template } = this.#plan;
    const { send, deps } = this.#outlet;
    const joins = await joinsOf(deps);
    const { clock } = this.#app;
    await show(this.#app, this.#plan, async () => joins, group);
    const head = join
      ? await begin(join, undefined, line, send, deps)
      : await joins.open(newHead({ id: group }, clock.now()));
    let size = 0;
    let given = 0;
    let checkpoint = afterCheckpoint(head.published);
    for await (const member of members) {
      for (const one of streamed(template, memberOf(member, given).wire)) {
        if (size >= head.published) await this.#sendMember(one, size);
        size++;
        if (size < checkpoint) continue;
        await this.#arrived();
        await joins.checkpoint(group, size, clock.now());
        checkpoint = afterCheckpoint(size);
      }
      given++;
    }
    await this.#arrived();
    if (join === undefined) {
      const sealed = await joins.sealHead(group, checkSize(group, size));
      return groupHandle(id, sealed?.size ?? size, this.#app);
    }
    const completion = await sealJoin(joins, group, size);
    if (completion) await complete(completion, wireSignature(STORED), line, send, deps);
    return handleAfter(group, size, id, this.#app);
  }

  async #sendMember(one: WireSignature, index: number): Promise<void> {
    const { group, join, line } = this.#plan;
    const { send, deps } = this.#outlet;
    const routes = { ...deps.routes, now: deps.clock.now() };
    const wave = startStreamed(one, index, group, join, this.#args, line, routes);
    const sent = carryOut(following({ ...wave, ended: [] }, line), send, deps)
      .catch((reason: unknown) => {
        this.#failed ??= { reason };
      })
      .finally(() => this.#onTheirWay.delete(sent));
    this.#onTheirWay.add(sent);
    if (this.#onTheirWay.size >= LANES) await Promise.race(this.#onTheirWay);
    this.#demandSent();
  }

  async #arrived(): Promise<void> {
    await Promise.all(this.#onTheirWay);
    this.#demandSent();
  }

  /** One that could not be sent ends the stream: the checkpoint must not go past it. */
  #demandSent(): void {
    if (this.#failed) throw this.#failed.reason;
  }
}

/** Ever farther apart, so that a million members take some fifty: all of them write to one head. */
function afterCheckpoint(published: number): number {
  return published + Math.max(JOINS.checkpointEvery, published * JOINS.checkpointPart);
}

function memberOf(value: unknown, index: number): Signature<never, unknown, unknown> {
  if (value instanceof Signature && !("members" in value["~caller"])) return value;
  throw new InvalidOption(
    `member ${index} of a group's stream is ${describe(value)}; it takes signatures, made with task.s(...), group([...]) and the like`,
  );
}

/** A stream whose first was taken out. */
async function* resumed(first: IteratorResult<unknown>, rest: AsyncIterator<unknown>): AsyncGenerator<unknown> {
  try {
    for (let one = first; one.done !== true; one = await rest.next()) yield one.value;
  } finally {
    await rest.return?.();
  }
}
