// init: a project that runs. That it does, from the tarball, is in test/packaging.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DYNOXIDE_VERSION } from "../../lib/local/dynoxide-binary.ts";
import { json, lovage } from "./lovage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-init-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const packageOf = (directory: string) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));

describe.concurrent("init", () => {
  test("names the app after its directory, and says what to do next", async () => {
    const { code, stdout } = await lovage(["init", "My Shop"], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^my-shop: wrote package\.json, /);
    expect(stdout).toContain("cd 'My Shop'\n  npm install\n  npm run dev");
    const project = join(folder, "My Shop");
    expect(readFileSync(join(project, "app.ts"), "utf8")).toContain('createApp("my-shop"');
    expect(readFileSync(join(project, "infra/main.ts"), "utf8")).toContain('new TaskApp(new App(), "MyShop"');
    expect(existsSync(join(project, ".gitignore"))).toBe(true);
    for (const file of readdirSync(project, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()))
      expect(readFileSync(join(file.parentPath, file.name), "utf8")).not.toMatch(/\bstarter\b/i);
  });

  test("takes versions from this package, and itself from where it is", async () => {
    await lovage(["init", "versions"], { cwd: folder });
    const own = packageOf(ROOT);
    const made = packageOf(join(folder, "versions"));
    for (const name of ["fauxqs", "typescript", "aws-cdk", "aws-cdk-lib", "esbuild"])
      expect(made.devDependencies[name]).toBe(own.devDependencies[name]);
    expect(made.optionalDependencies).toEqual({
      [`@dynoxide/${process.platform}-${process.arch}`]: DYNOXIDE_VERSION,
    });
    const spec: string = made.dependencies.lovage;
    expect(packageOf(join(folder, "versions", spec.replace("file:", ""))).name).toBe("lovage");
  });

  test("leaves the CDK out where it is told to", async () => {
    const { written } = await json<{ written: string[] }>(["init", "plain", "--no-infra"], { cwd: folder });
    expect(written.filter((path) => /infra|functions|cdk/.test(path))).toEqual([]);
    const made = packageOf(join(folder, "plain"));
    expect(
      Object.keys({ ...made.devDependencies, ...made.scripts }).filter((name) => /cdk|esbuild|synth|deploy/.test(name)),
    ).toEqual([]);
    const readme = readFileSync(join(folder, "plain/README.md"), "utf8");
    expect(readme).not.toMatch(/infra|functions\/|deploy/);
    expect(readme).toMatch(/```\n\nA worker elsewhere is the `Dockerfile`'s container/);
  });

  test("a directory that holds something is refused; --force adds what is missing and overwrites nothing", async () => {
    const project = join(folder, "mine");
    mkdirSync(join(project, ".git"), { recursive: true });
    writeFileSync(join(project, "app.ts"), "// mine\n");
    const refused = await lovage(["init", "mine"], { cwd: folder });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error: .*mine is not empty, it has app\.ts; give another directory, or --force/);
    expect(readdirSync(project).sort()).toEqual([".git", "app.ts"]);
    const { kept, written } = await json<{ kept: string[]; written: string[] }>(["init", "mine", "--force"], {
      cwd: folder,
    });
    expect(kept).toEqual(["app.ts"]);
    expect(written).toContain("tasks.ts");
    expect(readFileSync(join(project, "app.ts"), "utf8")).toBe("// mine\n");
  });

  test.each([
    [["init", "&&"], 1, 'a directory called "&&" gives no name for an app'],
    [["init", "x", "--name", "a b"], 2, 'app name "a b" is not allowed'],
    [["init", "x", "y"], 2, "too many arguments"],
  ])("%j is refused", async (args, expected, problem) => {
    const { code, stderr } = await lovage(args, { cwd: folder });
    expect(stderr).toContain(problem);
    expect(code).toBe(expected);
  });
});
