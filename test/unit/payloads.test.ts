import { describe, expect, test } from "vitest";
import { PAYLOADS, SQS } from "../../lib/defaults.ts";
import { createApp, InvalidOption, MessageTooLarge } from "../../lib/index.ts";
import { argsNeededUntil, argsPayload, mismatch, renewed, resultPayload } from "../../lib/store/payload.ts";
import { compose, decode, type Envelope } from "../../lib/wire/envelope.ts";
import { seal } from "../../lib/wire/seal.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

const envelope = (args: Envelope["args"], more: Partial<Envelope> = {}): Envelope => ({
  id: "019a3c20-7f1e-7abc-9def-0123456789ab",
  task: "resize",
  args,
  kwargs: {},
  rootId: "019a3c20-7f1e-7abc-9def-0123456789ab",
  retries: 0,
  ignoreResult: false,
  lang: "js",
  headers: {},
  link: [],
  linkError: [],
  chain: [],
  ...more,
});

describe("the option payloads", () => {
  test("names a bucket; its thresholds have defaults", () => {
    const app = createApp("duckling", { payloads: { bucket: "ducklings" } });
    expect(app.payloads).toEqual({
      bucket: "ducklings",
      argsOver: PAYLOADS.argsOver,
      resultsOver: PAYLOADS.resultsOver,
    });
    expect(createApp("duckling").payloads).toBeUndefined();
  });

  test.each([
    ["ducklings", /payloads of app "duckling" is "ducklings"; it takes an object, such as \{ bucket/],
    [{}, /payloads of app "duckling" names no bucket/],
    [{ bucket: "Ducklings" }, /bucket of payloads of app "duckling" is "Ducklings"; it takes .* 3 to 63 lowercase/],
    [{ bucket: "duck.lings" }, /no dots/],
    [{ bucket: "ab" }, /3 to 63/],
    [{ bucket: "ducklings", argsOver: 100 }, /argsOver .* is 100; it takes a whole number from 1024 to 1048576/],
    [{ bucket: "ducklings", resultsOver: 500_000 }, /resultsOver .* from 1024 to 368640/],
    [{ bucket: "ducklings", argOver: 2_048 }, /did you mean argsOver\?/],
  ])("%o is refused", (payloads, message) => {
    const creating = () => createApp("duckling", { payloads: payloads as never }); // wrong on purpose
    expect(creating).toThrow(InvalidOption);
    expect(creating).toThrow(message);
  });
});

describe("a sealed envelope", () => {
  const limits = { argsOver: 2_048, resultsOver: 2_048 };

  test("is the message itself while that is no larger than the threshold", () => {
    const small = envelope(["x".repeat(1_000)]);
    expect(seal(small, "default", limits, NOW, NOW)).toEqual({ body: compose(small, "default") });
  });

  test("otherwise a message without arguments, and the arguments", () => {
    const large = envelope(["Zoë", "x".repeat(3_000)], { kwargs: { to: 'a "quoted" text' } });
    const { body, payload } = seal(large, "default", limits, NOW, NOW);
    expect(body.length).toBeLessThan(1_500);
    expect(decode(body)).toMatchObject({ ...large, args: [], kwargs: {}, argsRef: payload?.ref });
    expect(JSON.parse(payload?.json ?? "")).toEqual([large.args, large.kwargs]);
    expect(payload?.json).toMatch(/^[\x20-\x7e]*$/);
    expect(payload?.ref.bytes).toBe(payload?.json.length);
  });

  test("keeps arguments that are not what makes it large", () => {
    const linked = envelope([1], {
      link: [{ task: "t", args: ["x".repeat(3_000)], kwargs: {}, options: {}, subtask_type: null, immutable: false }],
    });
    expect(seal(linked, "default", limits, NOW, NOW).payload).toBeUndefined();
  });

  test("sent on, refers to the same object", () => {
    const first = seal(envelope(["x".repeat(3_000)]), "default", limits, NOW, NOW);
    const again = seal({ ...decode(first.body), retries: 1 }, "default", limits, NOW + DAY, NOW + DAY);
    expect(again.payload).toBeUndefined();
    expect(decode(again.body).argsRef).toEqual(first.payload?.ref);
  });

  test("without a payload store has SQS's limit", () => {
    const large = envelope(["x".repeat(SQS.maxMessageBytes)]);
    expect(() => seal(large, "default", undefined, NOW, NOW)).toThrow(MessageTooLarge);
    expect(() => seal(large, "default", undefined, NOW, NOW)).toThrow(/the limit is 1048576; set payloads/);
  });
});

describe("a reference in a message", () => {
  const ref = { key: "32d/args/a.b", bytes: 2_000, sha256: "abc", kept_until: NOW };
  const withHeader = (header: unknown, args: Envelope["args"] = []) => {
    const message = JSON.parse(compose(envelope(args), "default"));
    message.headers.lovage_args_ref = header;
    return JSON.stringify(message);
  };

  test("is read", () => {
    const { kept_until: keptUntil, ...rest } = ref;
    expect(decode(withHeader(ref)).argsRef).toEqual({ ...rest, keptUntil });
  });

  test("is dropped where there are arguments: a Python worker copies headers into its retries", () => {
    expect(decode(withHeader(ref, [1]))).not.toHaveProperty("argsRef");
  });

  test.each([
    ["text", /lovage_args_ref is a string, not an object/],
    [{ ...ref, key: 7 }, /lovage_args_ref.key is a number, not a string/],
    [{ ...ref, sha256: null }, /lacks one of key, bytes, sha256 and kept_until/],
    [{ ...ref, bytes: PAYLOADS.maxBytes + 1 }, /bytes is 33554433, over the limit of 33554432/],
  ])("%o cannot be read", (header, message) => {
    expect(() => decode(withHeader(header))).toThrow(message);
  });
});

describe("how long an object is kept", () => {
  test("arguments: as long as their message, its dead letter, and the record of that", () => {
    const { ref } = argsPayload("id", "[[],{}]", NOW, NOW);
    expect(ref.key).toMatch(/^32d\//);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(argsNeededUntil(NOW));
  });

  test("arguments of a message that is sent later: counted from then", () => {
    const sentAt = NOW + 200 * DAY;
    const { ref } = argsPayload("id", "[[],{}]", NOW, sentAt);
    expect(ref.key).toMatch(/^256d\//);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(argsNeededUntil(sentAt));
  });

  test.each([
    [15, 16],
    [16, 32],
    [31.9, 32],
    [100, 128],
    [4_095, 4_096],
  ])("a result whose record is kept for %d days: %d days", (days, kept) => {
    const { ref } = resultPayload("id", "token", "1", NOW, NOW + days * DAY);
    expect(ref.key).toBe(`${kept}d/results/id.token`);
    expect(ref.keptUntil).toBeGreaterThanOrEqual(NOW + days * DAY);
  });

  test("written again, it is kept from then on, under the same key", () => {
    const payload = argsPayload("id", "[[],{}]", NOW, NOW);
    const { ref } = renewed(payload, NOW + 3 * DAY);
    expect(ref).toEqual({ ...payload.ref, keptUntil: payload.ref.keptUntil + 3 * DAY });
  });
});

test("what is found is compared with its reference, byte for byte", () => {
  const { ref, json } = argsPayload("id", '[["x"],{}]', NOW, NOW);
  expect(mismatch(ref, json)).toBeUndefined();
  expect(mismatch(ref, '[["y"],{}]')).toMatch(/content/);
  expect(mismatch(ref, `${json} `)).toMatch(/11 bytes, its reference says 10/);
});
