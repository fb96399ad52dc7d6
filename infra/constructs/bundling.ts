// How a Lambda function's code becomes one file. Pure, so that what is deployed, what is run under Lambda's own runtime client in
// test/packaging, and what `npm run bench -- lambda` measures, are bundled alike.

/** esbuild's options, by the names that both esbuild and NodejsFunction's `bundling` have for them. */
export interface FunctionBundling {
  /** Lambda takes the file for an ES module by its ending: `index.mjs`. */
  readonly format: "esm";
  readonly target: string;
  readonly mainFields: readonly string[];
  readonly banner: string;
  readonly minify: boolean;
  readonly keepNames: boolean;
  /** Left out of the bundle (NodejsFunction: `externalModules`). */
  readonly external: readonly string[];
  /** A warning of esbuild's, by its id, that fails the bundle. */
  readonly refusedWarning: string;
}

/**
 * The SDK is bundled, too: the version that was tested, not the one that Lambda's runtime happens to have. Not minified: a
 * failure's record has its stack, which should name functions and lines, and minified code does not start sooner.
 */
export const FUNCTION_BUNDLING: FunctionBundling = {
  format: "esm",
  target: "node24",
  mainFields: ["module", "main"], // ES modules first: what nobody uses of them is left out
  // CommonJS packages call require(), which an ES module does not have. In apostrophes, and by a name that no code has already.
  banner:
    "import { createRequire as lovageCreateRequire } from 'node:module'; const require = lovageCreateRequire(import.meta.url);",
  minify: false,
  keepNames: true, // esbuild renames one of two classes of a name, minifying all; errors are known by their names
  external: [],
  // A project whose package.json says `"sideEffects": false` promises that a module nobody takes anything from may be left out.
  // Of `import "../tasks.ts"` that is not true, and esbuild would leave the tasks out with a warning only.
  refusedWarning: "ignored-bare-import",
};

/** What `esbuild.build()` takes to make of an entry what NodejsFunction makes of it. */
export function esbuildOptions({
  banner,
  mainFields,
  external,
  refusedWarning,
  ...same
}: FunctionBundling = FUNCTION_BUNDLING) {
  return {
    ...same,
    bundle: true,
    platform: "node" as const,
    mainFields: [...mainFields],
    external: [...external],
    logOverride: { [refusedWarning]: "error" as const },
    banner: { js: banner },
  };
}
