// Which app a verb is about: a module (`--app`), or a name alone (`--name`), and where it lives (`--local`).
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { type App, createApp } from "../app.ts";
import { readEnvironment, useEnvironment, VARIABLES } from "../environment.ts";
import { InvalidOption } from "../errors.ts";
import { silentLogger } from "../log.ts";
import { closest } from "../options.ts";
import { loadApp } from "../worker/load-app.ts";
import { onFargate, type Workload } from "../workload.ts";
import { requireDev } from "./dev-file.ts";
import { duringLoad } from "./quiet-load.ts";

export interface TargetOptions {
  readonly app?: string;
  readonly name?: string;
  readonly local?: boolean;
}

export const APP_OPTION = [
  "--app <path>",
  `the app's module (default: ${VARIABLES.app}, ./app.ts or ./app.js)`,
] as const;

export function withTarget(command: Command): Command {
  return command
    .option(...APP_OPTION)
    .option("--name <app>", "the app's name, instead of its module: nothing is imported")
    .option("--local", 'talk to the "lovage dev" that runs in this directory, not to AWS');
}

/** Where an app is looked for. */
export const DEFAULT_MODULES = ["app.ts", "app.js"];

/** Absolute path of the app's module. A command line that names none is wrong (exit code 2). */
export function appPath(command: Command, given: string | undefined): string {
  const path = given ?? readEnvironment().app ?? DEFAULT_MODULES.find((file) => existsSync(resolve(file)));
  if (path !== undefined) return resolve(path);
  return command.error(
    `error: no app: pass --app ./path/to/app.ts or set ${VARIABLES.app} (there is no ./app.ts or ./app.js here)`,
  );
}

/** Imports the app's module. What it prints meanwhile goes to stderr, so that stdout holds the verb's own output alone. */
export function load(path: string): Promise<App> {
  return duringLoad(() => loadApp(path));
}

/** The app a verb talks about, without its logger: the verb reports what goes wrong. `module` is absent with `--name`. */
export interface Target extends AsyncDisposable {
  readonly app: App;
  readonly module?: App;
}

export async function target(
  command: Command,
  options: TargetOptions,
  workloads: readonly string[] = [],
): Promise<Target> {
  if (options.app !== undefined && options.name !== undefined) {
    return command.error("error: --app and --name exclude each other: a module has a name");
  }
  const dev = options.local ? requireDev() : undefined;
  if (dev !== undefined) useEnvironment(dev.environment);
  if (options.name !== undefined) return named(options.name, workloads);
  const module = await load(
    dev !== undefined && options.app === undefined ? dev.module : appPath(command, options.app),
  );
  for (const workload of workloads) demandWorkload(module, workload);
  const app = createApp(module.name, {
    workloads: module.workloads,
    logger: silentLogger,
    clock: module.clock,
    ...(module.payloads && { payloads: module.payloads }),
    connect: () => module.backends(),
  });
  return { app, module, [Symbol.asyncDispose]: () => app.close() };
}

/** Throws InvalidOption where the app has no workload of this name. */
export function demandWorkload(app: App, workload: string): Workload {
  const found = app.workload(workload);
  if (found !== undefined) return found;
  const known = Object.keys(app.workloads);
  const near = closest(workload, known);
  throw new InvalidOption(
    `app "${app.name}" has no workload "${workload}"; ${near === undefined ? `it has ${known.join(", ")}` : `did you mean ${near}?`}`,
  );
}

/** Nothing is known of it: every workload asked for is taken to exist. */
function named(name: string, workloads: readonly string[]): Target {
  const assumed: Record<string, Workload> = {};
  for (const workload of workloads.length === 0 ? ["default"] : workloads)
    assumed[workload] = onFargate({ work: "io" });
  const app = createApp(name, { workloads: { default: onFargate({ work: "io" }), ...assumed }, logger: silentLogger });
  return { app, [Symbol.asyncDispose]: () => app.close() };
}

/** A path as a person would write it here. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : `./${short}`;
}
