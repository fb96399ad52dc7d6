// What may follow the words typed so far, from the verbs and options themselves. In a shell: test/cli/completion.test.ts.
import { Argument, Command } from "commander";
import { describe, expect, test } from "vitest";
import { complete } from "../../lib/cli/completion.ts";

const program = new Command("lovage").option("--json", "print JSON");
program
  .command("send")
  .argument("[task]")
  .argument("[args...]")
  .option("--app <path>")
  .option("--name <app>")
  .option("--local")
  .option("--workload <name>")
  .option("-q, --quiet");
program.command("worker").option("--workloads <names>").option("--no-screen");
program.command("revoke").argument("<ids...>");
program.command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh"]));
program.command("hidden", { hidden: true });

const words = (...typed: readonly string[]) => {
  const found = complete(program, typed);
  return found.kind === "words" ? found.words.map(({ word }) => word) : found;
};
const nothing = { local: false };

describe("words", () => {
  test.each<[string[], string[]]>([
    [[""], ["send", "worker", "revoke", "completion"]],
    [["re"], ["revoke"]],
    [["--"], ["--json", "--help"]],
    [["--json", "wor"], ["worker"]],
    [["send", "add", "--w"], ["--workload"]],
    [
      ["send", "--quiet", "--local", "--"],
      ["--app", "--name", "--workload", "--json", "--help"],
    ], // once is enough
    [["worker", "--no"], ["--no-screen"]],
    [["completion", "b"], ["bash"]],
    [["revoke", ""], []],
    [["send", "--name", ""], []],
    [["nope", ""], []],
  ])("%j: %j", (typed, expected) => {
    expect(words(...typed)).toEqual(expected);
  });
});

describe("what only the app knows, and files", () => {
  test.each<[string[], object]>([
    [["send", ""], { kind: "tasks", prefix: "", given: nothing }],
    [["send", "--app", "./x.ts", "--quiet", ""], { kind: "tasks", prefix: "", given: { ...nothing, app: "./x.ts" } }],
    [["send", "--app=./x.ts", "a"], { kind: "tasks", prefix: "", given: { ...nothing, app: "./x.ts" } }],
    [["send", "--local", ""], { kind: "tasks", prefix: "", given: { local: true } }],
    [["send", "add", "--workload", ""], { kind: "workloads", prefix: "", given: nothing }],
    [["send", "add", "--workload=re"], { kind: "workloads", prefix: "--workload=", given: nothing }],
    [["send", "add", "--workload", "=", "re"], { kind: "workloads", prefix: "", given: nothing }], // bash
    [["send", "add", "--workload", "="], { kind: "workloads", prefix: "", given: nothing }],
    [["worker", "--workloads", "a,b"], { kind: "workloads", prefix: "a,", given: nothing }],
    [["send", "--app", ""], { kind: "files" }],
    [["send", "add", "x"], { kind: "files" }],
  ])("%j", (typed, expected) => {
    expect(words(...typed)).toEqual(expected);
  });
});
