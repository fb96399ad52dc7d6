// What a user can import, as package.json says it.
import { readFileSync } from "node:fs";

export interface PublicEntry {
  /** Such as `lovage/lambda`. */
  readonly specifier: string;
  /** Its built declarations, from the root of the repository. */
  readonly types: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
}

export function publicEntries(): readonly PublicEntry[] {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { name, exports } = JSON.parse(text) as Manifest; // ours; publint checks its shape
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [{ specifier: name + path.slice(1), types: target.types.slice(2) }],
  );
}
