// The age of a queue's oldest message. SQS itself has no request for it (CloudWatch has a metric), and receiving to look
// would count towards the dead-letter queue. fauxqs, the local SQS, can be looked into without receiving.

interface Inspection {
  readonly messages?: {
    readonly ready?: readonly { readonly sentTimestamp: number }[];
    readonly inflight?: readonly { readonly message: { readonly sentTimestamp: number } }[];
  };
}

const LOOPBACK = /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;
const PATIENCE_MS = 2_000;

/** Epoch ms of the oldest message that waits or is in flight. Undefined where there is none, or nobody can tell. */
export async function oldestSentAt(endpoint: string, queue: string): Promise<number | undefined> {
  if (!LOOPBACK.test(endpoint)) return undefined;
  const found = await inspect(`${endpoint}/_fauxqs/queues/${encodeURIComponent(queue)}`);
  const times = [
    ...(found?.messages?.ready ?? []).map(({ sentTimestamp }) => sentTimestamp),
    ...(found?.messages?.inflight ?? []).map(({ message }) => message.sentTimestamp),
  ];
  return times.length === 0 ? undefined : times.reduce((oldest, time) => Math.min(oldest, time));
}

/** Another emulator may listen there, which has no such page. */
async function inspect(url: string): Promise<Inspection | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok ? ((await answer.json()) as Inspection) : undefined; // fauxqs's documented form
  } catch {
    return undefined;
  }
}
