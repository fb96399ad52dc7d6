// The whole of it on this machine: `node examples/http-api/main.ts`. Queues, table and workers are those of `lovage dev`; the two
// functions of the API are called by an HTTP server, with the events that API Gateway would send.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { app } from "./app.ts";
import { handler as result } from "./functions/result.ts";
import { handler as send } from "./functions/send.ts";
import { serve } from "./serve.ts";

const here = dirname(fileURLToPath(import.meta.url));
const lovage = join(dirname(fileURLToPath(import.meta.resolve("lovage"))), "cli/main.js");

const dev = spawn(process.execPath, [lovage, "dev"], { cwd: here, stdio: ["ignore", "pipe", "inherit"] });
const ended = once(dev, "exit");
process.on("SIGINT", () => {}); // Ctrl-C reaches `lovage dev`, too: the rest ends with it
process.on("SIGTERM", () => dev.kill("SIGTERM"));
await ready();
Object.assign(process.env, parseEnv(readFileSync(join(here, ".lovage/dev.env"), "utf8"))); // before the first call makes clients

const server = await serve({ "POST /tasks": send, "GET /tasks/{id}": result }, Number(process.env.PORT ?? 8000));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // listening on a port, not on a pipe
console.log(`
The API is at ${url}

  curl -s ${url}/tasks -H 'content-type: application/json' -d '{"task":"write","args":["Ada","Lisbon"]}'
  curl -s ${url}/tasks -H 'content-type: application/json' -d '{"task":"frank","args":["Dear Ada","airmail"]}'
  curl -s ${url}/tasks/<id>
`);

await ended;
server.close();
await app.close();

/** Its screen is shown until workers are there; then it goes on by itself. */
async function ready(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  dev.stdout.on("data", (chunk) => {
    process.stdout.write(chunk);
    said += chunk;
    if (said.includes("ready ")) resolve();
  });
  dev.once("exit", () => reject(new Error("lovage dev could not start; it says why above")));
  await promise;
}
