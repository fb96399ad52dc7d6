// Outlines of workflows, kept when they are called and read when somebody wants to see one.
import { firstId } from "../core/canvas-freeze.ts";
import { outlineOf } from "../core/canvas-outline.ts";
import type { Plan } from "../core/canvas-plan.ts";
import { derivedId, type IdKey } from "../core/ids.ts";
import { JOINS } from "../defaults.ts";
import type { JoinStore } from "../ports/join-store.ts";
import { definition } from "../store/definition.ts";
import { readWorkflow, type StoredWorkflow } from "../store/workflow.ts";

/** Keeps what a workflow is, before its first message leaves: one write, or one for each 7 KB of a large one. */
export async function keepOutline(
  joins: JoinStore,
  key: IdKey,
  { id, frozen }: Pick<Plan, "id" | "frozen">,
  now: number,
  stream?: string,
): Promise<void> {
  const kept: StoredWorkflow = { first: firstId(frozen), sentAt: now, outline: outlineOf(key, frozen, stream) };
  const text = JSON.stringify(kept);
  if (Buffer.byteLength(text) <= JOINS.partBytes) return await joins.keepWorkflow(id, text);
  const whole = definition(id, text);
  await joins.define(whole);
  await joins.keepWorkflow(id, JSON.stringify({ stored: whole.ref }));
}

/** A workflow by its own id, or by that of its first unit. Throws RecordUnreadable, WorkflowLost. */
export async function findOutline(
  joins: JoinStore,
  key: IdKey,
  id: string,
): Promise<(StoredWorkflow & { readonly id: string }) | undefined> {
  const ids = [id, derivedId(key, id, "end"), derivedId(key, id, "end", true)];
  const texts = await joins.workflows(ids);
  const at = texts.findIndex((text) => text !== undefined);
  const [found, text] = [ids[at], texts[at]];
  if (found === undefined || text === undefined) return undefined;
  const read = readWorkflow(found, text);
  if (!("stored" in read)) return { ...read, id: found };
  const whole = readWorkflow(found, await joins.definition(read.stored));
  return "stored" in whole ? undefined : { ...whole, id: found };
}
