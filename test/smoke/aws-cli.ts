// The AWS CLI, for services whose SDK is no dependency of Lovage.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Its answer, or why there is none where the CLI is not installed. Rejects with what AWS says. */
export async function aws(
  ...args: readonly string[]
): Promise<{ readonly json: unknown } | { readonly skipped: string }> {
  try {
    const { stdout } = await run("aws", [...args, "--output", "json"]);
    return { json: JSON.parse(stdout) };
  } catch (error) {
    const { code, stderr = "" } = error as { readonly code?: unknown; readonly stderr?: string }; // execFile adds them
    if (code === "ENOENT") return { skipped: "the AWS CLI is not installed" };
    throw new Error(stderr.trim() || String(error), { cause: error });
  }
}
