// What runs where others' code and our identity meet: the workflows, as far as text tells.
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILES = globSync(".github/workflows/*.yml", { cwd: ROOT });
const textOf = (file: string) => readFileSync(`${ROOT}/${file}`, "utf8");

test("there are two", () => {
  expect(FILES.map((file) => file.split("/").at(-1)).sort()).toEqual(["ci.yml", "release.yml"]);
});

describe.each(FILES)("%s", (file) => {
  const text = textOf(file);

  test("takes actions by their full commit, with the version beside it: a tag can be moved", () => {
    const uses = text.match(/^.*\buses:.*$/gm) ?? [];
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/uses: actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test("keeps no credentials on disk, uses no secret, and runs nothing of a pull request with rights", () => {
    const checkouts = text.match(/actions\/checkout@/g)?.length;
    expect(text.match(/persist-credentials: false/g)).toHaveLength(checkouts as number);
    expect(text).not.toMatch(/secrets\.|pull_request_target|workflow_run/);
    expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)$/m);
  });

  test("puts no expression into a script: its value would be run", () => {
    for (const [, script = ""] of text.matchAll(/^\s*- run: (.*)$/gm)) expect(script).not.toContain("${{");
  });
});

test("only the job that publishes may write and sign, and it runs no test", () => {
  expect(textOf(".github/workflows/ci.yml")).not.toMatch(/: write/);
  const [check = "", publish = ""] = textOf(".github/workflows/release.yml").split(/^ {2}publish:$/m);
  expect(check).not.toMatch(/: write/);
  expect(publish.match(/^ {6}[\w-]+: write/gm)).toEqual(["      contents: write", "      id-token: write"]);
  expect(publish).toContain("needs: check");
  expect(publish).toContain("npm ci --ignore-scripts");
  expect(publish).not.toContain(".ci/run");
});
