// The parts of a message, with everything that a test does not care about filled in.
import type { TaskPolicy } from "../../lib/core/decision.ts";
import type { Envelope } from "../../lib/wire/envelope.ts";
import type { WireSignature } from "../../lib/wire/signature.ts";

/** The least an envelope can be. Its root is itself unless `facts` say otherwise. */
export function envelopeOf(facts: Partial<Envelope> = {}): Envelope {
  const { id = "t-1" } = facts;
  return {
    id,
    task: "add",
    args: [2, 3],
    kwargs: {},
    rootId: id,
    retries: 0,
    ignoreResult: false,
    lang: "js",
    headers: {},
    link: [],
    linkError: [],
    chain: [],
    ...facts,
  };
}

export function signatureOf(task: string, facts: Partial<WireSignature> = {}): WireSignature {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false, ...facts };
}

/** Celery's, as far as it has one. */
export const POLICY: TaskPolicy = {
  maxRetries: 3,
  defaultRetryDelay: 180,
  retryBackoff: false,
  retryBackoffMax: 600,
  retryJitter: true,
  resultExpires: 86_400,
};
