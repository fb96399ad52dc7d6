// Which documents the site has, in which order, under which heading.
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  /** Its first heading. */
  readonly title: string;
  /** Of its page on the site, without `.html`. */
  readonly address: string;
  /** Heading in the navigation. */
  readonly group: string;
}

/** What to read first comes first; a page that is not named here follows, by name. */
const ORDER = [
  ...["tasks", "calling", "results", "retries-and-errors", "time-limits", "workers", "testing", "troubleshooting"],
  ...["from-celery", "from-bullmq", "from-sqs-consumer", "cli", "errors", "running"],
  ...["semantics", "architecture", "protocol", "model"],
];
const USED = new Set(["cli", "cost", "errors", "payloads", "performance", "running"]);

export function pages(root: string): readonly Page[] {
  const guides = markdown(root, "docs/guides");
  const documents = markdown(root, "docs");
  const paths: readonly (readonly [string, string])[] = [
    ...guides.map((path) => [path, "Guides"] as const),
    ...documents.filter((path) => USED.has(nameOf(path))).map((path) => [path, "Reference"] as const),
    ...documents.filter((path) => !USED.has(nameOf(path))).map((path) => [path, "How it works"] as const),
    ...markdown(root, "docs/decisions").map((path) => [path, "Decisions"] as const),
    ...["examples/duckling/README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map((path) => [path, "Project"] as const),
  ];
  return paths.map(([path, group]) => ({
    path,
    group,
    title: titleOf(root + path),
    address: path
      .replace(/^docs\//, "")
      .slice(0, -".md".length)
      .toLowerCase(),
  }));
}

function markdown(root: string, folder: string): readonly string[] {
  if (!existsSync(root + folder)) return [];
  const files = readdirSync(root + folder).filter((name) => name.endsWith(".md"));
  return files.map((name) => `${folder}/${name}`).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function rank(path: string): number {
  const index = ORDER.indexOf(nameOf(path));
  return index < 0 ? ORDER.length : index;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1, -".md".length);
}

function titleOf(file: string): string {
  const title = /^# (?<title>.+)$/m.exec(readFileSync(file, "utf8"))?.groups?.title;
  if (title === undefined) throw new Error(`${file} has no heading of level one`);
  return title;
}
