// DynamoDB on one machine: dynoxide, a child of the process of emulators. It does not notice its parent's death and never
// removes expired items by itself. Its MCP endpoint does that on demand; dynoxide binds it to the loopback interface,
// refuses foreign Host and Origin headers, and here also wants a token that only this process knows.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../clock.ts";
import { StartupFailed } from "../errors.ts";
import { LOOPBACK } from "./aws-request.ts";
import { lastLines } from "./last-lines.ts";
import type { DynoxideOptions } from "./messages.ts";
import { demandFree, freePorts } from "./ports.ts";

// Ready in some 10 ms. A taken MCP port is not reported, dynoxide just runs without: hence several short attempts.
const ATTEMPTS = 4;
const ATTEMPT_MS = 2_500;
const POLL_MS = 5;
const TERMINATE_MS = 2_000;

export interface Dynoxide {
  readonly port: number;
  /** Removes all expired items. */
  sweep(): Promise<void>;
  /** Gently, unless SIGKILL is asked for. */
  stop(signal?: "SIGKILL"): Promise<void>;
}

interface Attempt {
  readonly child: ChildProcess;
  readonly port: number;
  readonly mcp: (method: string, params?: object) => Promise<boolean>;
}

const alive = new Set<ChildProcess>();

/** For the last moment of this process: cannot wait, and spares none. */
export function killAllDynoxides(): void {
  for (const child of alive) child.kill("SIGKILL");
}

export async function startDynoxide(options: DynoxideOptions): Promise<Dynoxide> {
  let problem = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [free = 0, mcpPort = 0] = await freePorts(2);
    if (options.port !== undefined) await demandFree(options.port, "DynamoDB", "dynamodbPort");
    const launched = launch(options, options.port ?? free, mcpPort);
    const outcome = await ready(launched);
    if (outcome === "ready") return dynoxide(launched);
    await terminate(launched.child, "SIGKILL");
    problem = outcome;
    if (!/in use|no answer/i.test(problem)) break;
  }
  throw new StartupFailed(`the local DynamoDB (dynoxide) did not start: ${problem}`);
}

function launch({ binary, database }: DynoxideOptions, port: number, mcpPort: number): Attempt & { why: () => string } {
  const token = Buffer.from(systemClock.randomBytes(32)).toString("hex");
  const args = [
    "serve",
    "--host",
    LOOPBACK,
    "--port",
    `${port}`,
    "--mcp",
    "--mcp-host",
    LOOPBACK,
    "--mcp-port",
    `${mcpPort}`,
  ];
  if (database !== undefined) args.push("--db-path", database);
  const child = spawn(binary, args, {
    env: { DYNOXIDE_MCP_AUTH_TOKEN: token }, // not an argument: those can be read by every user of the machine
    stdio: ["ignore", "ignore", "pipe"],
  });
  alive.add(child);
  const stderr = lastLines(child.stderr);
  let failure = "";
  child.on("error", (error) => {
    failure = error.message;
    alive.delete(child);
  });
  child.on("exit", () => alive.delete(child));
  return { child, port, mcp: mcpClient(mcpPort, token), why: () => failure || stderr.text() };
}

async function ready({ child, mcp, why }: ReturnType<typeof launch>): Promise<string> {
  const start = systemClock.monotonic();
  while (systemClock.monotonic() - start < ATTEMPT_MS) {
    if (!isRunning(child)) {
      const end = child.signalCode ?? child.exitCode ?? "before it ran";
      return `it ended (${end}): ${why() || "it said nothing"}`;
    }
    if (await mcp("ping")) return "ready";
    await systemClock.sleep(POLL_MS);
  }
  return `no answer within ${ATTEMPT_MS / 1_000} s: ${why()}`;
}

function dynoxide({ child, port, mcp }: Attempt): Dynoxide {
  return {
    port,
    sweep: async () => {
      const swept = await mcp("tools/call", { name: "sweep_ttl", arguments: {} });
      if (!swept) throw new StartupFailed("the local DynamoDB (dynoxide) did not sweep expired items; restart it");
    },
    stop: (signal) => terminate(child, signal),
  };
}

/** JSON-RPC. True where the call succeeded. */
function mcpClient(port: number, token: string) {
  return async (method: string, params?: object): Promise<boolean> => {
    try {
      const response = await fetch(`http://${LOOPBACK}:${port}/mcp`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          connection: "close",
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
        signal: AbortSignal.timeout(method === "ping" ? ATTEMPT_MS : 60_000),
      });
      const { result } = (await response.json()) as { result?: { isError?: boolean } }; // JSON-RPC answers so
      return response.ok && result !== undefined && result.isError !== true;
    } catch {
      return false; // not listening yet, or somebody else's port
    }
  };
}

async function terminate(child: ChildProcess, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
  if (!isRunning(child)) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const cancel = systemClock.timer(TERMINATE_MS, () => child.kill("SIGKILL"));
  await exited;
  cancel();
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
