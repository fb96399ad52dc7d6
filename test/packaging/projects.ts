// Empty projects with the packed package in them, as `npm install` leaves them, and the Node versions to run them with.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CONSUMER = fileURLToPath(new URL("consumer", import.meta.url));
const run = promisify(execFile);

/** What the npm and the vitest of this run tell their children: an npm below would install into this project. */
const OF_THIS_RUN = /^(npm_(package|lifecycle|command|config_local_prefix)|INIT_CWD|NODE_(OPTIONS|ENV)|VITEST|AWS_)/i;

export interface Where {
  readonly cwd: string;
  /** The Node that it, and what it starts, runs with. @default - the one that runs the tests */
  readonly node?: string;
  /** Variables besides, or instead of, this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a user's shell has: nothing of this run, and the Node that is asked for. */
export function ownEnvironment(node: string = process.execPath): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !OF_THIS_RUN.test(name));
  return { ...Object.fromEntries(kept), PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
}

/** Runs a program to its end. Rejects, with all it said, where its exit code is not 0. */
export async function say(program: string, args: readonly string[], { cwd, node, env = {} }: Where): Promise<Said> {
  try {
    return await run(program, args, { cwd, env: { ...ownEnvironment(node), ...env } });
  } catch (error) {
    const { stdout, stderr } = error as Said; // execFile adds them
    throw new Error(`${program} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error });
  }
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "lovage-packaging-"));
}

/** The tarball of dist/ as it is: `npm run check:package` builds first. */
export async function pack(into: string): Promise<string> {
  const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", into];
  const { stdout } = await say("npm", args, { cwd: ROOT });
  return join(into, stdout.trim());
}

/** A Node of that version, from its package on the registry. */
export async function installNode(version: string, into: string): Promise<string> {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  await mkdir(into);
  await writeFile(join(into, "package.json"), "{}");
  await say("npm", ["install", `${name}@${version}`], { cwd: into });
  return join(into, "node_modules", name, "bin", "node");
}

/** A project with nothing in it but the tarball, installed by `node`, and the consumer's files. */
export async function installProject(tarball: string, type: "module" | "commonjs", into: string, node: string) {
  await mkdir(into);
  await writeFile(join(into, "package.json"), JSON.stringify({ name: "empty", private: true, type }));
  await say("npm", ["install", "--engine-strict", tarball], { cwd: into, node });
  await cp(CONSUMER, into, { recursive: true });
  return into;
}

/** Packages of an installed project and the sum of their files, in bytes, without the packages nested in them. */
export async function installedSizes(modules: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  const add = async (folder: string, owner: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isFile()) sizes.set(owner, (sizes.get(owner) ?? 0) + (await stat(path)).size);
      if (!entry.isDirectory() || entry.name === ".bin") continue;
      await add(path, entry.name === "node_modules" ? "" : ownerOf(folder, entry.name, owner));
    }
  };
  await add(modules, "");
  sizes.delete(""); // npm's own notes
  return sizes;
}

function ownerOf(folder: string, name: string, owner: string): string {
  if (owner === "") return name;
  return owner.startsWith("@") && !owner.includes("/") && folder.endsWith(owner) ? `${owner}/${name}` : owner;
}
