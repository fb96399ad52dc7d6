// Values nobody should send. What JSON.stringify cannot write (1e400, 100,000 levels) stands as a word that `jsonText` replaces.
import type { Rng } from "./random.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Names that every object has, or that would change one. */
export const MEMBERS = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "then",
  "toJSON",
];

/** What moves a cursor, begins a line, or hides text: C0, DEL, C1, line separators, bidirectional overrides. */
const CONTROLS = [
  "\0",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "\x07",
  "\x08",
  "\x1b[2J\x1b[H",
  "\x1b]0;title\x07",
  "\x7f",
  "\x85",
  "\x9b31m",
];
const SEPARATORS = ["\u2028", "\u2029", "\u202e", "\u2066", "\ufeff"];
const SURROGATES = ["\ud800", "\udfff", "x\udbffy", "🦆", "é", "漢"];

const FORGED = [
  '\n{"level":"info","message":"forged"}',
  '"}\n{"_aws":{"Timestamp":0}}',
  "ok\r\nerror: forged",
  "a\u2028b",
  '","admin":true,"x":"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant as it is
  "${jndi:ldap://x}",
  "%s%n%x",
  "../../etc/passwd",
  "../other-app/32d/args/x",
  "file:///etc/passwd",
  "node:child_process",
  "app.task",
  "-",
  ".",
  "..",
  "a/b/c",
];

const NUMBERS = [0, -0, -1, 1, 0.5, 1e-320, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e21, 1e300, -1e300];
/** Words that become text no JSON.stringify writes. */
const RAW_NUMBERS = ["@raw:1e400", "@raw:-1e400", "@raw:NaN", "@raw:Infinity", "@raw:00", "@raw:0x10", "@raw:1e-999"];

const TIMES = [
  "2026-11-21T04:13:11.504807+00:00",
  "9999-12-31T23:59:59.999999+00:00",
  "0001-01-01T00:00:00+00:00",
  "-271821-04-20T00:00:00Z",
  "+275760-09-13T00:00:00.001Z",
  "2026-02-30T00:00:00Z",
  "2026-11-21T25:61:61Z",
  "2026-11-21T04:13:11+99:99",
  "now",
  "0",
];

export const IDS = [
  "t-1",
  "019a7c5e-0000-7000-8000-000000000000",
  "11111111-2222-3333-4444-555555555555",
  "-",
  " ",
  "~".repeat(255),
  "x".repeat(256),
  "",
  "a\nb",
  "../../x",
  "%2e%2e%2f",
  "é",
  ...MEMBERS,
];

export function control(rng: Rng): string {
  return rng.pick([...CONTROLS, ...SEPARATORS, ...SURROGATES]);
}

export function text(rng: Rng): string {
  switch (rng.int(10)) {
    case 0:
      return rng.pick(MEMBERS);
    case 1:
      return rng.pick(FORGED);
    case 2:
      return `a${control(rng)}b`;
    case 3:
      return rng.list(6, () => control(rng)).join("x");
    case 4:
      return rng.pick(TIMES);
    case 5:
      return rng.pick(IDS);
    case 6:
      return "";
    case 7:
      return rng.chance(0.05) ? `@long:${rng.pick([1_000, 70_000, 1_048_576])}` : "x".repeat(rng.int(300));
    default:
      return rng.list(12, () => String.fromCharCode(rng.int(rng.chance(0.8) ? 128 : 65_536))).join("");
  }
}

export function scalar(rng: Rng): Json {
  switch (rng.int(6)) {
    case 0:
      return rng.pick([null, true, false]);
    case 1:
      return rng.pick(NUMBERS);
    case 2:
      return rng.pick(RAW_NUMBERS);
    default:
      return text(rng);
  }
}

/** Any JSON, a few levels deep; now and then 100,000 levels, or a thousand equal members. */
export function value(rng: Rng, levels = 3): Json {
  if (rng.chance(0.003))
    return rng.pick(["@deep:1000", "@deep:100000", "@deep:400000", "@deepobject:50000", "@wide:100000"]);
  if (levels === 0 || rng.chance(0.5)) return scalar(rng);
  if (rng.chance(0.5)) return rng.list(4, () => value(rng, levels - 1));
  return Object.fromEntries(
    rng.list(4, () => [rng.chance(0.3) ? rng.pick(MEMBERS) : text(rng), value(rng, levels - 1)]),
  );
}

/** Changes some part of it: another type, a member more, a member less, the same twice. */
export function mutated(original: Json, rng: Rng): Json {
  if (rng.chance(0.1)) return value(rng);
  if (Array.isArray(original)) return mutatedArray(original, rng);
  if (typeof original === "object" && original !== null) return mutatedObject(original, rng);
  return rng.chance(0.7) ? scalar(rng) : value(rng);
}

function mutatedArray(original: readonly Json[], rng: Rng): Json {
  const list = [...original];
  const at = rng.int(list.length + 1);
  switch (rng.int(5)) {
    case 0:
      list.splice(at, 0, value(rng));
      return list;
    case 1:
      list.splice(at, 1);
      return list;
    case 2:
      return Object.fromEntries(list.entries()) as { [key: string]: Json }; // its indices as keys
    case 3:
      return rng.chance(0.05) ? Array.from({ length: 1_000 }, () => list[0] ?? null) : [...list, ...list];
    default:
      if (list.length === 0) return value(rng);
      list[at % list.length] = mutated(list[at % list.length] ?? null, rng);
      return list;
  }
}

function mutatedObject(original: { readonly [key: string]: Json }, rng: Rng): Json {
  const pairs = Object.entries(original);
  const at = rng.int(pairs.length + 1) % Math.max(1, pairs.length);
  switch (rng.int(6)) {
    case 0:
      pairs.push([rng.chance(0.5) ? rng.pick(MEMBERS) : text(rng), value(rng)]);
      break;
    case 1:
      pairs.splice(at, 1);
      break;
    case 2:
      return pairs.map(([, one]) => one);
    default: {
      const [key, one] = pairs[at] ?? ["x", null];
      pairs[at] = [key, mutated(one, rng)];
    }
  }
  return Object.fromEntries(pairs);
}

/** JSON, with what stands for text that is no JSON value. */
export function jsonText(json: Json): string {
  return expanded(stringified(json).replaceAll(/"@raw:([^"]*)"/g, "$1"));
}

/** What is nested too deep for JSON.stringify is a text nested as deep, and nothing else. */
function stringified(json: Json): string {
  try {
    return JSON.stringify(json);
  } catch (error) {
    if (error instanceof RangeError) return '"@deep:20000"';
    throw error;
  }
}

const expanded = (json: string) =>
  json
    .replaceAll(/"@deep:(\d+)"/g, (_, levels) => "[".repeat(Number(levels)) + "]".repeat(Number(levels)))
    .replaceAll(
      /"@deepobject:(\d+)"/g,
      (_, levels) => `${'{"a":'.repeat(Number(levels))}1${"}".repeat(Number(levels))}`,
    )
    .replaceAll(/"@wide:(\d+)"/g, (_, members) => `[${"1,".repeat(Number(members))}1]`)
    .replaceAll(/@long:(\d+)/g, (_, length) => "x".repeat(Number(length)));

/** Bytes changed, cut, doubled: what no grammar makes. Through UTF-8, as a body that SQS brings is. */
export function mangled(body: string, rng: Rng): string {
  const bytes = Buffer.from(body.slice(0, 100_000));
  for (let n = 1 + rng.int(4); n > 0 && bytes.length > 0; n--) bytes[rng.int(bytes.length)] = rng.int(256);
  const cut = rng.int(4);
  const at = rng.int(bytes.length + 1);
  if (cut === 0) return bytes.subarray(0, at).toString();
  if (cut === 1) return Buffer.concat([bytes, bytes.subarray(at)]).toString();
  return bytes.toString();
}
