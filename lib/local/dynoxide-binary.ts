// Where the DynamoDB emulator is: one npm package for each platform, holding one executable.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StartupFailed } from "../errors.ts";

export const DYNOXIDE_VERSION = "1.2.1";

/** The platform's package. */
export function dynoxidePackage(platform: string = process.platform, arch: string = process.arch): string {
  return `@dynoxide/${platform}-${arch}`;
}

/** The platform's executable. Throws StartupFailed where its package is not installed. */
export function dynoxideBinary(
  resolve: (specifier: string) => string = createRequire(import.meta.url).resolve,
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const name = dynoxidePackage(platform, arch);
  try {
    const file = platform === "win32" ? "dynoxide.exe" : "dynoxide";
    return join(dirname(resolve(`${name}/package.json`)), file);
  } catch (cause) {
    throw new StartupFailed(
      `the local DynamoDB needs the package "${name}", which is not installed; run: npm install --save-dev ${name}@${DYNOXIDE_VERSION}; if npm has none for this platform, set AWS_ENDPOINT_URL_DYNAMODB to the endpoint of another DynamoDB, such as DynamoDB Local`,
      { cause },
    );
  }
}
