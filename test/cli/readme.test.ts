// The README's files and commands, as they are printed. A folder inside the repository, where "lovage" is the package itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { lovage, start } from "./lovage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("the five minutes of the README work as printed", async () => {
  const readme = await readFile(`${ROOT}/README.md`, "utf8");
  const files = [...readme.matchAll(/```ts\n\/\/ (?<name>[^:\n]+):[^\n]*\n(?<code>.*?)```/gs)].map(
    ({ groups }) => groups,
  );
  const commands = [...readme.matchAll(/^npx lovage (?<args>[^#\n]+)/gm)].map(
    ({ groups }) => groups?.args?.trim().split(/\s+/) ?? [],
  );
  expect(files.map((file) => file?.name)).toEqual(["app.ts", "tasks.ts", "anywhere"]);
  expect(commands.map(([verb]) => verb)).toEqual(["dev", "tasks", "send", "queues"]);

  await mkdir(`${ROOT}/.lovage`, { recursive: true });
  const cwd = await mkdtemp(`${ROOT}/.lovage/readme-`);
  await using _ = { [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }) };
  for (const file of files)
    await writeFile(`${cwd}/${file?.name?.replace("anywhere", "anywhere.ts")}`, file?.code ?? "");

  const [dev, ...others] = commands;
  await using running = start(dev ?? [], { cwd });
  await running.said("ready shop");
  const ended = [];
  for (const args of others) ended.push(await lovage(args, { cwd }));
  expect(ended.map(({ code, stderr }) => [code, stderr.includes("error")])).toEqual(others.map(() => [0, false]));
  expect(ended[0]?.stdout).toContain("notify");
  expect(ended[1]?.stdout.trim()).toBe("5");
  expect(ended[2]?.stdout).toContain("renders");

  // "anywhere: an API, another Lambda, a script"
  const { environment } = JSON.parse(await readFile(`${cwd}/.lovage/dev.json`, "utf8"));
  const script = spawn(process.execPath, ["anywhere.ts"], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: "inherit",
  });
  expect(await once(script, "exit")).toEqual([0, null]);

  running.kill("SIGTERM");
  expect((await running.ended()).code).toBe(0);
}, 60_000);
