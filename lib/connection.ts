// The back ends an app talks to, made at the first use: importing an app opens nothing and loads no SDK.
import type { Clock } from "./clock.ts";
import type { PayloadSettings } from "./payloads.ts";
import type { Broker } from "./ports/broker.ts";
import type { JoinStore } from "./ports/join-store.ts";
import type { PayloadStore } from "./ports/payload-store.ts";
import type { ResultStore } from "./ports/result-store.ts";

export interface Backends {
  readonly broker: Broker;
  readonly store: ResultStore;
  /** Where large arguments and results lie. @default - the app has no `payloads` */
  readonly payloads?: PayloadStore;
  /** What workflows share. Made at its first use: who sends and reads single tasks has none of it. @default - no group is counted */
  joins?(): Promise<JoinStore>;
  /** Closes what else they have opened. @default - nothing */
  close?(): Promise<void>;
  /** Loads what the first use would load, and sends nothing. @default - there is nothing to load */
  load?(): Promise<void>;
  /** Where they are, for people: a service and its region, or an endpoint. */
  where(): Promise<{ readonly broker: string; readonly store: string; readonly payloads?: string }>;
}

/** How to make them. @default - SQS, DynamoDB and S3 through the AWS SDK and its own configuration */
export type Connect = (app: string, clock: Clock, payloads: PayloadSettings | undefined) => Promise<Backends>;

export const connectToAws: Connect = async (app, clock, payloads) => {
  const { awsBackends } = await import("./aws/backends.ts");
  return awsBackends(app, clock, payloads);
};

export class Connection {
  readonly #make: () => Promise<Backends>;
  #backends: Promise<Backends> | undefined;

  constructor(make: () => Promise<Backends>) {
    this.#make = make;
  }

  open(): Promise<Backends> {
    if (this.#backends === undefined) {
      const opening = this.#make();
      this.#backends = opening;
      // A failure is not kept: the next call tries again.
      opening.catch(() => {
        if (this.#backends === opening) this.#backends = undefined;
      });
    }
    return this.#backends;
  }

  /** Closes what was opened. It opens again at the next use. */
  async close(): Promise<void> {
    const opened = this.#backends;
    this.#backends = undefined;
    if (opened === undefined) return;
    const backends = await opened;
    const { broker, store, payloads } = backends;
    await broker.flush();
    await Promise.all([broker.close(), store.close(), payloads?.close(), backends.close?.()]);
  }
}
