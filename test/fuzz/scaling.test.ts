// What a message costs grows with its size and no faster: CPU at 1 MiB, SQS's limit, against CPU at an eighth of it, in one run.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { SQS } from "../../lib/defaults.ts";
import { decode } from "../../lib/wire/envelope.ts";
import { MAX_INFLATED_BYTES } from "../../lib/wire/payload.ts";
import { costOf } from "./cost.ts";

const LARGE = SQS.maxMessageBytes - 2_000;
const TIMES = 8;
/** Linear is TIMES, quadratic its square: 64. */
const MOST = 3 * TIMES;
/** Parsing twice, scanning for depth and for foreign constants, base64, building signatures. */
const MOST_OF_PARSE = 40;

const message = (inner: string, headers = "", properties = "{}") =>
  `{"body":${JSON.stringify(inner)},"content-type":"application/json","properties":${properties},"headers":{"id":"t-1","task":"add"${headers}}}`;
const repeated = (part: string, bytes: number) => part.repeat(Math.floor(bytes / part.length));
const levels = (open: string, bytes: number) => repeated(open, bytes);

/** Each makes a message of about so many bytes. */
const SHAPES: Readonly<Record<string, (bytes: number) => string>> = {
  "arguments nested without end": (bytes) => message(`[[${levels("[", bytes)}`),
  "a message nested without end": (bytes) => levels('{"a":', bytes),
  "nested and closed": (bytes) => message(`[[${levels("[", bytes / 2)}${levels("]", bytes / 2)}],{},{}]`),
  "one long text": (bytes) => message(`[["${repeated("x", bytes)}"],{},{}]`),
  "a text that has no end": (bytes) => `{"headers":"${repeated("x", bytes)}`,
  "backslashes and quotes": (bytes) => message(`[["${repeated('\\\\\\"', bytes / 3)}"],{},{}]`),
  "many small arguments": (bytes) => message(`[[${repeated("1,", bytes)}1],{},{}]`),
  "many callbacks": (bytes) =>
    message(`[[],{},{"callbacks":[${repeated('{\\"task\\":\\"a\\"},', bytes).replaceAll("\\", "")}{"task":"a"}]}]`),
  "many headers": (bytes) => {
    const count = Math.floor(bytes / 20);
    return message("[[],{},{}]", Array.from({ length: count }, (_, n) => `,"x${n}":"1234567"`).join(""));
  },
  "many keys called __proto__": (bytes) => message(`[[${repeated('{"__proto__":1},', bytes / 1.3)}1],{},{}]`),
  "a constant of Python's at the end": (bytes) => message(`[[${repeated("1,", bytes)}NaN],{},{}]`),
  "base64 all through": (bytes) => Buffer.from(message(`[["${repeated("x", bytes / 1.4)}"],{},{}]`)).toString("base64"),
  "almost base64": (bytes) => `${repeated("A", bytes)}!`,
  spaces: (bytes) => `${repeated(" ", bytes)}x`,
};

let perByte: number | undefined;

/** What JSON.parse of as many bytes costs. */
function parsed(bytes: number): number {
  const text = `[0${',{"a":[1,2],"b":"c"}'.repeat(LARGE / 20)}]`;
  perByte ??= costOf(() => JSON.parse(text)) / text.length;
  return bytes * perByte;
}

const attempt = (body: string) => {
  try {
    decode(body);
  } catch {} // a DecodeError is an answer too: test/unit/wire-decode.test.ts
};

test.each(Object.entries(SHAPES))("%s", (_, shape) => {
  const [small, large] = [shape(LARGE / TIMES), shape(LARGE)];
  expect(large.length).toBeGreaterThan(4 * small.length);
  attempt(large); // warm
  const [ofSmall, ofLarge] = [costOf(() => attempt(small)), costOf(() => attempt(large))];
  expect(ofLarge / ofSmall).toBeLessThan(MOST);
  expect(ofLarge / parsed(large.length)).toBeLessThan(MOST_OF_PARSE);
});

test("a bomb of 64 MiB in 64 KB costs no more than what is inflated of it at most", () => {
  const packed = gzipSync(Buffer.alloc(64 * 1_048_576, "[")).toString("base64");
  const bomb = message("x", ',"compression":"gzip"', '{"body_encoding":"base64"}').replace(
    '"body":"x"',
    `"body":"${packed}"`,
  );
  expect(bomb.length).toBeLessThan(150_000);
  expect(costOf(() => attempt(bomb)) / parsed(MAX_INFLATED_BYTES)).toBeLessThan(10);
});
