// Task ids that certify themselves, so that "no record" can be told apart from "no such task" without a write.
//
//  fresh    UUIDv7  48 bits time | 7 | 12 bits | 10 | 62 bits      made by a publish
//  derived  UUIDv8  48 bits hash | 8 | 12 bits | 10 | 62 bits      made from a parent's id: publishing twice changes nothing
//
// The last 17 bits of both are 1 flag (sent with ignoreResult) and 16 check bits keyed by the app's name. What remains
// random or hashed is 12 + 45 = 57 bits (fresh) or 48 + 12 + 45 = 105 bits (derived). The key is public: a genuine id
// is a checksum, never a permission.
import { createHash } from "node:crypto";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CHECK_BYTES = 14; // bytes before the check bits
const FLAG_BYTE = 13;

/** Keys the check bits. Make it once for each app. */
export type IdKey = number;

export function idKey(app: string): IdKey {
  return createHash("sha256").update(`lovage:${app}`).digest().readUInt32BE(0);
}

/** What an id says about itself. */
export interface Certificate {
  /** Its check bits fit this app. One id in 65,536 made elsewhere passes by chance. */
  readonly genuine: boolean;
  /** Epoch ms of its making; only fresh ids have an age. */
  readonly madeAt?: number;
  /** It was sent with `ignoreResult`: no record is written unless it fails. */
  readonly untracked: boolean;
}

/** A new id. `random` is at least 10 random bytes. */
export function freshId(key: IdKey, now: number, random: Uint8Array, untracked = false): string {
  const bytes = new Uint8Array(16);
  const high = Math.floor(now / 0x1_0000_0000);
  bytes[0] = high >>> 8;
  bytes[1] = high;
  bytes[2] = now / 0x1_00_00_00;
  bytes[3] = now / 0x1_00_00;
  bytes[4] = now / 0x1_00;
  bytes[5] = now;
  for (let i = 6; i < CHECK_BYTES; i++) bytes[i] = random[i - 6] as number;
  return seal(bytes, 7, key, untracked);
}

/** The id of what `parentId` publishes at `path`, such as `link:0`. The same parent and path give the same id, always. */
export function derivedId(key: IdKey, parentId: string, path: string, untracked = false): string {
  const bytes = new Uint8Array(createHash("sha256").update(`${key}|${parentId}|${path}`).digest().subarray(0, 16));
  return seal(bytes, 8, key, untracked);
}

export function certify(id: string, key: IdKey): Certificate {
  if (!UUID.test(id)) return { genuine: false, untracked: false };
  const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
  const genuine = bytes.readUInt16BE(CHECK_BYTES) === checkBits(bytes, key);
  if (!genuine) return { genuine, untracked: false };
  const untracked = ((bytes[FLAG_BYTE] as number) & 1) === 1;
  return id[14] === "7" ? { genuine, madeAt: bytes.readUIntBE(0, 6), untracked } : { genuine, untracked };
}

function seal(bytes: Uint8Array, version: 7 | 8, key: IdKey, untracked: boolean): string {
  bytes[6] = (version << 4) | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  bytes[FLAG_BYTE] = ((bytes[FLAG_BYTE] as number) & 0xfe) | (untracked ? 1 : 0);
  const check = checkBits(bytes, key);
  bytes[14] = check >>> 8;
  bytes[15] = check & 0xff;
  let text = "";
  for (let i = 0; i < 16; i++) {
    text += HEX[bytes[i] as number];
    if (i === 3 || i === 5 || i === 7 || i === 9) text += "-";
  }
  return text;
}

/** MurmurHash3 (32 bits, public domain algorithm) over the first 14 bytes, folded to 16 bits. */
function checkBits(bytes: Uint8Array, key: IdKey): number {
  let hash = key | 0;
  for (let i = 0; i < CHECK_BYTES; i += 2) {
    let block = ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
    block = Math.imul(block, 0xcc9e2d51);
    block = (block << 15) | (block >>> 17);
    hash ^= Math.imul(block, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= CHECK_BYTES;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 16) ^ hash) & 0xffff;
}
