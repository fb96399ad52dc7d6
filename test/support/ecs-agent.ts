// What the ECS agent offers a container at ECS_AGENT_URI, as far as task scale-in protection goes.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface AgentRequest {
  readonly method: string;
  readonly path: string;
  readonly ProtectionEnabled: boolean;
  readonly ExpiresInMinutes?: number;
}

export interface EcsAgent extends AsyncDisposable {
  /** ECS_AGENT_URI. */
  readonly uri: string;
  readonly requests: readonly AgentRequest[];
  /** From the latest request that succeeded. */
  readonly protected: boolean;
  /** Answers the next requests so. */
  answer(status: number, body: unknown): void;
}

/** @default - it does what it is asked to */
export async function startAgent(fixed?: { readonly status: number; readonly body: unknown }): Promise<EcsAgent> {
  const requests: AgentRequest[] = [];
  let answer = fixed;
  let isProtected = false;
  const server = createServer(async (request, response) => {
    const asked = JSON.parse(await text(request)) as Omit<AgentRequest, "method" | "path">; // our own client's
    requests.push({ method: request.method ?? "", path: request.url ?? "", ...asked });
    if (answer === undefined) isProtected = asked.ProtectionEnabled;
    const protection = { ProtectionEnabled: asked.ProtectionEnabled, TaskArn: "arn:aws:ecs:::task/1" };
    const { status, body } = answer ?? { status: 200, body: { protection } };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/1`, // a TCP server's address
    requests,
    get protected() {
      return isProtected;
    },
    answer: (status, body) => {
      answer = { status, body };
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
