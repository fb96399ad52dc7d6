// SHA-256 for the SDK's signatures (a client's `sha256` option). The SDK's own class makes a new HMAC key from bytes twice for
// each request, which takes Node 24 about 9 µs each time. The keys are always the same two: here each is imported once.
import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";

/** What the SDK hands over: text, or bytes in any view. */
type Source = string | ArrayBuffer | ArrayBufferView;

/** The secret access key is text, for which there is no weak map. More than one only where credentials rotate. */
const MAX_TEXT_KEYS = 8;
const textKeys = new Map<string, KeyObject>();
const byteKeys = new WeakMap<object, KeyObject>();

/** A hash, or with a secret an HMAC, as the SDK wants it: constructed, updated, digested. */
export class Sha256 {
  readonly #secret: Source | undefined;
  #data: Uint8Array = new Uint8Array();

  constructor(secret?: Source) {
    this.#secret = secret;
  }

  update(data: Source): void {
    const more = bytes(data);
    this.#data = this.#data.length === 0 ? more : Buffer.concat([this.#data, more]);
  }

  async digest(): Promise<Uint8Array> {
    if (this.#secret === undefined) return hash("sha256", this.#data, "buffer");
    return createHmac("sha256", keyOf(this.#secret)).update(this.#data).digest();
  }

  reset(): void {
    this.#data = new Uint8Array();
  }
}

function bytes(data: Source): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function keyOf(secret: Source): KeyObject {
  const known = typeof secret === "string" ? textKeys.get(secret) : byteKeys.get(secret);
  if (known !== undefined) return known;
  const key = createSecretKey(bytes(secret));
  if (typeof secret === "string") {
    if (textKeys.size >= MAX_TEXT_KEYS) textKeys.clear();
    textKeys.set(secret, key);
  } else {
    byteKeys.set(secret, key);
  }
  return key;
}
