// What a Lambda function loads: a producer and a worker in one file, as `esbuild --bundle --minify` makes it, without the SDK
// (Lambda has one, and everybody who talks to AWS has it anyway).
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ENTRY = `
  import { createApp, onLambda } from "./lib/index.ts";
  import { createLambdaHandler } from "./lib/worker/lambda.ts";
  export const app = createApp("bench", { workloads: { default: onLambda() } });
  export const add = app.task("add", { bind: true, maxRetries: 3 }, (ctx, x, y) => x + y);
  export const handler = createLambdaHandler(app);
`;

/** In units of 1,024 bytes. */
export async function bundleKb(): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(new URL("..", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node22",
    external: ["@aws-sdk/*"],
    write: false,
  });
  return outputFiles.reduce((bytes, { contents }) => bytes + contents.length, 0) / 1_024;
}
