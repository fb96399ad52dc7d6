// What is kept of a workflow when it is called, so that it can be seen and cancelled by its id alone: its outline.
//
//   <id of the whole>·workflow     JSON: the outline itself, or which definition it is where it takes more than 7 KB
//
// An unchosen id of the whole follows from that of the first unit (core/canvas-freeze.ts), so it is found by either.
import type { Outline } from "../core/canvas-outline.ts";
import { RecordUnreadable } from "../errors.ts";
import { type Field, isObject } from "../wire/fields.ts";
import { type JsonValue, parseOwnJson } from "../wire/serializer.ts";
import type { DefinitionRef } from "./definition.ts";
import { isMoment, isWhole } from "./stored.ts";

export interface StoredWorkflow {
  readonly outline: Outline;
  /** Id of the first unit. */
  readonly first: string;
  /** Epoch ms of its call. */
  readonly sentAt: number;
}

export function workflowKey(id: string): string {
  return `${id}·workflow`;
}

/** What `JSON.stringify` made of a StoredWorkflow, or of what says where it is. Throws RecordUnreadable. */
export function readWorkflow(id: string, text: string): StoredWorkflow | { readonly stored: DefinitionRef } {
  const refuse = (problem: string) => new RecordUnreadable(id, "text", problem);
  let value: Field;
  try {
    value = parseOwnJson(text);
  } catch (error) {
    throw refuse(`is ${(error as SyntaxError).message}`); // parseOwnJson throws nothing else
  }
  const { stored, first, sentAt, outline } = isObject(value) ? value : {};
  if (isReference(stored)) return { stored };
  if (typeof first !== "string" || !isMoment(sentAt) || !isOutline(outline))
    throw refuse("is no outline of a workflow, which has outline, first and sentAt");
  return { first, sentAt, outline };
}

function isReference(value: unknown): value is DefinitionRef {
  const { root, digest, parts } = isObject(value as Field) ? (value as Readonly<Record<string, unknown>>) : {}; // asked here
  return typeof root === "string" && typeof digest === "string" && isWhole(parts);
}

function isOutline(value: Field): value is Field & Outline {
  if (typeof value === "string") return true;
  if (!isObject(value)) return false;
  const { task, id, untracked, chain, group, of, runs, body } = value;
  if (!isAbsentOr(id, (one) => typeof one === "string")) return false;
  if (task !== undefined) return typeof task === "string" && isAbsentOr(untracked, (one) => one === true);
  if (chain !== undefined) return isListOf(chain, isOutline) && chain.length > 0;
  return (
    isAbsentOr(group, isWhole) &&
    isAbsentOr(of, (one) => isListOf(one, isOutline)) &&
    isAbsentOr(runs, (one) => isListOf(one, isWhole)) &&
    isAbsentOr(body, isOutline)
  );
}

function isAbsentOr(value: Field, is: (value: JsonValue) => boolean): boolean {
  return value === undefined || is(value);
}

function isListOf(value: JsonValue, is: (value: JsonValue) => boolean): value is readonly JsonValue[] {
  return Array.isArray(value) && value.every(is);
}
