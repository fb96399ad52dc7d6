// A message that is dropped on purpose (`lovage purge`). Dropped without a word its task would read PENDING for 14 days, and
// whoever waits for it would wait as long.
import * as changes from "./changes.ts";
import { ACK, type Circumstances, claimOf, type Decision, type Received, type TaskPolicy } from "./decision.ts";
import { follows } from "./follow-ups.ts";

/** REVOKED, where the task could have been started with this message; otherwise `decideRefused` says what becomes of it. */
export function decidePurged(
  received: Received,
  { resultExpires }: Pick<TaskPolicy, "resultExpires">,
  { now, routes }: Circumstances,
  token: string,
): Decision {
  const failure = { type: "TaskRevoked", message: "purged" };
  return {
    row: "purged",
    change: changes.revokeUnheld(claimOf(received, token), now, failure, resultExpires),
    ...follows(received.envelope, { state: "REVOKED", failure }, routes),
    settle: ACK,
  };
}
