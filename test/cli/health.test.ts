// /healthz and /readyz of a real worker, through each of its phases.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { freePorts } from "../../lib/local/ports.ts";
import { cliStack, lovage, type Running, start } from "./lovage.ts";

const HEALTH = ["--json", "--port", "0", "--host", "127.0.0.1", "--wait-seconds", "1", "--workloads", "default"];

interface Body {
  readonly status: string;
  readonly causes: readonly string[];
}

/** Where it is served, once it is. */
async function urlOf(worker: Running): Promise<string> {
  await worker.said('"graceSeconds"');
  return JSON.parse(worker.stdout.split("\n")[0] ?? "").health;
}

async function ask(url: string): Promise<Body & { readonly code: number }> {
  const response = await fetch(url);
  return { code: response.status, ...((await response.json()) as Body) };
}

/** Asks until it says so; what is asked of is a process with time of its own. */
async function untilCause(url: string, cause: string): Promise<Body & { readonly code: number }> {
  for (;;) {
    const found = await ask(url);
    if (found.causes.some((one) => one.includes(cause))) return found;
    await pause(50);
  }
}

describe.concurrent("the health of a worker", () => {
  test("at work it is healthy and ready; draining it is healthy, and takes no more", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = start(["worker", "--debug", ...HEALTH], there);
    const url = await urlOf(worker);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await ask(`${url}/healthz`)).toMatchObject({ code: 200, status: "ok", causes: [], app: "clitest" });
    expect(await ask(`${url}/readyz?verbose`)).toMatchObject({ code: 200, status: "ok", phase: "running" });
    expect((await fetch(`${url}/`)).status).toBe(404);
    await lovage(["send", "slow", "2500", "--name", "clitest"], there);
    await worker.said('"started"');
    worker.kill("SIGTERM");
    expect(await untilCause(`${url}/readyz`, "it is stopping")).toMatchObject({ code: 503, status: "not ready" });
    expect(await ask(`${url}/healthz`)).toMatchObject({ code: 200, in_hand: 1 });
    expect((await worker.ended()).code).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("SQS silent: not ready at once, unhealthy before it ends itself", async () => {
    const stack = await cliStack();
    await using worker = start(["worker", "--stall", "8s", ...HEALTH], { env: stack.environment });
    const url = await urlOf(worker);
    await stack.stop();
    expect(await untilCause(`${url}/readyz`, "queue clitest-default cannot be polled")).toMatchObject({ code: 503 });
    expect(await untilCause(`${url}/healthz`, "SQS answered no poll")).toMatchObject({
      code: 503,
      status: "unhealthy",
    });
    expect((await worker.ended()).code).toBe(1);
  });

  test("code that blocks the main thread cannot keep it from being told", async () => {
    await using stack = await cliStack();
    const there = { env: stack.environment };
    await using worker = start(["worker", "--stall", "8s", ...HEALTH], there);
    const url = await urlOf(worker);
    await lovage(["send", "block", "30000", "--name", "clitest"], there);
    const found = await untilCause(`${url}/healthz`, "the main thread has been blocked");
    expect(found).toMatchObject({ code: 503, status: "unhealthy", causes: [expect.stringContaining("never yields")] });
    expect((await worker.ended()).code).toBe("SIGKILL");
  });

  test("while it starts it is not ready, and says so", async () => {
    await using stack = await cliStack();
    const silent = createServer(() => {}).listen(0, "127.0.0.1"); // an SQS that never answers
    const [port = 0] = await freePorts(1);
    const { port: there } = await listening(silent);
    const env = { ...stack.environment, AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${there}` };
    await using worker = start(["worker", ...HEALTH, "--port", String(port)], { env });
    await worker.said("greets");
    for (;;) {
      const found = await ask(`http://127.0.0.1:${port}/readyz`).catch(() => undefined); // it does not listen yet
      if (found === undefined) {
        await pause(50);
        continue;
      }
      expect(found).toMatchObject({ code: 503, causes: [expect.stringContaining("it is starting")] });
      break;
    }
    worker.kill("SIGTERM");
    expect((await worker.ended()).code).toBe(0);
    silent.closeAllConnections();
    silent.close();
  });

  test("a port that is in use is the one cause not to start", async () => {
    await using stack = await cliStack();
    const taken = createServer().listen(0, "127.0.0.1");
    const { port } = await listening(taken);
    const args = ["worker", "--host", "127.0.0.1", "--port", String(port)];
    const { code, stderr } = await lovage(args, { env: stack.environment });
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`error: port ${port} on 127.0.0.1, for /healthz and /readyz, is in use`);
  });

  test.each([
    [["--host", "0.0.0.0"], "--host goes with --port"],
    [["--port", "http"], "it takes a port from 1 to 65535, or 0 for a free one"],
  ])("%j is wrong use", async (args, problem) => {
    const { code, stderr } = await lovage(["worker", ...args]);
    expect(stderr).toContain(problem);
    expect(code).toBe(2);
  });
});

async function listening(server: ReturnType<typeof createServer>): Promise<AddressInfo> {
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  return server.address() as AddressInfo; // a TCP server's address
}
