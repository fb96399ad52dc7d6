// Faults for the requests of one service, by chance, each told with the tasks it is about.
import { systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";
import { type Asked, type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultLine } from "./lines.ts";
import { withoutOne } from "./partial.ts";
import { RequestIds } from "./request-ids.ts";

type Service = NonNullable<FaultLine["service"]>;

export const REQUEST_FAULTS = [
  ...(["delay", "late", "drop_before", "drop_after", "duplicate"] as const),
  ...(["error_500", "throttle", "cut", "partial"] as const),
];
type Kind = (typeof REQUEST_FAULTS)[number];

/** Longer than the SDK's clients wait for one answer: who asked has gone when it takes effect. */
const LATE_MS = { least: 5_500, most: 9_000 };
const DELAY_MS = { least: 20, most: 2_000 };

const REFUSALS: Readonly<Record<Service, { readonly throttle: Fault; readonly error: Fault }>> = {
  sqs: {
    throttle: { kind: "status", status: 400, code: "RequestThrottled" },
    error: { kind: "status", status: 500, code: "InternalError" },
  },
  dynamodb: {
    throttle: { kind: "status", status: 400, code: "ProvisionedThroughputExceededException" },
    error: { kind: "status", status: 500, code: "InternalServerError" },
  },
  s3: {
    throttle: { kind: "status", status: 503, code: "SlowDown" },
    error: { kind: "status", status: 500, code: "InternalError" },
  },
};

export interface RequestFaultsOptions {
  readonly service: Service;
  readonly target: string;
  readonly seed: number;
  /** Part of the requests that something happens to. */
  readonly rate: number;
  /** Comes before all others: a proxy that breaks the protocol, which a checker must notice. */
  readonly doctor?: ((request: Asked) => Fault | undefined) | undefined;
  tell(line: FaultLine): void;
}

/** A proxy before one service. */
export class RequestFaults implements AsyncDisposable {
  readonly #options: RequestFaultsOptions;
  readonly #random: () => number;
  readonly #ids = new RequestIds();
  /** Faults of polls: which tasks they are about shows in the answer. */
  readonly #awaiting = new Map<Asked, FaultLine>();
  #proxy: FaultProxy | undefined;
  /** Kinds still to come before all have come again. */
  #kinds: Kind[] = [];
  #calm = false;
  #outageUntil = 0;

  private constructor(options: RequestFaultsOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  static async start(options: RequestFaultsOptions): Promise<RequestFaults> {
    const faults = new RequestFaults(options);
    faults.#proxy = await startFaultProxy(options.target, {
      choose: (asked) => options.doctor?.(asked) ?? faults.#choose(asked),
      answered: (asked, body) => faults.#answered(asked, body),
      unanswered: (asked, body, error) => faults.#unanswered(asked, body, error),
      remember: false,
    });
    return faults;
  }

  get endpoint(): string {
    return this.#proxy?.endpoint ?? "";
  }

  /** Nobody is heard for a while, and nobody who was heard gets an answer. */
  outage(ms: number): void {
    const at = systemClock.now();
    this.#outageUntil = at + ms;
    const { service } = this.#options;
    this.#options.tell({ at, kind: `outage_${service}`, until: at + ms, service });
    this.#proxy?.cutOff();
  }

  /** From now on nothing goes wrong. */
  calm(): void {
    this.#calm = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.close();
  }

  #choose(asked: Asked): Fault | undefined {
    const { service } = this.#options;
    const at = systemClock.now();
    if (at < this.#outageUntil) {
      this.#tell("refused", asked);
      return this.#random() < 0.5 ? { kind: "drop before" } : REFUSALS[service].error;
    }
    if (this.#calm || this.#random() >= this.#options.rate) return undefined;
    if (this.#kinds.length === 0) this.#kinds = this.#shuffled();
    // What cannot happen to this request waits for one that it can happen to.
    for (const [i, kind] of this.#kinds.entries()) {
      const fault = this.#fault(kind, asked);
      if (fault === undefined) continue;
      this.#kinds.splice(i, 1);
      this.#tell(kind, asked);
      return fault;
    }
    return undefined;
  }

  #shuffled(): Kind[] {
    const order = REQUEST_FAULTS.map((kind) => ({ kind, at: this.#random() }));
    return order.sort((a, b) => a.at - b.at).map(({ kind }) => kind);
  }

  /** Undefined where this cannot happen to such a request. */
  #fault(kind: Kind, asked: Asked): Fault | undefined {
    const { service } = this.#options;
    switch (kind) {
      case "delay":
        return { kind, ms: this.#between(DELAY_MS) };
      case "late":
        return { kind: "delay", ms: this.#between(LATE_MS) };
      case "drop_before":
        return { kind: "drop before" };
      case "drop_after":
        return { kind: "drop after" };
      case "duplicate":
        return asked.operation === "ReceiveMessage" ? undefined : { kind: "duplicate" };
      case "error_500":
        return REFUSALS[service].error;
      case "throttle":
        return REFUSALS[service].throttle;
      case "cut":
        return { kind: "cut" };
      case "partial":
        return withoutOne(asked, this.#random());
      default:
        return kind satisfies never;
    }
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + this.#random() * (most - least);
  }

  #tell(kind: string, asked: Asked): void {
    const { service, tell } = this.#options;
    const { operation } = asked;
    const line = { at: systemClock.now(), kind, service, operation };
    if (operation === "ReceiveMessage") this.#awaiting.set(asked, line);
    else tell({ ...line, ids: this.#ids.of(asked) });
    if (operation === "ReceiveMessage" && ["refused", "drop_before", "error_500", "throttle"].includes(kind))
      this.#told(asked, []);
  }

  #told(asked: Asked, ids: readonly string[]): boolean {
    const line = this.#awaiting.get(asked);
    if (line === undefined) return false;
    this.#awaiting.delete(asked);
    this.#options.tell({ ...line, ids });
    return true;
  }

  #answered(asked: Asked, body: string): void {
    if (asked.operation !== "ReceiveMessage") return;
    this.#told(asked, this.#ids.received(body));
  }

  /** Not injected, but what an outage, a restart or a killed process brings with it. */
  #unanswered(asked: Asked, body: string | undefined, error: unknown): void {
    const { service, tell } = this.#options;
    if (this.#told(asked, [])) return;
    const ids = asked.operation === "ReceiveMessage" ? this.#ids.received(body ?? "{}") : this.#ids.of(asked);
    if (asked.operation === "ReceiveMessage" && ids.length === 0) return; // an empty poll whose poller has gone
    const nobodyThere = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
    tell({
      at: systemClock.now(),
      kind: nobodyThere ? "refused" : "unanswered",
      service,
      operation: asked.operation,
      ids,
    });
  }
}
