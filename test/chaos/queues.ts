// What is on the queues, from the emulator itself: nothing is received, so nothing becomes invisible by looking.

interface Message {
  readonly messageId: string;
  readonly body: string;
}

export interface QueueContent {
  readonly name: string;
  /** Visible, delayed and in flight. */
  readonly messages: readonly Message[];
}

interface Inspected {
  readonly messages: {
    readonly ready: readonly Message[];
    readonly delayed: readonly Message[];
    readonly inflight: readonly { readonly message: Message }[];
  };
}

interface Counted {
  readonly name: string;
  readonly approximateMessageCount: number;
  readonly approximateInflightCount: number;
  readonly approximateDelayedCount: number;
}

async function counted(endpoint: string): Promise<readonly Counted[]> {
  const response = await fetch(`${endpoint}/_fauxqs/queues`);
  return (await response.json()) as readonly Counted[]; // fauxqs 2.4.1 answers so
}

/** Messages on all queues together: visible, in flight and delayed. */
export async function waitingMessages(endpoint: string): Promise<number> {
  return (await counted(endpoint)).reduce(
    (sum, one) => sum + one.approximateMessageCount + one.approximateInflightCount + one.approximateDelayedCount,
    0,
  );
}

export async function queueContents(endpoint: string): Promise<readonly QueueContent[]> {
  const contents: QueueContent[] = [];
  for (const { name } of await counted(endpoint)) {
    const response = await fetch(`${endpoint}/_fauxqs/queues/${name}`);
    const { messages } = (await response.json()) as Inspected; // fauxqs 2.4.1 answers so
    const { ready, delayed, inflight } = messages;
    contents.push({ name, messages: [...ready, ...delayed, ...inflight.map(({ message }) => message)] });
  }
  return contents;
}
