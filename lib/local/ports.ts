// Ports on the loopback interface; nothing of the local stack is ever reachable from another machine.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { StartupFailed } from "../errors.ts";
import { LOOPBACK } from "./aws-request.ts";

/** `count` different ports that were free a moment ago: somebody may be faster, so be ready to ask again. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as AddressInfo).port); // a TCP server has no other address
  await Promise.all(servers.map(close));
  return ports;
}

export async function demandFree(port: number, what: string, option: string): Promise<void> {
  try {
    await close(await listen(port));
  } catch (error) {
    throw isPortInUse(error) ? portInUse(port, what, option, error) : error;
  }
}

export function isPortInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

export function portInUse(port: number, what: string, option: string, cause?: unknown): StartupFailed {
  return new StartupFailed(
    `the local ${what} cannot listen on ${LOOPBACK}:${port}: port ${port} is in use; stop what uses it (another "lovage dev"?) or choose another ${option}`,
    { cause },
  );
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, LOOPBACK);
  await once(server, "listening");
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
