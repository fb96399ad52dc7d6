// A Dockerfile as far as ours go: its stages and instructions, and what its COPYs make of a context.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { IgnoreStrategy } from "aws-cdk-lib";

export interface Instruction {
  readonly name: string;
  readonly args: string;
}

export interface Stage {
  /** Image or stage it begins with, with its flags. */
  readonly from: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** Throws at what it does not know: then it has to be looked at. */
export function parseDockerfile(text: string): readonly Stage[] {
  const lines = text
    .split("\n")
    .filter((line) => !/^\s*(?:#|$)/.test(line))
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  const stages: { from: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = "", args = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (!/^(?:FROM|ENV|WORKDIR|COPY|RUN|USER|VOLUME|EXPOSE|HEALTHCHECK|ENTRYPOINT)$/.test(name))
      throw new Error(`what is ${JSON.stringify(line)}?`);
    if (name !== "FROM") stages.at(-1)?.instructions.push({ name, args });
    else {
      const [from = "", as] = args.split(" AS ");
      stages.push({ from, name: as, instructions: [] });
    }
  }
  return stages;
}

export function all(stage: Stage, name: string): readonly string[] {
  return stage.instructions.filter((one) => one.name === name).map(({ args }) => args);
}

/** The exec form is JSON. */
export function exec(args: string | undefined): readonly string[] {
  return JSON.parse(args ?? "") as readonly string[];
}

/** Whether the context's .dockerignore keeps a file out: asked of what the CDK asks too. */
export function ignores(context: string): (path: string) => boolean {
  const file = join(context, ".dockerignore");
  const patterns = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const strategy = IgnoreStrategy.docker(
    context,
    patterns.filter((pattern) => pattern !== "" && !pattern.startsWith("#")),
  );
  return (path) => strategy.ignores(resolve(context, path));
}

/** Files of a context, relative to it, that an image may get; links, such as an installed node_modules, are not followed. */
export function contextFiles(context: string): readonly string[] {
  const isIgnored = ignores(context);
  const list = (folder: string): readonly string[] =>
    readdirSync(join(context, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return /^(?:\.git|node_modules|dist)$/.test(entry.name) ? [] : list(path);
      return entry.isFile() && !isIgnored(path) ? [path] : [];
    });
  return list("");
}

/** What a COPY from the context takes: file in the context -> path in the image, from its WORKDIR. Throws where a source is missing. */
export function copied(args: string, files: readonly string[]): ReadonlyMap<string, string> {
  const words = args.split(" ");
  const target = words.pop() ?? "";
  return new Map(
    words.flatMap((source) => {
      if (source === ".") return files.map((file): [string, string] => [file, join(target, file)]);
      const found = files.filter((file) => file === source || file.startsWith(`${source}/`));
      if (found.length === 0) throw new Error(`COPY ${args}: there is no ${source} in the context`);
      return found.map((file): [string, string] => [
        file,
        file === source
          ? target.endsWith("/")
            ? join(target, basename(file))
            : target
          : join(target, file.slice(source.length + 1)),
      ]);
    }),
  );
}

/** Lays a stage out in a directory: what it copies from the context, and from other stages what `made` has for them. */
export function layOut(
  stage: Stage,
  context: string,
  directory: string,
  made: (stage: string, path: string, target: string) => void,
): void {
  const files = contextFiles(context);
  for (const args of all(stage, "COPY")) {
    const [, from, source, target] = /^--from=(\w+) (\S+) (\S+)$/.exec(args) ?? [];
    if (from !== undefined && source !== undefined && target !== undefined) {
      made(from, source, join(directory, target));
      continue;
    }
    for (const [from, to] of copied(args, files)) {
      mkdirSync(dirname(join(directory, to)), { recursive: true });
      cpSync(join(context, from), join(directory, to));
    }
  }
}
