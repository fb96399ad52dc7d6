// The files of this repository, as the architecture tests read them.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, type Source } from "./source.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NOT_OURS = new Set(["node_modules", ".git", "dist", "cdk.out", "coverage", ".lovage"]);
const TEXT = /(?:^|\/)(?:[^./]+|\.[^/]+|[^/]+\.(?:ts|js|mjs|json|md|yml|yaml|sh|txt|html|css|toml))$/;

/** Paths below a folder, with slashes, sorted. */
export function filesIn(folder: string): readonly string[] {
  return readdirSync(`${ROOT}${folder}`, { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (NOT_OURS.has(entry.name) || path === "site") return []; // built by `npm run site`
      return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
    })
    .sort();
}

export function textFiles(): readonly string[] {
  return filesIn("").filter((path) => TEXT.test(path));
}

export function read(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

/** What ships. */
export function shippedSources(): readonly Source[] {
  return ["lib", "infra", "functions"]
    .flatMap(filesIn)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => parse(path, read(path)));
}
