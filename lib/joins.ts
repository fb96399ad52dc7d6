import { bringWorkerParts } from "./aws/worker-parts.ts";
import { NotSupported } from "./errors.ts";
import type { JoinStore } from "./ports/join-store.ts";

/** What workflows share, of back ends that keep it. Whoever asks brings it along where he is bundled. Throws NotSupported. */
export async function joinsOf({ joins }: { joins?(): Promise<JoinStore> }): Promise<JoinStore> {
  bringWorkerParts({ joins: () => import("./aws/dynamo-join-store.ts") });
  if (joins) return await joins();
  throw new NotSupported("the app's back ends (connect) keep no workflows, and a group is one; give them joins()");
}
