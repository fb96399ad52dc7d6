// What an app runs on: a clock, its back ends, perhaps a logger. Tests and eager mode put others in their place for a while.
import type { Clock } from "./clock.ts";
import { type Connect, Connection } from "./connection.ts";
import type { Logger } from "./log.ts";
import type { PayloadSettings } from "./payloads.ts";

/** What takes the place of an app's own. */
export interface Replacement {
  readonly connect: Connect;
  /** @default - the clock so far */
  readonly clock?: Clock;
  /** @default - the logger so far */
  readonly logger?: Logger;
}

interface Layer {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly logger: Logger | undefined;
}

export class Surroundings {
  /** What counts now. A call takes it once, so that it ends where it began. */
  current: Layer;
  readonly #app: string;
  readonly #payloads: PayloadSettings | undefined;
  #layers: readonly Layer[];

  constructor(app: string, connect: Connect, clock: Clock, payloads: PayloadSettings | undefined) {
    this.#app = app;
    this.#payloads = payloads;
    this.current = this.#layer(connect, clock, undefined);
    this.#layers = [this.current];
  }

  /** Puts another layer in front, until it is disposed of: in any order, for the latest that is left counts. */
  replace({ connect, clock = this.current.clock, logger = this.current.logger }: Replacement): Disposable {
    const layer = this.#layer(connect, clock, logger);
    this.#set([...this.#layers, layer]);
    return { [Symbol.dispose]: () => this.#set(this.#layers.filter((one) => one !== layer)) };
  }

  #layer(connect: Connect, clock: Clock, logger: Logger | undefined): Layer {
    return { clock, logger, connection: new Connection(() => connect(this.#app, clock, this.#payloads)) };
  }

  #set(layers: readonly Layer[]): void {
    this.#layers = layers;
    this.current = layers.at(-1) as Layer; // the first is never taken away
  }
}
