import type { CodeRange } from "./pattern-syntax.ts";

const ASCII = 128;

/** Code points in classes: those of one class are in the same ones of some sets of ranges. */
export class CodeClasses {
  /** The first code point of each class, ascending. */
  readonly #firsts: readonly number[];
  readonly #ascii: Uint16Array;

  constructor(sets: readonly (readonly CodeRange[])[]) {
    const bounds = sets.flatMap((ranges) => ranges.flatMap(([first, last]) => [first, last + 1]));
    this.#firsts = [...new Set([0, ...bounds])].sort((a, b) => a - b);
    this.#ascii = Uint16Array.from({ length: ASCII }, (_, point) => this.#search(point));
  }

  get count(): number {
    return this.#firsts.length;
  }

  /** The number of a code point's class. */
  of(point: number): number {
    return point < ASCII ? (this.#ascii[point] as number) : this.#search(point);
  }

  /** Whether a set of ranges, one of those given, has a class. */
  includes(ranges: readonly CodeRange[], kind: number): boolean {
    const point = this.#firsts[kind] as number;
    return ranges.some(([first, last]) => point >= first && point <= last);
  }

  #search(point: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] as number) <= point) low = middle;
      else high = middle;
    }
    return low;
  }
}
