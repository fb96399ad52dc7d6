import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectOf } from "../../infra/constructs/project.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "lovage-project-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function esbuildIn(directory: string): void {
  const home = join(directory, "node_modules", "esbuild");
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "name": "esbuild", "main": "main.js" }');
  writeFileSync(join(home, "main.js"), "");
}

test("a project is where its lock file is, above the module", () => {
  writeFileSync(join(root, "pnpm-lock.yaml"), "");
  esbuildIn(root);
  expect(projectOf(join(root, "functions", "worker.ts"))).toEqual({ root, lockFile: join(root, "pnpm-lock.yaml") });
});

test("without a lock file nobody can say what is deployed", () => {
  expect(() => projectOf(join(root, "worker.ts"))).toThrow(/no lock file .*package-lock.json.*npm install/);
});

test("without esbuild the CDK would look for Docker", () => {
  writeFileSync(join(root, "package-lock.json"), "{}");
  expect(() => projectOf(join(root, "worker.ts"))).toThrow(
    /esbuild is not installed in .*npm install --save-dev esbuild/,
  );
});
