// What sends canvases is large, and who calls single tasks does not carry it: launch.ts puts itself here when it is loaded. That is
// wherever "lovage" is loaded as it is; in a bundle it is where one of the builders of canvas.ts is in it.
import type { App } from "./app.ts";
import { NotSupported } from "./errors.ts";
import type { Caller } from "./signature.ts";

let launcher: ((app: App) => Caller) | undefined;

export function planWith(made: (app: App) => Caller): void {
  launcher = made;
}

/** Sends the canvases of an app. Throws NotSupported in a bundle without them. */
export function planner(app: App): Caller {
  if (launcher) return launcher(app);
  throw new NotSupported(
    "a chain made with pipe() alone cannot be sent from this bundle; make it with chain(a, b, ...)",
  );
}
