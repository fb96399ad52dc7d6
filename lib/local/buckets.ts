// The bucket of the local stack. Without lifecycle rules: nothing lives long enough here to expire.
import { StartupFailed } from "../errors.ts";
import { LOCAL_REGION } from "./aws-request.ts";

const TIMEOUT_MS = 10_000;

/** Idempotent: in this region S3 answers 200 for a bucket that one owns. */
export async function createBuckets(endpoint: string, buckets: readonly string[]): Promise<void> {
  for (const bucket of buckets) {
    let response: Response;
    try {
      // Path style: the bucket's own host does not resolve on every machine.
      response = await fetch(`${endpoint}/${bucket}`, {
        method: "PUT",
        headers: { "x-amz-bucket-region": LOCAL_REGION, connection: "close" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new StartupFailed(`CreateBucket got no answer from ${endpoint}; check that something listens there`, {
        cause,
      });
    }
    if (!response.ok) {
      throw new StartupFailed(
        `${endpoint} refused CreateBucket of "${bucket}": ${(await response.text()).slice(0, 200)}`,
      );
    }
  }
}
