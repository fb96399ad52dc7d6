// Second half of `npm run version`. `changeset version` writes a section for the new version on top of CHANGELOG.md; what was
// written there by hand under "Unreleased" belongs to the same version and moves into it. Where there is no such section
// (the first version has no changeset), "Unreleased" becomes it.
import { readFileSync, writeFileSync } from "node:fs";

const UNRELEASED = /^## Unreleased\n(?<text>.*?)(?=^## |$(?![\s\S]))/ms;

/** The changelog once `version` is made of what is unreleased. The same text where nothing is. */
export function release(changelog: string, version: string): string {
  const found = UNRELEASED.exec(changelog);
  if (found === null) return changelog;
  const text = found.groups?.text?.trim() ?? "";
  const rest = changelog.replace(UNRELEASED, "");
  const heading = `## ${version}\n`;
  const merged = rest.includes(heading)
    ? rest.replace(heading, () => `${heading}\n${text}\n`)
    : changelog.replace(UNRELEASED, () => `${heading}\n${text}\n\n`);
  return `${merged.trim()}\n`;
}

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  writeFileSync("CHANGELOG.md", release(readFileSync("CHANGELOG.md", "utf8"), version));
}
