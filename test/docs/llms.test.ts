// llms.txt is what a program reads instead of the documents: its files compile and run, its names and its links are there.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const text = await readFile(`${ROOT}/llms.txt`, "utf8");
const files = [...text.matchAll(/```ts\n\/\/ (?<name>[^:\n]+):[^\n]*\n(?<code>.*?)```/gs)].map(({ groups }) => ({
  name: groups?.name ?? "",
  code: groups?.code ?? "",
}));

let folder: string;

beforeAll(async () => {
  await mkdir(`${ROOT}/.lovage`, { recursive: true });
  folder = await mkdtemp(`${ROOT}/.lovage/llms-`); // inside the repository, where "lovage" is the package itself
  for (const { name, code } of files) await writeFile(`${folder}/${name}`, code);
  const { compilerOptions } = JSON.parse(await readFile(`${ROOT}/tsconfig.json`, "utf8"));
  const paths = Object.entries<string[]>(compilerOptions.paths).map(([name, [file]]) => [name, [`${ROOT}/${file}`]]);
  const tsconfig = {
    extends: "../../tsconfig.json",
    compilerOptions: { paths: Object.fromEntries(paths) },
    include: ["*.ts"],
  };
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ ...tsconfig, exclude: [] }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("its form is that of llmstxt.org: a title, a summary, sections of links", () => {
  expect(text).toMatch(/^# Lovage\n\n> /);
  expect(text).toMatch(/^## Docs\n\n- \[/m);
});

test("its files compile", async () => {
  expect(files.map(({ name }) => name)).toEqual(["app.ts", "tasks.ts", "call.ts", "lambda.ts", "infra.ts", "test.ts"]);
  await run(`${ROOT}/node_modules/.bin/tsc`, ["--project", folder]).catch(({ stdout }) => expect(stdout).toBe(""));
});

test("its test runs without AWS and prints what it says", async () => {
  const { stdout } = await run(process.execPath, ["test.ts"], { cwd: folder });
  expect(stdout.trim()).toBe("5 PENDING 5");
});

test("the names it lists are public", async () => {
  const reports = (await readdir(`${ROOT}/docs/api`)).map((name) => `docs/api/${name}`);
  const sources = [...reports, "lib/store/record.ts"]; // the latter has the states
  const known = (await Promise.all(sources.map((path) => readFile(`${ROOT}/${path}`, "utf8")))).join("\n");
  const listed = text.slice(text.indexOf("## What is there"), text.indexOf("Commands:"));
  const names = [...listed.matchAll(/`(?:\w+\.)?(?<name>[A-Za-z]\w+)(?=[`(])/g)].map(
    ({ groups }) => groups?.name ?? "",
  );
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => name !== "lovage" && !new RegExp(`\\b${name}\\b`).test(known))).toEqual([]);
});

test("its commands exist", async () => {
  const { stdout } = await run(process.execPath, [`${ROOT}/dist/lib/cli/main.js`, "--help"]);
  const verbs = [...text.matchAll(/`npx lovage (?<verb>\w+)`/g)].map(({ groups }) => groups?.verb);
  expect(verbs.length).toBeGreaterThan(5);
  for (const verb of verbs) expect(stdout).toMatch(new RegExp(`^ +${verb}\\b`, "m"));
});

test("its links lead somewhere, and every document is linked", async () => {
  const links = [...text.matchAll(/\]\((?<path>[^)]+)\)/g)].map(({ groups }) => groups?.path ?? "");
  expect(links.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  const documents = ["docs", "docs/guides"].map(async (folder) =>
    (await readdir(`${ROOT}/${folder}`)).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`),
  );
  expect((await Promise.all(documents)).flat().filter((path) => !links.includes(path))).toEqual([]);
});
