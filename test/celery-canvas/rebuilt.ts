// Celery's rebuild_signature: a signature that has been through JSON is one at every level.
import type { App } from "../../lib/app.ts";
import { signature } from "../../lib/canvas.ts";
import { Signature } from "../../lib/signature.ts";
import type { JsonObject } from "../../lib/wire/serializer.ts";

/** Throws where a part of it cannot be read. */
export function rebuilt(wire: JsonObject, app: App): null {
  const sig = signature(wire, app);
  if (!(sig instanceof Signature)) throw new TypeError(`${JSON.stringify(wire)} is not a signature`);
  if (JSON.stringify(sig) !== JSON.stringify(wire)) throw new TypeError(`${JSON.stringify(wire)} was read as another`);
  const { tasks = [], header, body } = sig.wire.kwargs;
  for (const part of [tasks, header ?? [], body ?? []].flat()) rebuilt(part as JsonObject, app); // signature() refuses what is none
  return null;
}
