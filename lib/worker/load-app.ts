// Finds the app a worker is to run: imports its module, then the task modules it includes. Each mistake has one clear cause.
import { stat } from "node:fs/promises";
import { basename, dirname, extname, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { App } from "../app.ts";
import { StartupFailed } from "../errors.ts";
import { toFailure } from "../wire/failure.ts";

/** `path` counts from the current directory, `app.include` from the app's own module. Throws StartupFailed. */
export async function loadApp(path: string): Promise<App> {
  const file = resolve(path);
  await checkFile(file, `app file "${path}"`, 'give the path of the module that exports the app, such as "app.ts"');
  const app = theApp(await importModule(file, `the app's module ${show(file)}`), path);
  for (const entry of app.include) {
    const included = await findIncluded(entry, file);
    await importModule(included, `${entry}, included by ${show(file)}`);
  }
  return app;
}

const show = (file: string) => relative(process.cwd(), file) || basename(file);

type What = "file" | "directory" | "missing";

async function look(file: string): Promise<What> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) return "missing";
  return stats.isDirectory() ? "directory" : "file";
}

async function checkFile(file: string, name: string, hint: string): Promise<void> {
  const what = await look(file);
  if (what === "missing") throw new StartupFailed(`${name} does not exist (looked for ${file}); ${hint}`);
  if (what === "directory") throw new StartupFailed(`${name} is a directory (${file}); ${hint}`);
}

/** An entry that does not exist is looked for with the app's own extension: one list serves the sources and their build. */
async function findIncluded(entry: string, appFile: string): Promise<string> {
  const file = resolve(dirname(appFile), entry);
  const built = file.slice(0, file.length - extname(file).length) + extname(appFile);
  if ((await look(file)) === "missing" && (await look(built)) === "file") return built;
  await checkFile(
    file,
    `"${entry}", included by ${show(appFile)},`,
    'list files, relative to the app\'s module, such as "./tasks.ts"',
  );
  return file;
}

async function importModule(file: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(/* @vite-ignore */ pathToFileURL(file).href);
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION" && /ts$/.test(extname(file))) {
      throw new StartupFailed(
        `Node ${process.version} cannot run TypeScript (${name}); use Node 22.18 or newer, or compile it first`,
        { cause: error },
      );
    }
    const { type, message, stack } = toFailure(error);
    const where = placeOfSyntaxError(stack) ?? firstLineOfUserCode(stack);
    throw new StartupFailed(`cannot load ${name}: ${type}: ${message}${where === undefined ? "" : ` (${where})`}`, {
      cause: error,
    });
  }
}

/** Above the stack of a SyntaxError in TypeScript Node writes `<file>:<line>`, and nowhere else: others may import the file. */
function placeOfSyntaxError(stack = ""): string | undefined {
  const found = /^(?<file>(?:file:|\/|[A-Za-z]:[\\/]).*):(?<line>\d+)\r?\n/.exec(stack)?.groups;
  if (found?.file === undefined) return undefined;
  return `at ${show(found.file.startsWith("file:") ? fileURLToPath(found.file) : found.file)}:${found.line}`;
}

const OWN_FILES = new URL("..", import.meta.url).href;

/** Where it was thrown, as far as it concerns the reader: not inside Node, not in a package, not in here. */
function firstLineOfUserCode(stack = ""): string | undefined {
  const lines = stack.split("\n").map((line) => line.trim());
  const own = [OWN_FILES, new URL(OWN_FILES).pathname];
  return lines.find(
    (line) =>
      line.startsWith("at ") &&
      line.includes("/") &&
      !/node:|node_modules/.test(line) &&
      !own.some((path) => line.includes(path)),
  );
}

function theApp(module: Readonly<Record<string, unknown>>, path: string): App {
  const exported = Object.entries(module);
  const apps = new Map<unknown, string>();
  for (const [name, value] of exported) if (value instanceof App && !apps.has(value)) apps.set(value, name);
  const [first, second] = apps.keys();
  if (second !== undefined) {
    throw new StartupFailed(
      `"${path}" exports ${apps.size} apps: ${[...apps.values()].join(", ")}; a worker serves one, so export one per module`,
    );
  }
  if (first !== undefined) return first as App; // instanceof has just said so
  const foreign = exported.find(([, value]) => looksLikeApp(value));
  if (foreign) {
    throw new StartupFailed(
      `"${foreign[0]}" in "${path}" is an app of another copy of lovage than the one that runs here (${OWN_FILES}); install lovage once ("npm ls lovage") and run the project's own: npx lovage`,
    );
  }
  const names = exported.length === 0 ? "nothing" : exported.map(([name]) => name).join(", ");
  throw new StartupFailed(
    `"${path}" exports no app, it exports ${names}; write: export const app = createApp("name", {...})`,
  );
}

function looksLikeApp(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value.constructor?.name !== "App") return false;
  const { tasks, include } = value as { tasks?: unknown; include?: unknown }; // anything may be exported
  return tasks instanceof Map && Array.isArray(include);
}
