// The contract of a PayloadStore, run on every adapter.
import { describe, expect } from "vitest";
import { BucketNotFound, PayloadLost } from "../../lib/errors.ts";
import { fetchPayload } from "../../lib/payloads.ts";
import type { PayloadStore } from "../../lib/ports/payload-store.ts";
import { argsPayload, type Payload, resultPayload } from "../../lib/store/payload.ts";
import { type Skip, suiteOf } from "./suite.ts";

export interface PayloadStoreHarness extends AsyncDisposable {
  readonly store: PayloadStore;
  /** The same bucket, for another app. */
  readonly other: PayloadStore;
  /** Epoch ms of the store's clock. */
  now(): number;
  /** Lets time pass. */
  advance(days: number): Promise<void>;
  /** A store on a bucket that does not exist. */
  withoutBucket(): PayloadStore;
}

export function testPayloadStore(name: string, open: () => Promise<PayloadStoreHarness>, skips: readonly Skip[] = []) {
  const { it, complete } = suiteOf(skips);
  const args = (json: string, now: number, id = "019a3c20-7f1e-7abc-9def-0123456789ab"): Payload =>
    argsPayload(id, json, now, now);

  describe(name, () => {
    it("what was put is what is got, byte by byte", async () => {
      await using harness = await open();
      const { store } = harness;
      const payload = args(
        JSON.stringify([["x".repeat(3_000_000), "\\u00eb", 'quote " and \\ and %2F'], {}]),
        harness.now(),
      );
      expect(await store.get(payload.ref)).toBeUndefined();
      await store.put(payload);
      expect(await store.get(payload.ref)).toBe(payload.json);
      expect(await fetchPayload(payload.ref, "the arguments", store)).toBe(payload.json);
    });

    it("putting it again changes nothing", async () => {
      await using harness = await open();
      const payload = args('[["again"],{}]', harness.now());
      await Promise.all([harness.store.put(payload), harness.store.put(payload)]);
      await harness.store.put(payload);
      expect(await harness.store.get(payload.ref)).toBe(payload.json);
    });

    it("other arguments of one id, and two executions' results, are other objects", async () => {
      await using harness = await open();
      const now = harness.now();
      const all = [
        args("[[1],{}]", now, "chosen"),
        args("[[2],{}]", now, "chosen"),
        resultPayload("chosen", "token-a", '"a"', now, now),
        resultPayload("chosen", "token-b", '"b"', now, now),
      ];
      for (const payload of all) await harness.store.put(payload);
      expect(await Promise.all(all.map(({ ref }) => harness.store.get(ref)))).toEqual(all.map(({ json }) => json));
    });

    it("ids that users choose make good keys", async () => {
      await using harness = await open();
      for (const id of [
        "..",
        ".",
        "a/../b",
        "/",
        "a//b",
        "50% off?&=#",
        'a "b" <c>',
        "+ +",
        "~!*'()",
        "x".repeat(255),
      ]) {
        const payload = args(JSON.stringify([[id], {}]), harness.now(), id);
        await harness.store.put(payload);
        expect(await harness.store.get(payload.ref), id).toBe(payload.json);
      }
    });

    it("no app sees another's, whatever the key", async () => {
      await using harness = await open();
      const payload = args('[["mine"],{}]', harness.now());
      await harness.store.put(payload);
      expect(await harness.other.get(payload.ref)).toBeUndefined();
      await harness.other.delete(payload.ref);
      expect(await harness.store.get(payload.ref)).toBe(payload.json);
    });

    it("what was deleted is gone, also where it never was", async () => {
      await using harness = await open();
      const payload = args('[["gone"],{}]', harness.now());
      await harness.store.delete(payload.ref);
      await harness.store.put(payload);
      await harness.store.delete(payload.ref);
      expect(await harness.store.get(payload.ref)).toBeUndefined();
    });

    it("an object is kept for as long as its key says, from its latest put, and then expires", async () => {
      await using harness = await open();
      const { store } = harness;
      const payload = resultPayload("id", "token", '"value"', harness.now(), harness.now() + 15 * 86_400_000);
      await store.put(payload);
      await harness.advance(10);
      await store.put(payload);
      await harness.advance(15);
      expect(await store.get(payload.ref)).toBe(payload.json);
      await harness.advance(1.1);
      expect(await store.get(payload.ref)).toBeUndefined();
    });

    it("an object larger than its reference says is not read", async () => {
      await using harness = await open();
      const payload = args("[[1,2,3],{}]", harness.now());
      await harness.store.put(payload);
      const claimed = { ...payload.ref, bytes: 3 };
      await expect(harness.store.get(claimed)).rejects.toThrow(
        new PayloadLost("a payload", payload.ref.key, "it has 12 bytes, its reference says 3"),
      );
      expect(await harness.store.get(payload.ref)).toBe(payload.json);
    });

    it("check() passes where there is a bucket, and writes nothing", async () => {
      await using harness = await open();
      await harness.store.check();
    });

    it("a bucket that does not exist is named by every call", async () => {
      await using harness = await open();
      const store = harness.withoutBucket();
      const payload = args("[[],{}]", harness.now());
      for (const call of [() => store.put(payload), () => store.get(payload.ref), () => store.check()]) {
        const error = await call().catch((thrown) => thrown);
        expect(error).toBeInstanceOf(BucketNotFound);
        expect(error.message).toContain('"no-such-bucket"');
      }
      await store.close();
    });

    complete();
  });
}
