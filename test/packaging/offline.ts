// A machine without a network and without Docker: what is tried all the same is written down.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

const GUARD = (file: string) => `
import { appendFileSync } from "node:fs";
import dns from "node:dns";
import net from "node:net";
const refuse = (what) => { appendFileSync(${JSON.stringify(file)}, what + "\\n"); throw new Error("offline: " + what); };
const local = (host) => host === undefined || /^(localhost|127\\.|::1)/.test(host);
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof options === "object" && options.path === undefined && !local(options.host)) refuse("connect " + options.host);
  return connect.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => (local(host) ? lookup(host, ...rest) : refuse("lookup " + host));
`;

export interface Offline {
  /** For child processes. */
  readonly env: NodeJS.ProcessEnv;
  /** What was tried: hosts, and calls of Docker. */
  tried(): readonly string[];
}

export function offline(env: NodeJS.ProcessEnv, folder: string): Offline {
  const notes = join(folder, "tried.txt");
  const programs = join(folder, "programs");
  mkdirSync(programs, { recursive: true });
  const guard = join(folder, "guard.mjs");
  writeFileSync(guard, GUARD(notes));
  for (const name of ["docker", "podman", "finch"])
    writeFileSync(join(programs, name), `#!/bin/sh\necho "${name} $*" >> "${notes}"\nexit 1\n`, { mode: 0o755 });
  return {
    env: {
      ...env,
      PATH: [programs, env.PATH].join(delimiter),
      NODE_OPTIONS: `--import ${pathToFileURL(guard).href}`,
    },
    tried: () => (existsSync(notes) ? readFileSync(notes, "utf8").trimEnd().split("\n") : []),
  };
}
