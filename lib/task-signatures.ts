// How a task makes signatures of itself.
import { checkArgs, type Schemas } from "./schema.ts";
import { type Caller, Signature } from "./signature.ts";
import { assertJson, type JsonValue } from "./wire/serializer.ts";
import { wireSignature } from "./wire/signature.ts";

/** `s`, `si`, `map` and `starmap` of a task. The task gives them their types. */
export function taskSignatures(name: string, schemas: Schemas, caller: Caller) {
  const json = (what: string, values: readonly unknown[]) => {
    assertJson(values, what);
    return values as readonly JsonValue[];
  };
  const direct = (args: readonly unknown[], immutable: boolean) =>
    new Signature(wireSignature(name, { args: json("args", args), immutable }), caller);
  const mapped = (mapper: string, it: readonly unknown[]) => {
    const kwargs = { task: { ...wireSignature(name) }, it: json("it", it) };
    return new Signature(wireSignature(`celery.${mapper}`, { kwargs, subtask_type: mapper, immutable: true }), caller);
  };
  return {
    s: (...args: readonly unknown[]) => direct(args, false),
    si: (...args: readonly unknown[]) => {
      checkArgs(name, schemas, args);
      return direct(args, true);
    },
    map: (it: readonly unknown[]) => mapped("map", it),
    starmap: (it: readonly unknown[]) => mapped("starmap", it),
  };
}
