// Command lines, run in this process against an app in memory: a usage error, one cause, or an answer, whose text and JSON a terminal
// may show. Verbs that make files or go on for ever are left out.
import { fileURLToPath } from "node:url";
import { type Item, toWholeRecord } from "../../../lib/aws/record-item.ts";
import { EXIT } from "../../../lib/cli/exit-codes.ts";
import { run } from "../../../lib/cli/program.ts";
import { summaryOf } from "../../../lib/store/failures.ts";
import { app, world } from "../cli-app.ts";
import { IDS, jsonText, MEMBERS, mangled, text, value } from "../hostile.ts";
import { type HostileItem, item } from "../items.ts";
import { demand, jsonLine, typed, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

const MODULE = fileURLToPath(new URL("../cli-app.ts", import.meta.url));
const CODES: readonly number[] = Object.values(EXIT);
const VERBS = [
  "send",
  "result",
  "revoke",
  "workflow",
  "failures",
  "redrive",
  "tasks",
  "queues",
  "cost",
  "complete",
  "completion",
  "purge",
];
const FLAGS = {
  send: ["--args", "--kwargs", "--countdown", "--workload", "--id", "--timeout", "--from-line", "--wait"],
  result: ["--timeout", "--wait", "--follow"],
  workflow: ["--timeout", "--revoke", "--terminate"],
  failures: ["--task", "--error", "--workload", "--since", "--until", "--limit", "--dead-letters"],
  redrive: ["--task", "--error", "--since", "--until", "--limit", "--rate", "--dry-run", "--yes", "--again"],
  cost: ["--tasks", "--duration", "--args-bytes"],
} as const satisfies Record<string, readonly string[]>;

interface Input {
  readonly argv: readonly string[];
  readonly item: HostileItem;
}

function word(rng: Rng): string {
  switch (rng.int(7)) {
    case 0:
      return rng.pick([
        "echo",
        "add",
        "t-1",
        "5s",
        "1m",
        "10/s",
        "2026-11-21",
        "default",
        "7",
        "1e400",
        "-1",
        "--",
        "--wat",
        "-x",
      ]);
    case 1:
      return rng.pick(IDS);
    case 2:
      return jsonText(value(rng));
    case 3:
      return mangled(jsonText(value(rng, 1)), rng);
    case 4:
      return rng.pick(MEMBERS);
    default:
      return text(rng);
  }
}

function argv(rng: Rng): string[] {
  const verb = rng.chance(0.95) ? rng.pick(VERBS) : word(rng);
  const flags: readonly string[] = Object.hasOwn(FLAGS, verb) ? FLAGS[verb as keyof typeof FLAGS] : ["--json"]; // it has it
  const words = rng.list(3, () => (rng.chance(0.4) ? (["t-1", "echo"][rng.int(2)] as string) : word(rng))); // one of two
  const given = rng.list(3, () => [rng.pick(flags), ...(rng.chance(0.8) ? [word(rng)] : [])]).flat();
  return [verb, ...words, ...given, ...(rng.chance(0.4) ? ["--json"] : []), ...(rng.chance(0.1) ? ["--debug"] : [])];
}

/** Nothing is read from stdin or from devices, nothing is started, no file is written, and no other module imported. */
const KEPT_OUT = /^(?:-|@?-?|dev|init|worker|-q.*|--(?:ids|errors|batch|app|name|local|quiet|health).*|.*\/dev\/.*)$/;

export const make: MakeTarget = async () => {
  await app.backends();
  world.clock.least = 6 * 3_600_000;
  return target<Input>({
    generate: (rng) => ({
      argv: argv(rng).filter((word) => !KEPT_OUT.test(word) || word === ""),
      item: item("t-1", rng),
    }),
    run: async ({ argv = [], item = {} }) => {
      world.fresh();
      const record = await typed(() => toWholeRecord(item as unknown as Item)); // as the SDK hands it over
      world.foreign = () => toWholeRecord(item as unknown as Item); // as above
      world.listed = "value" in record ? summaryOf(record.value) : undefined;
      const json = argv.includes("--json");
      const said = await captured(() =>
        run(["node", "lovage", ...argv, ...(argv.includes("--") ? [] : ["--app", MODULE])]),
      );
      demand(CODES.includes(said.code), "typed errors", `the exit code is ${said.code}`);
      visible(said.out.replaceAll("\n", ""), "stdout");
      visible(said.err.replaceAll("\n", ""), "stderr");
      if (json && !argv.includes("complete") && !argv.includes("completion") && !argv.includes("--")) {
        for (const line of `${said.err}`.split("\n").filter((one) => one !== "")) {
          const { error } = jsonLine(line, "stderr with --json");
          const { code } = (error ?? {}) as { code?: unknown }; // what Output.error() writes
          demand(code !== "UNEXPECTED", "typed errors", `not one of ours came out: ${line.slice(0, 1_000)}`);
        }
      }
      demand(
        !/^error: .*\n(?:.*\n)* {4}at /m.test(said.err) || argv.includes("--debug"),
        "typed errors",
        `a stack was shown: ${said.err.slice(0, 1_000)}`,
      );
      world.look();
    },
    close: () => world.close(),
  });
};

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What is written meanwhile goes nowhere else. */
async function captured(body: () => Promise<number>): Promise<Said> {
  const { stdout, stderr } = process;
  const [out, err]: [string[], string[]] = [[], []];
  const writes = [stdout.write, stderr.write] as const;
  const keep = (to: string[]) =>
    ((chunk: unknown, ...rest: readonly unknown[]) => {
      to.push(String(chunk));
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    }) as typeof stdout.write; // a stand-in for every form of it
  stdout.write = keep(out);
  stderr.write = keep(err);
  try {
    return { code: await body(), out: out.join(""), err: err.join("") };
  } finally {
    [stdout.write, stderr.write] = writes;
  }
}
