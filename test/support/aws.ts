// The local stack as conformance tests use it: one for each test file, with a fresh queue where one is asked for.
import { DynamoResultStore, type DynamoResultStoreOptions } from "../../lib/aws/dynamo-result-store.ts";
import { type LocalStack, startLocalStack } from "../../lib/local/stack.ts";
import { useCredentialsOf } from "./credentials.ts";
import { startFaultProxy } from "./fault-proxy.ts";

export const TABLE_NAME = "conformance";
export const BUCKET = "conformance";
export const MAX_RECEIVE_COUNT = 3;

export interface TestStack extends LocalStack {
  /** Makes a queue and its dead-letter queue. */
  newQueue(): Promise<{ readonly queue: string; readonly deadLetter: string }>;
}

export async function startTestStack(): Promise<TestStack> {
  const stack = await startLocalStack({ tables: [TABLE_NAME], buckets: [BUCKET] });
  useCredentialsOf(stack);
  let queues = 0;
  return {
    ...stack,
    newQueue: async () => {
      const queue = `conformance-${++queues}`;
      const deadLetter = `${queue}-dead`;
      await stack.createQueues([
        { name: queue, deadLetter, visibilitySeconds: 30, maxReceiveCount: MAX_RECEIVE_COUNT },
      ]);
      return { queue, deadLetter };
    },
  };
}

/** A store of its own behind a proxy that can be told to misbehave. */
export function startFaultyStore(stack: TestStack, options: Partial<DynamoResultStoreOptions> = {}) {
  const table = TABLE_NAME;
  return behindProxy(stack.dynamodbEndpoint, (endpoint) => new DynamoResultStore({ table, endpoint, ...options }));
}

/** Makes an adapter that talks through a proxy of its own. */
export async function behindProxy<S extends { close(): Promise<void> }>(to: string, make: (endpoint: string) => S) {
  const proxy = await startFaultProxy(to);
  const store = make(proxy.endpoint);
  return {
    proxy,
    store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await proxy.close();
    },
  };
}
