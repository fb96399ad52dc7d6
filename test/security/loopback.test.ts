// Everything local is on the loopback interface: what `lovage dev` starts, its functions, a worker's /healthz, the proxies of tests.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { CONTAINER_HEALTH } from "../../lib/defaults.ts";
import { startLocalStack } from "../../lib/local/stack.ts";
import { cliStack, FIXTURES, json, type Running, start } from "../cli/lovage.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { commandLineOf, environmentOf, listeningIn, treeOf } from "./processes.ts";
import { startRecorder } from "./recorder.ts";

vi.setConfig({ testTimeout: 90_000 }); // a whole lovage dev, with a function and processes

const LOOPBACK = ["127.0.0.1", "::1"];
const addresses = (pids: readonly number[]) => listeningIn(pids).map(({ address }) => address);
const pidOf = ({ child }: Running) => child.pid as number; // it runs

/** Of every functions' and containers' workload. */
const APP = `
import { createApp, onFargate, onLambda } from "lovage";
const workloads = { default: onLambda({ timeout: "10s", memory: "256MB" }), long: onFargate({ work: "cpu", concurrency: 1 }) };
export const app = createApp("loopback", { workloads, payloads: { bucket: "loopback-payloads" } });
export const inFunction = app.task("inFunction", () => process.pid);
export const inProcess = app.task("inProcess", { workload: "long" }, () => process.pid);
`;

class Project implements Disposable {
  readonly cwd = mkdtempSync(join(FIXTURES, ".loopback-"));

  constructor() {
    writeFileSync(join(this.cwd, "app.ts"), APP);
  }

  [Symbol.dispose](): void {
    rmSync(this.cwd, { recursive: true });
  }
}

/** Elsewhere nobody can be asked who listens where. */
describe.skipIf(process.platform !== "linux")("in /proc", () => {
  test("what looks at it sees what listens elsewhere", async () => {
    const server = createServer().listen(0, "0.0.0.0");
    const other = createServer().listen(0, "::");
    await expect.poll(() => addresses([process.pid])).toEqual(expect.arrayContaining(["0.0.0.0", "::"]));
    server.close();
    other.close();
  });

  test("lovage dev, its emulators, functions and worker listen on the loopback interface alone, and keep their token to themselves", async () => {
    using project = new Project();
    await using dev = start(["dev", "--json"], project);
    await dev.said('"worker":');
    const there = ["--local", "--wait", "--timeout", "60s"];
    const ran = await Promise.all(["inFunction", "inProcess"].map((task) => json(["send", task, ...there], project)));
    const tree = treeOf(pidOf(dev));
    expect(tree).toEqual(expect.arrayContaining(ran.map(({ value }) => value)));
    const found = listeningIn(tree);
    expect(found.length).toBeGreaterThanOrEqual(4); // SQS and S3, DynamoDB, its MCP endpoint, a function's runtime API
    expect(found.filter(({ address }) => !LOOPBACK.includes(address))).toEqual([]);

    const tokens = tree.flatMap((pid) => environmentOf(pid).DYNOXIDE_MCP_AUTH_TOKEN ?? []);
    expect(tokens).toHaveLength(1);
    expect(tree.map(commandLineOf).filter((line) => line.includes(tokens[0] as string))).toEqual([]);
    const answers = await Promise.all(found.map(({ port }) => mcp(port, "wrong")));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(answers.filter(({ swept }) => swept)).toEqual([]);
  });

  test("a worker listens on nothing, and with --port where --host says; containers of TaskApp say 127.0.0.1", async () => {
    await using stack = await cliStack();
    const env = stack.environment;
    const poll = ["--json", "--wait-seconds", "1", "--workloads", "default"];
    await using silent = start(["worker", ...poll], { env });
    await using asked = start(["worker", ...poll, "--port", "0", "--host", "127.0.0.1"], { env });
    await Promise.all([silent, asked].map((worker) => worker.said('"graceSeconds"')));
    expect(addresses(treeOf(pidOf(silent)))).toEqual([]);
    expect(addresses(treeOf(pidOf(asked)))).toEqual(["127.0.0.1"]);
    expect(CONTAINER_HEALTH.host).toBe("127.0.0.1"); // test/infra: the container's command says so
  });

  test("startLocalStack() and the proxies of these tests", async () => {
    await using stack = await startLocalStack({ tables: ["loopback"] });
    await using _proxy = await startFaultProxy(stack.sqsEndpoint);
    await using _recorder = await startRecorder(stack);
    const found = addresses(treeOf(process.pid));
    expect(found.length).toBeGreaterThanOrEqual(6);
    expect(found.filter((address) => !LOOPBACK.includes(address))).toEqual([]);
  });
});

/** Asks what listens there to remove expired items, as only the local stack may. */
async function mcp(port: number, token: string): Promise<{ readonly status: number; readonly swept: boolean }> {
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "sweep_ttl", arguments: {} } };
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const url = `http://127.0.0.1:${port}/mcp`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, swept: (await response.text()).includes('"result"') };
}
