// What `npm pack` makes, as somebody gets it who installs it: `npm run check:package`. Not part of `npm test`, because an
// installation asks the registry.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installedSizes, installNode, installProject, pack, ROOT, say, temporaryFolder } from "./projects.ts";

const manifest = JSON.parse(await readFile(`${ROOT}/package.json`, "utf8"));
const OLDEST_NODE = `${/^>=(\d+\.\d+)$/.exec(manifest.engines.node)?.[1]}.0`;
const CURRENT_TSC = "node_modules/typescript/bin/tsc";
const TSC_6 = "scripts/site/node_modules/typescript/bin/tsc"; // has a compiler API, so it is installed for the site
const PROJECTS = [
  { type: "module", app: "app.mjs", main: "main.mjs" },
  { type: "commonjs", app: "app.cjs", main: "main.cjs" },
] as const;
const NODES = [OLDEST_NODE, process.versions.node];

let temporary: string;
let tarball: string;
const nodes = new Map([[process.versions.node, process.execPath]]);

beforeAll(async () => {
  temporary = await temporaryFolder();
  const oldest = await installNode(OLDEST_NODE, join(temporary, "node"));
  nodes.set(OLDEST_NODE, oldest);
  tarball = await pack(temporary);
  await Promise.all(PROJECTS.map(({ type }) => installProject(tarball, type, join(temporary, type), oldest)));
}, 180_000);

afterAll(() => rm(temporary, { recursive: true, force: true }));

describe.each(PROJECTS)("an empty $type project", ({ type, app, main }) => {
  describe.each(NODES)("on Node %s", (version) => {
    const run = (...args: readonly string[]) =>
      say("node", args, { cwd: join(temporary, type), node: nodes.get(version) ?? "" });
    const lovage = (...args: readonly string[]) =>
      say("npx", ["lovage", ...args], { cwd: join(temporary, type), node: nodes.get(version) ?? "" });

    test("runs a task, and names the CDK where it is missing", async () => {
      expect((await run("--version")).stdout.trim()).toBe(`v${version}`);
      expect((await run(main)).stdout.trim()).toBe("SUCCESS 5");
    });

    test("has the command", async () => {
      expect((await lovage("--version")).stdout.trim()).toBe(manifest.version);
      const { stdout } = await lovage("tasks", "--app", `./${app}`, "--json");
      expect(JSON.parse(stdout)).toMatchObject({ tasks: [{ name: "add", workload: "default" }] });
    });
  });
});

test.each([
  { as: "as an ES module", project: "module", module: "nodenext", moduleResolution: "nodenext", tsc: CURRENT_TSC },
  { as: "as CommonJS", project: "commonjs", module: "nodenext", moduleResolution: "nodenext", tsc: CURRENT_TSC },
  {
    as: "as CommonJS, by TypeScript 6",
    project: "commonjs",
    module: "nodenext",
    moduleResolution: "nodenext",
    tsc: TSC_6,
  },
  { as: "for a bundler", project: "module", module: "esnext", moduleResolution: "bundler", tsc: CURRENT_TSC },
])("its types compile $as", async ({ project, module, moduleResolution, tsc }) => {
  const options = { target: "es2023", lib: "es2023,esnext.disposable", types: "node", module, moduleResolution };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const typeRoots = ["--typeRoots", `${ROOT}/node_modules/@types`];
  const cwd = join(temporary, project);
  await say("node", [`${ROOT}/${tsc}`, "--strict", "--noEmit", ...args, ...typeRoots, "typed.ts"], { cwd });
});

test("what it brings beside the SDK is 5 MB at most, and no emulator", async () => {
  const sizes = await installedSizes(join(temporary, "module", "node_modules"));
  const own = [...sizes].filter(([name]) => !/^@(aws-sdk|aws-crypto|aws|smithy)\//.test(name));
  const total = own.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`installed, without the SDK: ${total} bytes, of these lovage ${sizes.get("lovage")}`);
  expect(sizes.get("lovage")).toBeGreaterThan(0);
  expect(total).toBeLessThanOrEqual(5_000_000);
  expect([...sizes.keys()].filter((name) => /fauxqs|dynoxide|aws-cdk|constructs/.test(name))).toEqual([]);
});

test("publint finds nothing", async () => {
  await say("npx", ["publint", "run", tarball, "--strict"], { cwd: ROOT });
});

// What is left out: resolution as before Node 12.7, which knows no `exports` (node16 is the profile without it), and that require()
// gives ES modules, which is meant: every supported Node can.
test("arethetypeswrong finds nothing", async () => {
  const args = ["attw", tarball, "--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm"];
  await say("npx", args, { cwd: ROOT });
});

test("the tarball has what it says and nothing else", async () => {
  const { stdout } = await say("npm", ["pack", "--ignore-scripts", "--dry-run", "--json"], { cwd: ROOT });
  const [{ files }] = JSON.parse(stdout);
  const paths: readonly string[] = files.map(({ path }: { readonly path: string }) => path);
  const top = new Set(paths.map((path) => path.split("/")[0]));
  expect([...top].sort()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "dist",
    "docs",
    "examples",
    "llms.txt",
    "package.json",
  ]);
  expect(paths.filter((path) => path.startsWith("dist/") && !/\.(js|d\.ts)$/.test(path))).toEqual([]);
  expect(paths.filter((path) => /^examples\/(?!starter\/)/.test(path))).toEqual([]); // the one that `lovage init` copies
  expect(paths.filter((path) => /^docs\/api|^dist\/infra\/(app|main)/.test(path))).toEqual([]);
});
