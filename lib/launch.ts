// A canvas that is called: planned here, and its plan carried out.
import type { App } from "./app.ts";
import { type CallOptions, wireOptions } from "./call-options.ts";
import { line, running } from "./context.ts";
import { type Plan, plan } from "./core/canvas-plan.ts";
import { isCanvas } from "./core/canvas-shape.ts";
import { nextHop } from "./core/hops.ts";
import { NotSupported } from "./errors.ts";
import { nextId } from "./publish.ts";
import { routesOf } from "./routes.ts";
import type { Caller } from "./signature.ts";
import { assertJson, type JsonValue } from "./wire/serializer.ts";
import type { WireSignature } from "./wire/signature.ts";

/** Sends canvases, and tasks, of an app. */
export function launcher(app: App): Caller {
  return {
    app,
    plans: true,
    send: async (wire, args, options) => {
      if (isCanvas(wire)) return launch(planCall(app, wire, args, options));
      const { task, kwargs, immutable } = wire;
      return app.sendTask(task, immutable ? wire.args : [...args, ...wire.args], { kwargs, ...options });
    },
  };
}

/** Throws InvalidOption or NotSerializable. */
export function planCall(app: App, wire: WireSignature, args: readonly unknown[], options: CallOptions<never>): Plan {
  assertJson(args, "args");
  const { taskId, hops, ...rest } = options;
  const called = { ...wire, options: { ...wire.options, ...wireOptions(rest) } };
  const now = app.clock.now();
  const parent = running()?.context;
  const from = line();
  return plan(
    called,
    {
      args: args as readonly JsonValue[], // assertJson has checked them
      ...(taskId !== undefined && { taskId }),
      root: (untracked) => nextId(called, untracked, app.key, app.clock, now),
      line: {
        hops: hops ?? (from === undefined ? 0 : nextHop(from)),
        ...(parent && { rootId: parent.rootId, parentId: parent.id }),
      },
    },
    { ...routesOf(app), now },
  );
}

/** The one place that carries a plan out. */
async function launch({ frozen }: Plan): Promise<never> {
  throw new NotSupported(
    `a ${frozen.task.replace("celery.", "")} is planned by this version, and not sent yet; call its tasks one by one`,
  );
}
