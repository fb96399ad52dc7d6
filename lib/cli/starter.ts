// The starter project of `lovage init`: the files of examples/starter, and a package.json with the versions that fit.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { InvalidOption, StartupFailed } from "../errors.ts";
import { DYNOXIDE_VERSION, dynoxidePackage } from "../local/dynoxide-binary.ts";
import { tableName } from "../store/table.ts";
import { installableAs, type OwnPackage, ownPackage } from "./own-package.ts";

/** Name of the app in examples/starter. */
const STARTER = /\bstarter\b/g;
const CLASS_NAME = /\bStarter\b/g;
/** What only a deployment by the CDK needs, and what is said of it. */
const OF_INFRA = /^(?:infra\/|functions\/|cdk\.json$)/;
const LINES_OF_INFRA = /^.*(?:infra\/main\.ts|functions\/worker\.ts|npm run (?:synth|deploy)).*\n\n?/gm;
/** npm leaves files of this name out of a tarball. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: ".gitignore" };

export interface StarterFile {
  /** Relative to the project. */
  readonly path: string;
  readonly content: string;
}

/** The app's name for a directory: "My App" is "my-app". Throws InvalidOption where that cannot be one. */
export function appNameOf(directory: string): string {
  const name = directory
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  try {
    return tableName(name);
  } catch (cause) {
    throw new InvalidOption(
      `a directory called ${JSON.stringify(directory)} gives no name for an app (${cause instanceof Error ? cause.message : cause}); give one with --name`,
      { cause },
    );
  }
}

/** `project`: the absolute path of its directory. */
export function starterFiles(
  name: string,
  infra: boolean,
  project: string,
  own: OwnPackage = ownPackage(),
): readonly StarterFile[] {
  const root = join(own.directory, "examples", "starter");
  const files = filesIn(root, "")
    .filter((path) => infra || !OF_INFRA.test(path))
    .map((path) => ({
      path: RENAMED[path] ?? path,
      content: named(readFileSync(join(root, path), "utf8"), name, infra),
    }));
  return [{ path: "package.json", content: packageJson(name, infra, project, own) }, ...files];
}

function filesIn(root: string, folder: string): readonly string[] {
  const directory = join(root, folder);
  if (!existsSync(directory))
    throw new StartupFailed(`the starter project is missing from ${directory}; install lovage again`);
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(root, path) : [path];
  });
}

function named(content: string, name: string, infra: boolean): string {
  const className = name.replaceAll(/(?:^|[-_]+)([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const whole = content.replaceAll(STARTER, name).replaceAll(CLASS_NAME, className);
  if (infra) return whole;
  return whole.replaceAll(LINES_OF_INFRA, "");
}

function packageJson(name: string, infra: boolean, project: string, own: OwnPackage): string {
  const versions = (...packages: readonly string[]) =>
    Object.fromEntries(packages.map((one) => [one, own.devDependencies[one] ?? "latest"]));
  const content = {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    engines: { node: ">=22.18" },
    scripts: {
      dev: "lovage dev",
      call: "node --env-file=.lovage/dev.env call.ts",
      test: "node --test",
      types: "tsc",
      worker: "lovage worker",
      ...(infra ? { synth: "cdk synth --quiet", deploy: "cdk deploy --all" } : {}),
    },
    dependencies: { lovage: installableAs(own, project) },
    devDependencies: versions(
      "@types/node",
      ...(infra ? ["aws-cdk", "aws-cdk-lib", "constructs", "esbuild"] : []),
      "fauxqs",
      "typescript",
    ),
    // Not a devDependency: npm refuses to install another platform's, and a colleague may have one.
    optionalDependencies: { [dynoxidePackage()]: DYNOXIDE_VERSION },
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

export interface Written {
  readonly written: readonly string[];
  /** They were there already, and are as they were. */
  readonly kept: readonly string[];
}

/** What somebody made before is not touched. Throws InvalidOption where the directory holds something, unless `force`. */
export function writeStarter(directory: string, files: readonly StarterFile[], force: boolean): Written {
  if (!force) demandEmpty(directory);
  const written: string[] = [];
  const kept: string[] = [];
  for (const { path, content } of files) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    try {
      writeFileSync(target, content, { flag: "wx" });
      written.push(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      kept.push(path);
    }
  }
  return { written, kept };
}

function demandEmpty(directory: string): void {
  let found: readonly string[];
  try {
    found = readdirSync(directory).filter((name) => name !== ".git");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new InvalidOption(`${JSON.stringify(directory)} is a file; give a directory`);
    throw error;
  }
  if (found.length === 0) return;
  const shown = found.slice(0, 5).join(", ");
  throw new InvalidOption(
    `${directory} is not empty, it has ${shown}${found.length > 5 ? " and more" : ""}; give another directory, or --force, which adds what is missing and overwrites nothing`,
  );
}
