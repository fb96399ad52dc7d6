// The command line as a process of its own, with hostile arguments and stdin: it ends with one of its exit codes, and with one cause.
// No region is configured, so that nothing reaches a network.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EXIT } from "../../../lib/cli/exit-codes.ts";
import { IDS, jsonText, mangled, text, value } from "../hostile.ts";
import { demand, visible } from "../oracles.ts";
import type { Rng } from "../random.ts";
import { type MakeTarget, target } from "../target.ts";

const MAIN = fileURLToPath(new URL("../../../lib/cli/main.ts", import.meta.url));
const APP = fileURLToPath(new URL("../../fixtures/cli/app.ts", import.meta.url));
const CODES: readonly (number | null)[] = Object.values(EXIT);
/** No process of ours needs as long; where it does not end it is killed. */
const PATIENCE_MS = 120_000;
const ENVIRONMENT = { PATH: process.env.PATH ?? "", HOME: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true" };

interface Input {
  readonly argv: readonly string[];
  readonly stdin: string;
}

function lines(rng: Rng): string {
  const whole = rng.list(5, () => jsonText(value(rng))).join("\n");
  return (rng.chance(0.5) ? mangled(whole, rng) : whole).slice(0, 200_000);
}

function argv(rng: Rng): string[] {
  const word = () => (rng.chance(0.5) ? rng.pick(IDS) : text(rng));
  return rng.pick([
    () => ["send", "add", "--args", "-", "--name", "fuzzed"],
    () => ["send", "add", "--batch", "-", "--name", "fuzzed", "--json"],
    () => ["send", word(), "--batch", "-", "--app", APP],
    () => ["result", word(), "--name", "fuzzed", "--json"],
    () => ["failures", "--since", word(), "--task", word(), "--name", "fuzzed"],
    () => ["tasks", "--app", word()],
    () => ["tasks", "--app", APP, word()],
    () => ["complete", "--", "lovage", word(), word()],
    () => [word(), word(), "--json"],
    () => ["cost", "--app", APP, "--tasks", word()],
  ])();
}

export const make: MakeTarget = async () =>
  target<Input>({
    // An argument of a process has no NUL; what stands for a word of hostile.ts may be one.
    generate: (rng) => ({ argv: argv(rng).map((word) => word.replaceAll("\0", "")), stdin: lines(rng) }),
    run: ({ argv = [], stdin = "" }) => {
      const ended = spawnSync(process.execPath, [MAIN, ...argv], {
        input: stdin,
        env: ENVIRONMENT,
        timeout: PATIENCE_MS,
        killSignal: "SIGKILL",
        encoding: "utf8",
      });
      // A command that ends without reading its input all to the end has ended.
      const { code } = (ended.error ?? {}) as NodeJS.ErrnoException; // Node's own
      demand(
        (ended.error === undefined || code === "EPIPE") && ended.signal === null,
        "hang",
        `it did not end: ${ended.signal} ${ended.error}`,
      );
      demand(
        CODES.includes(ended.status),
        "typed errors",
        `the exit code is ${ended.status}: ${ended.stderr.slice(0, 1_000)}`,
      );
      visible(ended.stdout.replaceAll("\n", ""), "stdout");
      visible(ended.stderr.replaceAll("\n", ""), "stderr");
      demand(
        !/^ {4}at |UNEXPECTED/m.test(ended.stderr),
        "typed errors",
        `a stack was shown: ${ended.stderr.slice(0, 1_000)}`,
      );
    },
  });
