import type { Payload, PayloadRef } from "../store/payload.ts";

/**
 * Keeps what is too large for a message or a record: whole JSON texts, written once under a key and read back as they were.
 *
 * Contract (test/conformance/payload-store.ts runs it on every adapter):
 * - `put` resolves once the object is durable. Under a key that exists it replaces the object, whose time begins anew.
 * - `get` is strongly consistent: it sees every `put` and `delete` that has resolved. Undefined where there is no object, or
 *   where its time is over. It does not check the digest; whoever asks does (lib/payloads.ts). It rejects with PayloadLost, and
 *   reads nothing, where the object is larger than its reference says.
 * - An object is kept at least for the days its key begins with (lib/store/payload.ts), and expires by itself.
 * - `delete` of what is not there resolves.
 * - All of them reject with PayloadStoreUnavailable after a deadline that grows with the size (never never), BucketNotFound,
 *   AccessDenied or RequestRefused. Then a `put` may have happened: putting again changes nothing.
 * - Keys are any printable ASCII. No two apps see each other's objects, whatever the key.
 */
export interface PayloadStore {
  put(payload: Payload): Promise<void>;
  get(ref: PayloadRef): Promise<string | undefined>;
  delete(ref: PayloadRef): Promise<void>;
  /** Throws with one clear cause where the store cannot be read (missing bucket, no permission, unreachable). Writes nothing. */
  check(): Promise<void>;
  close(): Promise<void>;
}
