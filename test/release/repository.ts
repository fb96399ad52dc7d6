// A repository of its own to release from: this one's scripts, another package.
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  readonly code: number;
  readonly output: string;
}

const says = (text: string) => `node --eval 'console.log(\`${text}\`, ...process.argv.slice(1))' --`;

export class Repository implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "lovage-release-"));

  constructor(changelog: string, manifest: Readonly<Record<string, unknown>> = {}) {
    cpSync(`${ROOT}/.changeset`, join(this.folder, ".changeset"), { recursive: true });
    const scripts = { check: says("checks ran"), audit: says("audited") };
    this.write("package.json", JSON.stringify({ name: "lovage", version: "0.1.0", scripts, ...manifest }, null, 2));
    this.write("CHANGELOG.md", changelog);
    this.git("init", "--quiet", "--initial-branch", "main");
    this.commit();
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  commit(): void {
    this.git("add", "--all");
    this.git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "test");
  }

  git(...args: readonly string[]): string {
    return execFileSync("git", args, { cwd: this.folder, encoding: "utf8" });
  }

  /** Runs one of this repository's commands in it. No registry is reached. */
  run(program: string, ...args: readonly string[]): Promise<Ended> {
    const env = {
      ...Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD|VITEST|ACTIONS_)/i.test(name)),
      ),
      PATH: `${ROOT}/node_modules/.bin${delimiter}${process.env.PATH}`,
      npm_config_registry: "http://127.0.0.1:1",
      npm_config_fetch_retries: "0",
    };
    return new Promise((resolve) => {
      execFile(program, args, { cwd: this.folder, env }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, output: stdout + stderr });
      });
    });
  }

  script(name: string, ...args: readonly string[]): Promise<Ended> {
    return this.run("node", `${ROOT}/scripts/${name}`, ...args);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
