/** A list of 32-bit words that grows. */
export class WordList {
  #words: Uint32Array;
  #length: number;

  /** Begins with `zeros` zeros. */
  constructor(zeros = 0) {
    this.#words = new Uint32Array(Math.max(1024, zeros));
    this.#length = zeros;
  }

  get length(): number {
    return this.#length;
  }

  push(word: number): void {
    if (this.#length === this.#words.length) {
      const larger = new Uint32Array(2 * this.#length);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = word;
  }

  toArray(): Uint32Array {
    return this.#words.slice(0, this.#length);
  }
}
