// What esbuild has made of an entry, looked at before it is deployed: a function without a handler, or without its tasks, would be
// found out by the first message.
import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { Annotations, Stage } from "aws-cdk-lib";
import type { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { InvalidOption } from "../../lib/errors.ts";

/** Runs what bundles `entry`. What esbuild has against it, esbuild has said by then, with file and line. Throws InvalidOption. */
export function bundling<T>(entry: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!/Failed to bundle asset.*exited with status/s.test(String(error))) throw error;
    throw new InvalidOption(
      `esbuild cannot bundle ${relative("", entry)}, and says why above; where it ignores an import of tasks, because package.json has "sideEffects", write: export * as tasks from "../tasks.ts"`,
    );
  }
}

/** Throws InvalidOption where the bundle has no handler; warns of tasks it does not name. */
export function checkBundle(made: NodejsFunction, entry: string, tasks: readonly string[]): void {
  const code = bundleOf(made);
  if (code === undefined) return;
  if (!exportsHandler(code))
    throw new InvalidOption(
      `${relative("", entry)} exports no "handler"; write there: export const handler = createLambdaHandler(app)`,
    );
  const missing = tasks.filter((name) => !names(code, name));
  if (missing.length === 0) return;
  Annotations.of(made).addWarningV2(
    "lovage:tasks-not-in-bundle",
    `the bundle of ${relative("", entry)} does not name ${missing.map((name) => `"${name}"`).join(", ")}: export the modules that define its tasks there, as in export * as tasks from "../tasks.ts" (nothing is wrong where a name is put together at run time)`,
  );
}

/** The code of a function's asset; undefined where the CDK was told not to bundle. */
function bundleOf(made: NodejsFunction): string | undefined {
  const asset = made.node.tryFindChild("Code");
  const stage = Stage.of(made);
  if (!asset || !stage || !("assetPath" in asset) || typeof asset.assetPath !== "string") return undefined;
  const file = resolve(stage.outdir, asset.assetPath, "index.mjs");
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** As esbuild writes it: one list at the end. */
function exportsHandler(code: string): boolean {
  return /^export \{[^}]*\bhandler,?\s[^}]*\};?$/m.test(code);
}

/** As the first argument of a call, which a task's name is. esbuild writes what is not ASCII its own way; such a name is taken for there. */
function names(code: string, task: string): boolean {
  if (!/^[\x20-\x7e]*$/.test(task)) return true;
  const quoted = task.replaceAll(/[^\w ]/g, "\\$&");
  return new RegExp(`\\(\\s*(["'\`])${quoted}\\1`).test(code);
}
