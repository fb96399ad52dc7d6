// A canvas that is called: planned here, and its plan carried out.

import type { App } from "./app.ts";
import { type CallOptions, wireOptions } from "./call-options.ts";
import { line, running } from "./context.ts";
import { type Called, type Plan, plan } from "./core/canvas-plan.ts";
import { final, GROUP, isCanvas, tasksOf } from "./core/canvas-shape.ts";
import { following, type Publication } from "./core/follow-ups.ts";
import { nextHop } from "./core/hops.ts";
import { newHead } from "./core/join.ts";
import { handleOf } from "./handles.ts";
import { joinsOf } from "./joins.ts";
import { storeOf } from "./payloads.ts";
import { planWith } from "./planning.ts";
import type { JoinStore } from "./ports/join-store.ts";
import { nextId } from "./publish.ts";
import { routesOf } from "./routes.ts";
import type { Caller } from "./signature.ts";
import { queueName } from "./store/table.ts";
import { type Sealed, seal } from "./wire/seal.ts";
import { assertJson, type JsonValue } from "./wire/serializer.ts";
import type { WireSignature } from "./wire/signature.ts";
import { type CarryOutDeps, carryOut, type Send } from "./worker/carry-out.ts";
import { keepOutline } from "./worker/outlines.ts";

/** Sends canvases, and tasks, of an app. */
export function launcher(app: App): Caller {
  return {
    app,
    plans: true,
    send: async (wire, args, options) => {
      if (isCanvas(wire)) {
        const planned = planCall(app, wire, args, options);
        return app.sending(launch(app, planned), wire.task, planned.id);
      }
      const { task, kwargs, immutable } = wire;
      return app.sendTask(task, immutable ? wire.args : [...args, ...wire.args], { kwargs, ...options });
    },
  };
}

planWith(launcher);

/** Throws InvalidOption or NotSerializable. */
export function planCall(app: App, wire: WireSignature, args: readonly unknown[], options: CallOptions<never>): Plan {
  const { sig, ...called } = calledNow(app, wire, args, options);
  return plan(sig, called, { ...routesOf(app), now: app.clock.now() });
}

/** A call, in the words of the plan: made now, and here, perhaps inside a task. Throws InvalidOption or NotSerializable. */
export function calledNow(
  app: App,
  wire: WireSignature,
  args: readonly unknown[],
  options: CallOptions<never>,
): Called & { readonly sig: WireSignature } {
  assertJson(args, "args");
  const { taskId, hops, ...rest } = options;
  const sig = { ...wire, options: { ...wire.options, ...wireOptions(rest) } };
  const now = app.clock.now();
  const parent = running()?.context;
  const from = line();
  return {
    sig,
    args: args as readonly JsonValue[], // assertJson has checked them
    ...(taskId !== undefined && { taskId }),
    root: (untracked) => nextId(sig, untracked, app.key, app.clock, now),
    line: {
      hops: hops ?? (from === undefined ? 0 : nextHop(from)),
      ...(parent && { rootId: parent.rootId, parentId: parent.id }),
    },
  };
}

/** Carries a plan out, and returns the handle of what was called. A message that cannot be sent is refused before any is. */
async function launch(app: App, planned: Plan): Promise<unknown> {
  const { id, rootId, frozen, publish } = planned;
  const sealed = new Map(publish.map((one) => [one.envelope.id, sealedNow(app, one)]));
  const { send, deps } = await outlet(app, (one) => sealed.get(one.envelope.id));
  // A group that ends a chain may never begin, and is asked for all the same.
  const last = final(frozen);
  const size = last.task === GROUP ? tasksOf(last).length : undefined;
  if (size !== undefined) await (await joinsOf(deps)).open(newHead({ id, size }, app.clock.now()));
  if (deps.joins) await show(app, planned, () => joinsOf(deps));
  const { hops = 0 } = publish[0]?.envelope ?? {};
  await carryOut(following({ ...planned, ended: [] }, { rootId, hops }), send, deps);
  return handleOf(frozen, app);
}

export interface Outlet {
  readonly send: Send;
  readonly deps: CarryOutDeps;
}

/** Sends as a caller does: whatever goes wrong rejects. */
export async function outlet(
  app: App,
  sealed: (one: Publication) => Sealed | undefined = () => undefined,
): Promise<Outlet> {
  const { broker, store, joins, payloads } = await app.backends();
  const send = async (one: Publication) => {
    const { body, payload } = sealed(one) ?? sealedNow(app, one);
    if (payload) await storeOf({ ...(payloads && { payloads }) }).put(payload);
    await broker.send(queueName(app.name, one.workload), { body, delaySeconds: one.delaySeconds });
  };
  return { send, deps: { store, ...(joins && { joins }), clock: app.clock, log: app.log, routes: routesOf(app) } };
}

/** Whoever may not write to the table can send a chain all the same: that it is shown, and cancelled, as a whole is what is lost. */
export async function show(
  app: App,
  planned: Pick<Plan, "id" | "frozen">,
  joins: () => Promise<JoinStore>,
  stream?: string,
): Promise<void> {
  try {
    await keepOutline(await joins(), app.key, planned, app.clock.now(), stream);
  } catch (error) {
    const facts = { workflow: planned.id, error: String(error) };
    app.log.warn(facts, "a workflow is sent without its outline: it cannot be shown, or cancelled, as a whole");
  }
}

/** Throws MessageTooLarge, NotSerializable. */
function sealedNow(app: App, { envelope, workload, delaySeconds }: Publication): Sealed {
  const now = app.clock.now();
  return seal(envelope, queueName(app.name, workload), app.payloads, now, now + delaySeconds * 1_000);
}
