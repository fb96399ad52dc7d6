// JSON lines to a file or to stdout, as fast as the reader takes them.
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { InvalidOption } from "../errors.ts";
import { printableJson } from "../printable.ts";

export class LineWriter {
  readonly #stream: Writable;
  readonly #name: string;
  #problem: unknown;
  #room: Promise<void> | undefined;

  private constructor(stream: Writable, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on("error", (error) => {
      this.#problem ??= error;
    });
  }

  /** Appends: what an earlier run has written stays. Throws InvalidOption where it cannot be written. */
  static async toFile(path: string): Promise<LineWriter> {
    try {
      const file = await open(path, "a");
      return new LineWriter(file.createWriteStream(), path);
    } catch (cause) {
      throw new InvalidOption(`cannot write to ${JSON.stringify(path)}: ${String(cause)}`, { cause });
    }
  }

  /** Nobody may be reading any more: that is no error. */
  static toStdout(): LineWriter {
    return new LineWriter(process.stdout, "stdout");
  }

  /** Why it cannot be written to, if it cannot. */
  get problem(): unknown {
    return this.#stream === process.stdout ? undefined : this.#problem;
  }

  /** Resolves when there is room for more. Never rejects. */
  async write(value: object): Promise<void> {
    if (this.#stream.destroyed || this.#problem !== undefined) return;
    if (this.#stream.write(`${printableJson(value)}\n`)) return;
    this.#room ??= this.#waitForRoom();
    await this.#room;
  }

  /** One for all who wait. */
  async #waitForRoom(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const event of ["drain", "close", "error"]) this.#stream.once(event, resolve);
    await promise;
    for (const event of ["drain", "close", "error"]) this.#stream.off(event, resolve);
    this.#room = undefined;
  }

  /** Throws InvalidOption where something could not be written. */
  async close(): Promise<void> {
    if (this.#stream === process.stdout) return;
    this.#stream.end();
    await finished(this.#stream).catch((error: unknown) => {
      this.#problem ??= error;
    });
    if (this.#problem !== undefined)
      throw new InvalidOption(`cannot write to ${JSON.stringify(this.#name)}: ${String(this.#problem)}`);
  }
}
