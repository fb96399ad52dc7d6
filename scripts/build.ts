// Compiles lib/, functions/ and infra/ into dist/ (JavaScript and d.ts), which is what the tarball ships.
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
const tsc = spawnSync("tsc", ["--project", "scripts/tsconfig.build.json"], { cwd: root, stdio: "inherit" });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
chmodSync(`${root}/dist/lib/cli/main.js`, 0o755);
