// The unit and the Dockerfile of the starter say what the worker does.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { EXIT } from "../../lib/cli/exit-codes.ts";
import { ECS, POOL, WORKER_DEFAULTS, WORKER_STOP } from "../../lib/defaults.ts";

const read = (name: string) => readFileSync(new URL(`../../examples/starter/${name}`, import.meta.url), "utf8");
const ENTRY = "node_modules/lovage/dist/functions/worker/main.js";
/** What run-worker.ts adds to the grace before it gives up. */
const MARGIN_SECONDS = WORKER_STOP.settleSeconds + WORKER_STOP.closeSeconds;

test("grace and end fit into the longest stopTimeout of ECS, and what closes has the time to", () => {
  const { settleSeconds, closeSeconds, spareSeconds } = WORKER_STOP;
  const { graceSeconds, waitSeconds } = WORKER_DEFAULTS;
  expect(Math.max(graceSeconds, waitSeconds) + settleSeconds + closeSeconds + spareSeconds).toBeLessThanOrEqual(
    ECS.maxStopTimeoutSeconds,
  );
  expect(POOL.farewellSeconds).toBeLessThan(closeSeconds);
  expect(spareSeconds).toBeGreaterThan(0);
});

test("systemd waits for the grace and what follows it, and starts it again but for wrong use", () => {
  const unit = read("worker.service");
  const setting = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? "";
  const grace = Number(/--grace (\d+)s/.exec(setting("ExecStart"))?.[1]);
  expect(grace).toBe(WORKER_DEFAULTS.graceSeconds);
  expect(Number(setting("TimeoutStopSec"))).toBeGreaterThan(grace + MARGIN_SECONDS);
  expect(Number(setting("RestartPreventExitStatus"))).toBe(EXIT.usage);
  expect(setting("ExecStart")).toContain(ENTRY);
});

test("the container starts the worker without a shell, and probes the port it serves", () => {
  const dockerfile = read("Dockerfile");
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? "") as readonly string[]; // the exec form is JSON
  expect(entry.slice(0, 2)).toEqual(["node", ENTRY]);
  expect(dockerfile).toContain(`http://127.0.0.1:${entry.at(-1)}/healthz`);
  const stop = Number(/--stop-timeout (\d+)/.exec(dockerfile)?.[1]);
  expect(stop).toBeGreaterThan(WORKER_DEFAULTS.graceSeconds + MARGIN_SECONDS);
});

test.skipIf(!existsSync("/usr/bin/systemd-analyze"))("systemd finds nothing wrong with the unit", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lovage-unit-"));
  // The machine's own Node, wherever it is: what systemd would complain about is a file that is not there.
  const unit = read("worker.service").replace("/usr/bin/node", process.execPath);
  writeFileSync(join(folder, "starter-worker.service"), unit);
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", [
    "verify",
    join(folder, "starter-worker.service"),
  ]);
  rmSync(folder, { recursive: true });
  expect(stdout + stderr).toBe("");
});
