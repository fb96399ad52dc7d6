// What many messages of a workflow would repeat (a chord's body, the rest of a chain) is stored once, and they carry its
// reference. It is kept under the digest of its text: storing it again changes nothing, whoever does it, and two texts never
// mix, not even where a chosen id is published again with another workflow.
//
//   <root id>·def·<digest>·<part>     a part of the text, of at most 7 KB
import { createHash } from "node:crypto";
import { JOINS } from "../defaults.ts";

/** Stands for a stored definition in a message. */
export interface DefinitionRef {
  /** Id of the workflow's root. */
  readonly root: string;
  /** The first 16 bytes of the text's SHA-256, base64url. */
  readonly digest: string;
  readonly parts: number;
}

/** A definition to store before anything refers to it. */
export interface Definition {
  readonly ref: DefinitionRef;
  readonly parts: readonly string[];
}

/** `text`: JSON as `JSON.stringify` makes it, which has no lone surrogates. */
export function definition(root: string, text: string): Definition {
  const parts = [...partsOf(text)];
  return { ref: { root, digest: digestOf(text), parts: parts.length }, parts };
}

export function definitionKeys({ root, digest, parts }: DefinitionRef): readonly string[] {
  return Array.from({ length: parts }, (_, part) => `${root}·def·${digest}·${part}`);
}

/** The text again. Undefined where a part is missing, or is not what it was. */
export function textOf({ digest }: DefinitionRef, parts: readonly (string | undefined)[]): string | undefined {
  if (parts.includes(undefined)) return undefined;
  const text = parts.join("");
  return digestOf(text) === digest ? text : undefined;
}

/** At least one, and no character is cut: a part is a text itself. */
function* partsOf(text: string): Generator<string> {
  const bytes = Buffer.from(text);
  let from = 0;
  do {
    let to = Math.min(from + JOINS.partBytes, bytes.length);
    while (isWithinCharacter(bytes[to] ?? 0)) to--;
    yield bytes.toString("utf8", from, to);
    from = to;
  } while (from < bytes.length);
}

/** In UTF-8 all but the first byte of a character begin with the bits 10. */
function isWithinCharacter(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

const DIGEST_BYTES = 16;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest().subarray(0, DIGEST_BYTES).toString("base64url");
}
