// Payloads by reference, as the worker meets them: arguments to run with, and messages whose arguments lie elsewhere.
import type { Publication } from "../core/follow-ups.ts";
import { fetchArgs, fetchPayload, fetchValue, type Payloads } from "../payloads.ts";
import { argsNeededUntil, renewed } from "../store/payload.ts";
import type { Envelope } from "../wire/envelope.ts";

interface Deps {
  readonly clock: { now(): number };
  readonly payloads?: Payloads;
}

/** The envelope with its arguments. @throws as fetchArgs */
export async function withArgs(envelope: Envelope, { payloads }: Deps): Promise<Envelope> {
  const { argsRef, ...rest } = envelope;
  if (argsRef === undefined) return envelope;
  return { ...rest, ...(await fetchArgs(argsRef, `the arguments of task ${envelope.id}`, payloads?.store)) };
}

/** The envelope with its first argument, where that is a result which lies in the payload store. @throws as fetchValue */
export async function withFirst({ envelope, first }: Publication, { payloads }: Deps): Promise<Envelope> {
  if (first === undefined) return envelope;
  const what = `the result of task ${envelope.parentId}, an argument of ${envelope.id},`;
  const value = await fetchValue(first, what, payloads?.store);
  return { ...envelope, args: [value, ...envelope.args] };
}

/**
 * The envelope with a reference that outlives its message. Sent again and again, by retries over weeks, it would not: the
 * object is then written once more. A plain retry or hop reads nothing. @throws as fetchPayload
 */
export async function kept(envelope: Envelope, sentAt: number, { clock, payloads }: Deps): Promise<Envelope> {
  const { argsRef: ref } = envelope;
  if (payloads === undefined || ref === undefined || ref.keptUntil >= argsNeededUntil(sentAt)) return envelope;
  const json = await fetchPayload(ref, `the arguments of task ${envelope.id}`, payloads.store);
  const payload = renewed({ ref, json }, clock.now());
  await payloads.store.put(payload);
  return { ...envelope, argsRef: payload.ref };
}
