// Which workloads a process serves, and whether it could: a start either works or names its one cause.
import type { App } from "../app.ts";
import { describe } from "../duration.ts";
import { InvalidOption, StartupFailed } from "../errors.ts";
import { closest } from "../options.ts";

/** Where tasks would run: it decides what the likely mistake is. */
export type Place = "worker" | "lambda";

/** What is asked of an app, or of its definition as data. */
export interface Serving {
  readonly app: string;
  readonly workloads: readonly { readonly name: string; readonly byCall: boolean }[];
  readonly tasks: readonly { readonly workload: string }[];
}

/** The workloads asked for, each once; all of the app's where nothing is. Throws InvalidOption. */
export function chosenWorkloads(app: App, names: unknown): readonly string[] {
  const known = Object.keys(app.workloads);
  if (names === undefined) return known;
  if (!Array.isArray(names) || names.length === 0)
    throw new InvalidOption(
      `workloads to serve is ${describe(names)}; it takes an array of the names that app "${app.name}" has: ${known.join(", ")}`,
    );
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = closest(String(name), known);
    throw new InvalidOption(
      `app "${app.name}" has no workload "${name}"; ${near ? `did you mean ${near}?` : `it has ${known.join(", ")}`}`,
    );
  }
  return [...new Set<string>(names)];
}

/** Throws StartupFailed where the app has no tasks, or no task names one of the workloads and it is not chosen by calls. */
export function demandTasks(app: App, names: readonly string[], place: Place): void {
  const workloads = names.map((name) => ({ name, byCall: app.workload(name)?.byCall ?? false }));
  const tasks = [...app.tasks.values()].map(({ settings }) => settings);
  demandServable({ app: app.name, workloads, tasks }, place);
}

/** The same of a definition. Throws StartupFailed. */
export function demandServable({ app, workloads, tasks }: Serving, place: Place): void {
  if (tasks.length === 0) throw new StartupFailed(`app "${app}" has no tasks, so nothing could run; ${WITHOUT[place]}`);
  const named = new Set(tasks.map(({ workload }) => workload));
  const idle = workloads.filter(({ name, byCall }) => !byCall && !named.has(name)).map(({ name }) => `"${name}"`);
  if (idle.length === 0) return;
  const which = idle.length === 1 ? `workload ${idle[0]}` : `workloads ${idle.join(", ")}`;
  throw new StartupFailed(
    `no task of app "${app}" names ${which}; ${ELSEWHERE[place]}, give a task that workload, take it out of the app, or define it with byCall: true where only calls choose it`,
  );
}

const WITHOUT: Readonly<Record<Place, string>> = {
  worker: 'name the modules that define tasks in the app\'s include list, such as include: ["./tasks.ts"]',
  lambda:
    'export the modules that define tasks where createLambdaHandler() is called, such as export * as tasks from "./tasks.ts"; a bundler drops what is only imported where package.json has "sideEffects": false',
};

const ELSEWHERE: Readonly<Record<Place, string>> = {
  worker: "include the module of its tasks, or serve others (workloads)",
  lambda:
    "export the module of its tasks beside the handler, or serve others (createLambdaHandler(app, { workloads }))",
};
