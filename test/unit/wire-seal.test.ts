import { describe, expect, test } from "vitest";
import { PAYLOADS, SQS } from "../../lib/defaults.ts";
import { MessageTooLarge } from "../../lib/errors.ts";
import { compose, decode, type Envelope } from "../../lib/wire/envelope.ts";
import { seal } from "../../lib/wire/seal.ts";
import { envelopeOf } from "../support/messages.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

const envelope = (args: Envelope["args"], more: Partial<Envelope> = {}) =>
  envelopeOf({ id: "019a3c20-7f1e-7abc-9def-0123456789ab", task: "resize", args, ...more });

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

  test("has arguments of 1 KB or less with it, however large the rest: a reference is hardly shorter", () => {
    const callback = { task: "t", kwargs: {}, options: {}, subtask_type: null, immutable: false };
    const link = [{ ...callback, args: ["x".repeat(3_000)] }];
    const rest = '[[""],{}]'.length;
    const short = seal(envelope(["x".repeat(PAYLOADS.leastBytes - rest - 1)], { link }), "default", limits, NOW, NOW);
    const long = seal(envelope(["x".repeat(PAYLOADS.leastBytes - rest)], { link }), "default", limits, NOW, NOW);
    expect(short.payload).toBeUndefined();
    expect(long.payload?.ref.bytes).toBe(PAYLOADS.leastBytes);
  });

  test("is as long as the threshold, or refers to its arguments", () => {
    const room = limits.argsOver - compose(envelope([""]), "default").length;
    expect(seal(envelope(["x".repeat(room)]), "default", limits, NOW, NOW).payload).toBeUndefined();
    expect(seal(envelope(["x".repeat(room + 1)]), "default", limits, NOW, NOW).payload).toBeDefined();
  });

  test("keeps its arguments from when the message enters its queue", () => {
    const { payload } = seal(envelope(["x".repeat(3_000)]), "default", limits, NOW, NOW + 100 * DAY);
    expect(payload?.ref.key).toMatch(/^256d\//);
  });

  describe("is refused over the limits of", () => {
    const callbacks = (length: number): Partial<Envelope> => ({
      link: [{ task: "t", args: ["x".repeat(length)], kwargs: {}, options: {}, subtask_type: null, immutable: false }],
    });
    const sealing = (whole: Envelope) => () => seal(whole, "default", limits, NOW, NOW);

    test("the payload store", () => {
      const text = "x".repeat(PAYLOADS.maxBytes - '[[""],{}]'.length);
      expect(sealing(envelope([text]))().payload?.ref.bytes).toBe(PAYLOADS.maxBytes);
      expect(sealing(envelope([`${text}x`]))).toThrow(MessageTooLarge);
      expect(sealing(envelope([`${text}x`]))).toThrow(
        'the arguments of task "resize" is 33554433 bytes, the limit is 33554432; pass an id',
      );
    });

    test("SQS, by what is not its arguments", () => {
      const room = SQS.maxMessageBytes - compose(envelope([1], callbacks(0)), "default").length;
      const largest = envelope([1], callbacks(room));
      expect(sealing(largest)()).toEqual({ body: compose(largest, "default") });
      expect(sealing(envelope([1], callbacks(room + 1)))).toThrow(
        'the message of task "resize" is 1048577 bytes, the limit is 1048576; its callbacks or headers',
      );
    });

    test("SQS, by what is left without its arguments", () => {
      const args = ["x".repeat(3_000)];
      const empty = sealing(envelope(args, callbacks(0)))().body.length;
      const room = SQS.maxMessageBytes - empty;
      expect(sealing(envelope(args, callbacks(room)))().body).toHaveLength(SQS.maxMessageBytes);
      expect(sealing(envelope(args, callbacks(room + 1)))).toThrow(
        /is 1048577 bytes, the limit is 1048576; its callbacks or headers/,
      );
    });
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
    const withKwargs = JSON.parse(compose(envelope([], { kwargs: { to: "Zoë" } }), "default"));
    withKwargs.headers.lovage_args_ref = ref;
    expect(decode(JSON.stringify(withKwargs))).not.toHaveProperty("argsRef");
  });

  test("may stand for as much as the payload store takes", () => {
    expect(decode(withHeader({ ...ref, bytes: PAYLOADS.maxBytes })).argsRef?.bytes).toBe(PAYLOADS.maxBytes);
  });

  test.each(["key", "bytes", "sha256", "kept_until"])("without its %s cannot be read", (name) => {
    expect(() => decode(withHeader({ ...ref, [name]: null }))).toThrow(
      /lacks one of key, bytes, sha256 and kept_until/,
    );
  });

  test.each<[header: unknown, message: RegExp]>([
    ["text", /lovage_args_ref is a string, not an object/],
    [{ ...ref, key: 7 }, /lovage_args_ref.key is a number, not a string/],
    [{ ...ref, key: "../other-app/32d/args/a.b" }, /lovage_args_ref.key is not a key of arguments/],
    [{ ...ref, key: "9999d/args/a.b" }, /lovage_args_ref.key is not a key of arguments/],
    [{ ...ref, bytes: 1.5 }, /lovage_args_ref.bytes is 1.5, not a whole number/],
    [{ ...ref, sha256: 7 }, /lovage_args_ref.sha256 is a number, not a string/],
    [{ ...ref, kept_until: "x" }, /lovage_args_ref.kept_until is a string, not a number/],
    [{ ...ref, bytes: PAYLOADS.maxBytes + 1 }, /bytes is 33554433, over the limit of 33554432/],
  ])("%o cannot be read", (header, message) => {
    expect(() => decode(withHeader(header))).toThrow(message);
  });
});
