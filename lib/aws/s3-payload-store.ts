// S3 through the SDK: one object for each payload, under the app's own prefix. The SDK is loaded with the first payload, so
// an app whose payloads are all small never pays for it.
import type { Readable } from "node:stream";
import type { GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { type Clock, systemClock } from "../clock.ts";
import { PAYLOADS } from "../defaults.ts";
import { PayloadLost } from "../errors.ts";
import type { PayloadStore } from "../ports/payload-store.ts";
import { keptPrefix, type Payload, type PayloadRef, payloadPrefix, tooLarge } from "../store/payload.ts";
import { type AwsClientOptions, connections, SOCKETS, whereIs } from "./clients.ts";
import { persist } from "./deadline.ts";
import { type Refusal, type S3Call, toPayloadError } from "./to-error.ts";

export interface S3PayloadStoreOptions extends AwsClientOptions {
  readonly bucket: string;
  /** Whose objects: the first part of every key. */
  readonly app: string;
  /** @default - the system's */
  readonly clock?: Clock;
  /** How long one try may take, besides the time of its bytes; a call is given up after twice that. @default PAYLOADS.tryMs */
  readonly tryMs?: number;
}

type Sdk = typeof import("@aws-sdk/client-s3");

interface Loaded {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

interface Try {
  readonly abortSignal: AbortSignal;
  readonly requestTimeout: number;
}

/** Nothing is ever written under this name. */
const NOTHING = "nothing";

export class S3PayloadStore implements PayloadStore {
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #tryMs: number;
  readonly #options: AwsClientOptions;
  #loaded: Promise<Loaded> | undefined;

  constructor({ bucket, app, clock = systemClock, tryMs = PAYLOADS.tryMs, ...options }: S3PayloadStoreOptions) {
    this.#bucket = bucket;
    this.#prefix = payloadPrefix(app);
    this.#clock = clock;
    this.#tryMs = tryMs;
    this.#options = options;
  }

  async put({ ref, json }: Payload): Promise<void> {
    await this.#persist("PutObject", ref.bytes, async ({ sdk, client }, options) => {
      // S3 itself refuses what arrives damaged; the SDK need not compute a checksum of its own.
      const ChecksumSHA256 = Buffer.from(ref.sha256, "base64url").toString("base64");
      const object = { ...this.#object(ref), Body: json, ContentType: "application/json", ChecksumSHA256 };
      await client.send(new sdk.PutObjectCommand(object), options);
    });
  }

  get(ref: PayloadRef): Promise<string | undefined> {
    return this.#persist("GetObject", ref.bytes, async ({ sdk, client }, options) => {
      let found: GetObjectCommandOutput;
      try {
        found = await client.send(new sdk.GetObjectCommand(this.#object(ref)), options);
      } catch (error) {
        if (error instanceof sdk.NoSuchKey) return undefined;
        throw error;
      }
      // What its reference does not stand for is not read into memory, however large somebody says it is.
      if ((found.ContentLength ?? 0) > ref.bytes) {
        (found.Body as Readable | undefined)?.destroy(); // Node's kind, from this SDK
        throw tooLarge(ref, found.ContentLength ?? 0);
      }
      return await found.Body?.transformToString();
    });
  }

  async delete(ref: PayloadRef): Promise<void> {
    await this.#persist("DeleteObject", 0, async ({ sdk, client }, options) => {
      await client.send(new sdk.DeleteObjectCommand(this.#object(ref)), options);
    });
  }

  /** Reads what is not there, with the very permissions that a worker needs: without s3:ListBucket S3 says "denied" for "missing". */
  async check(): Promise<void> {
    const [days = 0] = PAYLOADS.keptDays;
    await this.get({ key: `${keptPrefix(days)}results/${NOTHING}`, bytes: 0, sha256: "", keptUntil: 0 });
  }

  /** The endpoint or region it talks to, for people. */
  async where(): Promise<string> {
    const { client } = await this.#load();
    return `${this.#bucket} at ${await whereIs("S3", client)}`;
  }

  async close(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    (await loaded)?.client.destroy();
  }

  #object({ key }: PayloadRef): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${key}` };
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= import("@aws-sdk/client-s3").then((sdk) => ({ sdk, client: this.#client(sdk) }));
    return this.#loaded;
  }

  #client(sdk: Sdk): S3Client {
    return new sdk.S3Client({
      ...this.#options,
      maxAttempts: 1, // persist() repeats what failed, until a deadline
      requestHandler: connections(SOCKETS, this.#tryMs),
      // Every reference carries a digest, which is checked against the whole object.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      followRegionRedirects: true, // a bucket may lie in another region than its queues
    });
  }

  async #persist<T>(action: string, bytes: number, request: (loaded: Loaded, options: Try) => Promise<T>): Promise<T> {
    const loaded = await this.#load();
    const requestTimeout = this.#tryMs + Math.ceil((bytes / PAYLOADS.bytesPerSecond) * 1_000);
    return persist(
      2 * requestTimeout,
      this.#clock,
      (abortSignal) => request(loaded, { abortSignal, requestTimeout }),
      (cause) => this.#translate(cause, action),
    );
  }

  async #translate(cause: unknown, action: string): Promise<Refusal> {
    if (cause instanceof PayloadLost) return { error: cause, retryable: false };
    const { client } = await this.#load();
    const call: S3Call = { bucket: this.#bucket, prefix: this.#prefix, action, where: await whereIs("S3", client) };
    return toPayloadError(cause, call);
  }
}
