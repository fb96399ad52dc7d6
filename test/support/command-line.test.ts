// How the commands answer to what is mistyped: with 2, for 1 says that a violation was found, and with what there is instead.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const COMMANDS = {
  model: "../model/main.ts",
  simulate: "../simulation/main.ts",
  fuzz: "../fuzz/main.ts",
  chaos: "../chaos/main.ts",
  load: "../chaos/load.ts",
};

function run(command: keyof typeof COMMANDS, ...args: readonly string[]) {
  const main = fileURLToPath(new URL(COMMANDS[command], import.meta.url));
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

test.each([
  ["model", ["--bogus"], "Unknown option '--bogus'"],
  ["model", ["--mutant", "a finish needs no token", "--deep"], "leave --deep and --bound out"],
  ["simulate", ["--seeds", "abc"], '--seeds is "abc"; it takes a whole number from 1 on'],
  ["simulate", ["--seeds"], "argument missing"],
  ["simulate", ["--seed", "5", "--from", "3"], "leave --seeds, --from and --jobs out"],
  ["simulate", ["--mutant", "nope"], "  a claim takes a live lease\n"],
  ["simulate", ["--mutant", "an INSERT overwrites"], "add --batched"],
  ["chaos", ["--minutes", "abc"], '--minutes is "abc"; it takes a whole number from 1 on'],
  ["chaos", ["--again", "nowhere"], 'there is no directory "nowhere"'],
  ["load", ["--tasks", "0"], '--tasks is "0"; it takes a whole number from 1 on'],
  ["fuzz", ["--target", "nope"], 'there is no target "nope"'],
  ["fuzz", ["--inputs", "2.5"], '--inputs is "2.5"; it takes a whole number from 1 on'],
  ["fuzz", ["--only", "5"], "--only goes with one --target"],
  ["fuzz", ["--target", "ids", "--only", "x"], '--only is "x"; it takes the number of an input, from 0 on'],
] as const)("%s %j is refused: %s", (command, args, why) => {
  const { stdout, stderr, status } = run(command, ...args);
  expect(stderr).toContain(why);
  expect(stderr).toContain(`npm run ${command} -- `);
  expect(stderr).not.toContain("    at ");
  expect({ stdout, status }).toEqual({ stdout: "", status: 2 });
});

test.each(["model", "simulate", "chaos", "load", "fuzz"] as const)("%s --help says how it is called", (command) => {
  const { stdout, stderr, status } = run(command, "--help");
  expect(stdout).toContain(`npm run ${command} -- `);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});
