// The Dockerfiles: each instruction has what it names, and the entry point runs in a directory laid out like the image, with the
// command that the service on Fargate adds. No image is built: there may be no Docker.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HEALTH_PROBE } from "../../infra/constructs/container-worker.ts";
import { CONTAINER_HEALTH } from "../../lib/defaults.ts";
import { freePorts } from "../../lib/local/ports.ts";
import { startLocalStack } from "../../lib/local/stack.ts";
import { onFargate } from "../../lib/workload.ts";
import {
  all,
  contextFiles,
  copied,
  exec,
  ignores,
  layOut,
  parseDockerfile,
  type Stage,
} from "../support/dockerfile.ts";
import { json, logLines, start } from "./lovage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lovage-image-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IMAGES = [
  { file: "examples/starter/Dockerfile", context: join(ROOT, "examples/starter"), app: "starter" },
  { file: "functions/worker/Dockerfile", context: ROOT, app: "duckling" },
] as const;

const stagesOf = (file: string) => parseDockerfile(readFileSync(join(ROOT, file), "utf8"));
/** What npm makes, and `lovage init` writes, is not in the repository's copy of the starter. */
const MADE_BY_INIT = ["package.json", "package-lock.json"];

describe.each(IMAGES)("$file", ({ file, context }) => {
  const stages = stagesOf(file);
  const last = stages.at(-1) as Stage;

  test("says what to start and how to ask for its health as the service on Fargate does, without a shell", () => {
    const [entry, ...more] = all(last, "ENTRYPOINT");
    expect(more).toEqual([]);
    expect(exec(entry).slice(0, 2)).toEqual(["node", expect.stringMatching(/dist\/functions\/worker\/main\.js$/)]);
    expect(exec(entry).slice(-2)).toEqual(["--port", String(CONTAINER_HEALTH.port)]);
    const [, options, probe] = /^(.*) CMD (\[.*)$/.exec(all(last, "HEALTHCHECK")[0] ?? "") ?? [];
    expect(exec(probe)).toEqual(["node", "-e", HEALTH_PROBE]);
    const { everySeconds, timeoutSeconds, startSeconds, retries } = CONTAINER_HEALTH;
    expect(options).toBe(
      `--interval=${everySeconds}s --timeout=${timeoutSeconds}s --start-period=${startSeconds}s --retries=${retries}`,
    );
  });

  test("is nobody's root, and says where it writes", () => {
    expect(all(last, "USER")).toEqual(["node"]);
    expect(all(last, "VOLUME").map(exec)).toEqual([["/tmp"]]);
  });

  test("is for any processor: only what is not copied as it is may be made on another", () => {
    expect(readFileSync(join(ROOT, file), "utf8").replaceAll(/^#.*$/gm, "")).not.toMatch(/amd64|arm64|x86|TARGETARCH/);
    for (const { from, name } of stages) {
      expect(from).toMatch(/^(?:--platform=\$BUILDPLATFORM )?node:24-slim$/);
      if (!from.startsWith("--platform")) continue;
      // From there comes JavaScript alone, no package with native parts.
      const taken = all(last, "COPY").filter((args) => args.startsWith(`--from=${name} /app/`));
      const sources = taken.map((args) => args.split(" ")[1]?.replace("/app/", "") ?? "");
      for (const source of sources.filter((one) => one !== "dist")) {
        expect(source).toMatch(/^node_modules\/[\w-]+$/);
        const files = readdirSync(join(ROOT, source), { recursive: true }).map(String);
        expect(files.filter((path) => /\.(?:node|so|dll|dylib)$|binding\.gyp$/.test(path))).toEqual([]);
      }
      expect(sources).toContain("dist");
    }
  });

  test("copies nothing that is missing, and only from stages before", () => {
    const files = [...contextFiles(context), ...(context === ROOT ? [] : MADE_BY_INIT)];
    for (const [i, stage] of stages.entries())
      for (const args of all(stage, "COPY")) {
        const [, from] = /^--from=(\S+)/.exec(args) ?? [];
        if (from === undefined) expect(copied(args, files).size).toBeGreaterThan(0);
        else expect(stages.slice(0, i).map(({ name }) => name)).toContain(from);
      }
  });

  test("keeps out what must not get into an image", () => {
    const isIgnored = ignores(context);
    for (const path of [".git/config", ".env", ".env.local", "node_modules/a/b.js", "cdk.out/x", ".lovage/dev.json"])
      expect([path, isIgnored(path)]).toEqual([path, true]);
  });

  test("asks npm for what workers need only", () => {
    const packages = stages.find(({ name }) => name === "packages") as Stage;
    expect(all(packages, "RUN")).toEqual([expect.stringMatching(/^npm ci --omit=dev --omit=optional/)]);
  });
});

/** Links to the installed packages that this one depends on, as `npm ci --omit=dev` would bring them. */
function linkPackages(modules: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
}

/** Where the stage's commands leave what they make, but for the packages, which are this repository's. */
async function build(stage: Stage): Promise<string> {
  const directory = join(folder, "build");
  layOut(stage, ROOT, directory, () => {});
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  const [install, ...commands] = all(stage, "RUN");
  expect(install).toBe("npm ci");
  const path = [join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter); // npm puts its own in front
  for (const command of commands)
    await run("sh", ["-c", command], { cwd: directory, env: { ...process.env, PATH: path } });
  return directory;
}

/** The tarball in the place where npm would put it. */
async function installTarball(modules: string): Promise<void> {
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: ROOT });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  const target = join(modules, "lovage");
  mkdirSync(target, { recursive: true });
  await run("tar", ["-xzf", join(folder, tarball), "--strip-components=1", "-C", target]);
}

test.each([
  { ...IMAGES[0], call: ["primes", "100"], ended: { state: "SUCCESS", value: 25 } },
  // Nobody has planned an outing 1 in the store of this container: its own code says so.
  { ...IMAGES[1], call: ["renderPoster", "1", "square"], ended: { state: "FAILURE" } },
])(
  "the entry point of $file runs, with the command that Fargate adds",
  async ({ file, context, app, call, ended }) => {
    const stages = stagesOf(file);
    const image = join(folder, app);
    mkdirSync(image);
    const last = stages.at(-1) as Stage;
    const entry = exec(all(last, "ENTRYPOINT")[0]);
    const modules = join(image, "node_modules");
    const building = stages.find(({ name }) => name === "build");
    const built = building && (await build(building));
    layOut(last, context, image, (_from, path, target) => {
      if (path.endsWith("/node_modules")) linkPackages(target);
      else cpSync(join(built ?? "", path.replace("/app/", "")), target, { recursive: true });
    });
    if (app === "starter") await installTarball(modules);

    const workloads = { default: onFargate({ work: "io" }), renders: onFargate() };
    await using stack = await startLocalStack({ app: { name: app, workloads } });
    const [port] = await freePorts(1);
    const command = ["--workloads", "renders", "--concurrency", "1", "--no-dead-letters", "--port", `${port}`];
    const [, main = "", ...given] = entry;
    await using worker = start([...given, ...command, "--host", "127.0.0.1", "--wait-seconds", "1"], {
      entry: join(image, main),
      cwd: image,
      env: { ...stack.environment, NODE_ENV: "production", DUCKLING_DIR: join(folder, "store") },
    });

    const send = ["send", ...call, "--name", app, "--workload", "renders", "--wait", "--timeout", "60s"];
    const early = worker.ended().then(({ stderr }) => Promise.reject(new Error(`the worker ended: ${stderr}`)));
    early.catch(() => {}); // it is raced below, and ends once it is told to
    expect(await Promise.race([json(send, { env: stack.environment }), early])).toMatchObject(ended);
    const probe = HEALTH_PROBE.replace(String(CONTAINER_HEALTH.port), `${port}`);
    await run(process.execPath, ["-e", probe]); // rejects unless it is healthy
    worker.kill("SIGTERM");
    const { code, stderr } = await worker.ended();
    expect(code).toBe(0);
    expect(logLines(stderr)).toContainEqual(expect.objectContaining({ message: "stopped, nothing in hand" }));
    await expect(run(process.execPath, ["-e", probe])).rejects.toMatchObject({ code: 1 });
  },
  120_000,
);
