import type { LocalStack } from "../../lib/local/stack.ts";

/** Gives this process the region and credentials of a local stack. The endpoints are stated by whoever makes a client. */
export function useCredentialsOf({ environment }: Pick<LocalStack, "environment">): void {
  const rest = Object.entries(environment).filter(([name]) => !name.startsWith("AWS_ENDPOINT_URL_"));
  Object.assign(process.env, Object.fromEntries(rest));
}
