import { Random } from "../data/random.ts";

/**
 * A uniform sample of a stream whose length is not known. Algorithm L (Li 1994, "Reservoir-sampling algorithms of time
 * complexity O(n(1 + log(N/n)))") skips what it does not keep, so that most elements of a long stream cost an addition.
 */
export class Reservoir<Element> {
  readonly #kept: { at: number; element: Element }[] = [];
  readonly #size: number;
  readonly #random: Random;
  #weight = 1;
  #seen = 0;
  /** The place in the stream of the next element to keep. */
  #next = 0;

  /** `size`: how many elements are kept, 1 or more. */
  constructor(size: number, seed: number) {
    this.#size = size;
    this.#random = new Random(seed);
  }

  /** Takes the next `count` elements of the stream; `get` makes the one that is `i`-th among them. */
  add(count: number, get: (i: number) => Element): void {
    const end = this.#seen + count;
    while (this.#next < end) {
      const kept = { at: this.#next, element: get(this.#next - this.#seen) };
      if (this.#kept.length < this.#size) this.#kept.push(kept);
      else this.#kept[Math.floor(this.#random.uniform() * this.#size)] = kept;
      this.#next += this.#kept.length < this.#size ? 1 : this.#skip();
    }
    this.#seen = end;
  }

  #skip(): number {
    // Never 0, whose logarithm is none.
    const uniform = (): number => 1 - this.#random.uniform();
    this.#weight *= uniform() ** (1 / this.#size);
    return 1 + Math.floor(Math.log(uniform()) / Math.log1p(-this.#weight));
  }

  /** The elements that were kept, in the order of the stream. */
  elements(): Element[] {
    return [...this.#kept].sort((a, b) => a.at - b.at).map(({ element }) => element);
  }
}
