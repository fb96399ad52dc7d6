import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Argument } from "commander";
import type { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import { readEnvironment } from "../environment.ts";
import { type Candidate, complete, type GivenApp } from "./completion.ts";
import { SHELLS } from "./completion-scripts.ts";
import { findDev } from "./dev-file.ts";
import { EXIT } from "./exit-codes.ts";
import type { Verb } from "./program.ts";
import { DEFAULT_MODULES, load } from "./target.ts";

/** Somebody waits with a finger on Tab. */
const LOAD_MS = 2_000;

const HELP = `
Verbs and options, files, and the names of the app's tasks and workloads: of --app, LOVAGE_APP or ./app.ts, which is imported for that.

Examples:
  $ lovage completion bash >> ~/.bashrc
  $ lovage completion zsh > ~/.zfunc/_lovage              (with fpath+=~/.zfunc before compinit)
  $ lovage completion fish > ~/.config/fish/completions/lovage.fish`;

export const completionVerb: Verb = (program, done) => {
  program
    .command("completion")
    .description("print a script that completes command lines at Tab")
    .addArgument(new Argument("<shell>", "whose script").choices(Object.keys(SHELLS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell]);
      done(EXIT.ok);
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[] = []) => {
      const found = complete(program, words);
      if (found.kind === "files") process.stdout.write(":files\n");
      else {
        const candidates = found.kind === "words" ? found.words : await namesOf(found.kind, found.prefix, found.given);
        process.stdout.write(candidates.map(({ word, description }) => `${word}\t${description}\n`).join(""));
      }
      done(EXIT.ok);
    });
};

/** None where there is no app, it does not load, or it takes its time: a shell is no place for errors. */
async function namesOf(kind: "tasks" | "workloads", prefix: string, given: GivenApp): Promise<readonly Candidate[]> {
  const path = modulePath(given);
  if (path === undefined) return [];
  const late = Promise.withResolvers<undefined>();
  systemClock.timer(LOAD_MS, () => late.resolve(undefined));
  const app = await Promise.race([load(path).catch(() => undefined), late.promise]);
  if (app === undefined) return [];
  return kind === "tasks" ? tasksOf(app) : workloadsOf(app, prefix);
}

function modulePath({ app, name, local }: GivenApp): string | undefined {
  if (name !== undefined) return undefined;
  if (local && app === undefined) return findDev()?.module;
  const path = app ?? readEnvironment().app ?? DEFAULT_MODULES.find((file) => existsSync(resolve(file)));
  return path === undefined ? undefined : resolve(path);
}

function tasksOf(app: App): readonly Candidate[] {
  return [...app.tasks.values()].map(({ settings }) => ({ word: settings.name, description: settings.workload }));
}

function workloadsOf(app: App, prefix: string): readonly Candidate[] {
  const chosen = prefix.split(/[=,]/);
  return Object.entries(app.workloads)
    .filter(([name]) => !chosen.includes(name))
    .map(([name, { kind, work }]) => ({ word: `${prefix}${name}`, description: `${kind}, ${work}` }));
}
