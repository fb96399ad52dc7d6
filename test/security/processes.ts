// A process and its children as Linux shows them in /proc: what they listen on, and how they were started.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Listening {
  readonly pid: number;
  readonly address: string;
  readonly port: number;
}

/** The process and everything below it, whatever group it is in. */
export function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = /\) . (\d+)/.exec(read(`/proc/${name}/stat`))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const below = (pid: number): number[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ];
  return below(root);
}

/** Sockets that wait for connections. */
export function listeningIn(pids: readonly number[]): readonly Listening[] {
  const sockets = [...socketsIn("/proc/net/tcp"), ...socketsIn("/proc/net/tcp6")];
  return pids.flatMap((pid) => {
    const inodes = new Set(filesOf(pid).flatMap((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1] ?? []));
    return sockets.filter(({ inode }) => inodes.has(inode)).map(({ address, port }) => ({ pid, address, port }));
  });
}

export function commandLineOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
}

export function environmentOf(pid: number): Readonly<Record<string, string>> {
  const variables = read(`/proc/${pid}/environ`).split("\0").filter(Boolean);
  return Object.fromEntries(
    variables.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const LISTEN = "0A";

/** proc(5), /proc/net/tcp: addresses in hexadecimal, four bytes at a time in the machine's order. */
function socketsIn(file: string) {
  return read(file)
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      return state === LISTEN ? [{ address: addressOf(address), port: Number.parseInt(port, 16), inode }] : [];
    });
}

function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 15).every((byte) => byte === 0)) return bytes[15] === 1 ? "::1" : "::";
  return `[${bytes.join(",")}]`;
}

function filesOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return ""; // closed meanwhile
      }
    });
  } catch {
    return []; // it has ended meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}
