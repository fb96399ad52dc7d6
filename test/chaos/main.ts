// Real workers on the real protocols, hurt in every way there is, and a checker that knows nothing of them. Exit 1 where a task is
// lost, finished twice, ran again without a recorded fault, or is still on a queue. docs/chaos.md
import { existsSync, mkdirSync } from "node:fs";
import { idKey } from "../../lib/core/ids.ts";
import { commandLine } from "../support/command-line.ts";
import { app } from "./app.ts";
import { check } from "./checker.ts";
import { keptEvidence } from "./evidence.ts";
import { CHAOS_MIX, LONG_CHAOS_MIX } from "./mix.ts";
import { readable, summary } from "./report.ts";
import { REQUEST_FAULTS } from "./request-faults.ts";
import { type Outcome, run } from "./run.ts";
import { BLOWS } from "./schedule.ts";

/** From here on a task that waits a hundred seconds for its deployment does not hold up the end. */
const LONG_SECONDS = 120;
/** A duplicate that meets a crash waits five minutes (docs/protocol.md, row 10); twice that, and something is stuck. */
const QUIET_SECONDS = 600;

const USAGE = `npm run chaos -- [--minutes 1 | --seconds N] [--tasks N] [--seed 1] [--workers 3] [--keep DIRECTORY] [--json]
npm run chaos -- --again DIRECTORY [--json]                            checks a run that was kept once more

--tasks: 20 for each second unless given. docs/chaos.md`;

const { values, count, refuse } = commandLine(USAGE, {
  minutes: { type: "string" },
  seconds: { type: "string" },
  tasks: { type: "string" },
  seed: { type: "string" },
  workers: { type: "string" },
  keep: { type: "string" },
  again: { type: "string" },
  json: { type: "boolean" },
});
if (values.minutes !== undefined && values.seconds !== undefined) refuse("--minutes or --seconds, not both");
if (values.again !== undefined && !existsSync(values.again))
  refuse(`there is no directory ${JSON.stringify(values.again)}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // its workers end with it
const say = (text: string) => process.stderr.write(`${text}\n`);
const seed = count("seed", 1);
const seconds = count("seconds", count("minutes", 1) * 60);
const tasks = count("tasks", seconds * 20);
const workers = count("workers", 3);

async function outcomeOf(): Promise<Omit<Outcome, "memory">> {
  if (values.again !== undefined)
    return { evidence: keptEvidence(values.again), seconds: 0, quietAfter: 0, endedByThemselves: 0 };
  const long = seconds >= LONG_SECONDS;
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
  say(`${tasks} tasks in ${seconds} s, ${workers} workers, seed ${seed}`);
  return run({
    ...{ count: tasks, seconds, seed, workers, say },
    mix: long ? LONG_CHAOS_MIX : CHAOS_MIX,
    slow: { part: 0.03, mostMs: 4_000 },
    outOfMemory: long ? 0.001 : 0.02,
    faults: { rate: long ? 0.03 : 0.08 },
    backlog: 5_000,
    quietSeconds: QUIET_SECONDS,
    ...(values.keep !== undefined && { keep: values.keep }),
  });
}

const outcome = await outcomeOf();
const verdict = check(outcome.evidence, idKey(app.name));
const result = summary(outcome, verdict, { seed });
const absent = [...REQUEST_FAULTS, ...BLOWS].filter((kind) => result.faults[kind] === undefined);
for (const kind of absent) say(`no fault of the kind ${kind}: the run was too short to show anything about it`);
process.stdout.write(readable(result, verdict));
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = verdict.problems.length === 0 && absent.length === 0 ? 0 : 1;
