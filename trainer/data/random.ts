export type RandomState = readonly [number, number, number, number, number | null];

/**
 * A seeded generator whose state can be saved: sfc32 (Chris Doty-Humphrey, PractRand). The same seed gives the same
 * numbers on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spare: number | null = null;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e3779b9 | 0;
    this.#c = 0x243f6a88;
    this.#counter = 1;
    for (let i = 0; i < 15; i++) this.bits();
  }

  /** The state, on which alone the next numbers depend. */
  state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#counter, this.#spare];
  }

  restore([a, b, c, counter, spare]: RandomState): void {
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#counter = counter;
    this.#spare = spare;
  }

  /** 32 random bits, as an unsigned integer. */
  bits(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.bits() / 2 ** 32;
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Uniform integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Puts `list` into random order (Fisher and Yates). */
  shuffle(list: Uint32Array): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = list[i];
      list[i] = list[j];
      list[j] = kept;
    }
  }
}
