// Which members of a group have not been seen ended, in one bit each: a group may have millions.

export class Unended {
  #ended = new Uint8Array(0);
  #members = 0;
  #count = 0;
  #cursor = 0;

  /** Members that are known of: never fewer than before. */
  grow(members: number): void {
    if (members <= this.#members) return;
    const ended = new Uint8Array(Math.ceil(members / 8));
    ended.set(this.#ended);
    this.#ended = ended;
    this.#count += members - this.#members;
    this.#members = members;
  }

  /** How many are left. */
  get count(): number {
    return this.#count;
  }

  end(index: number): void {
    if (this.#has(index)) this.#count--;
    this.#ended[index >> 3] = this.#byte(index) | (1 << (index & 7));
  }

  /** The next of them, `most` at most, from where the last call stopped; after the last member come the first ones again. */
  next(most: number): readonly number[] {
    const found: number[] = [];
    for (let looked = 0; looked < this.#members && found.length < most; looked++) {
      if (this.#has(this.#cursor)) found.push(this.#cursor);
      this.#cursor = (this.#cursor + 1) % this.#members;
    }
    return found;
  }

  #has(index: number): boolean {
    return (this.#byte(index) & (1 << (index & 7))) === 0;
  }

  #byte(index: number): number {
    return this.#ended[index >> 3] ?? 0;
  }
}
