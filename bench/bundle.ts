// What a deployment loads of Lovage, in one file as `esbuild --bundle --minify` makes it, without the SDK (Lambda has one, and
// everybody who talks to AWS has it anyway): by a producer, which imports "lovage", and by a Lambda function that runs tasks too.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PRODUCER = `
  import { createApp } from "./lib/index.ts";
  export const app = createApp("bench");
  export const add = app.task("add", { bind: true, maxRetries: 3 }, (ctx, x, y) => x + y);
`;
const WORKER = `
  ${PRODUCER}
  import { createLambdaHandler } from "./lib/worker/lambda.ts";
  export const handler = createLambdaHandler(app);
`;

export async function bundles(): Promise<{ readonly producer: number; readonly worker: number }> {
  return { producer: await kilobytes(PRODUCER), worker: await kilobytes(WORKER) };
}

/** What is in them, as text. */
export async function bundleTexts(): Promise<{ readonly producer: string; readonly worker: string }> {
  return { producer: await bundled(PRODUCER), worker: await bundled(WORKER) };
}

/** In units of 1,024 bytes. */
async function kilobytes(contents: string): Promise<number> {
  return Buffer.byteLength(await bundled(contents)) / 1_024;
}

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL("..", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node22",
    external: ["@aws-sdk/*"],
    write: false,
  });
  return outputFiles.map(({ text }) => text).join("");
}
