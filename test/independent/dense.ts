import { viewOf } from "./container.ts";
import { at, check } from "./refusal.ts";

// Section 5, section 7 DENSE: packed weights and vectors.

const ALIGN = 64;
/** The most that a lane's weights above 0, and the sizes of those below, may add up to. */
const MAX_LANE = 258;

export function roundUp(x: number, multiple: number): number {
  return Math.ceil(x / multiple) * multiple;
}

/** Reads DENSE from its beginning to its end. */
export class Dense {
  readonly #bytes: Uint8Array;
  /** The end of the place that was read before. */
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** `length` bytes that are aligned, within DENSE and behind those before. */
  #at(offset: number, length: number, rule: number): DataView {
    check(offset % ALIGN === 0, rule, `DENSE ${offset} is not aligned`);
    check(offset >= this.#end, rule, `DENSE ${offset}: the place before ends at ${this.#end}`);
    this.#end = offset + length;
    check(this.#end <= this.#bytes.length, rule, `DENSE ${offset}: ${length} bytes end beyond ${this.#bytes.length}`);
    return viewOf(this.#bytes.subarray(offset, this.#end));
  }

  /** All floats at an offset, padding included. */
  #floats(offset: number, length: number, rule: number): number[] {
    const view = this.#at(offset, 4 * length, rule);
    const all = Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
    check(all.every(Number.isFinite), rule, "DENSE: a float is not finite");
    return all;
  }

  /** A vector of n floats, stored with zeros to a multiple of 8. */
  vector(offset: number, n: number, rule: number): number[] {
    const all = this.#floats(offset, roundUp(n, 8), rule);
    check(
      all.slice(n).every((x) => x === 0),
      rule,
      `DENSE ${offset}: padding is not zero`,
    );
    return all.slice(0, n);
  }

  /** W of shape N × K from its packed form, and zeros in each direction to a multiple of 8. */
  weights(offset: number, n: number, k: number, int8: boolean): number[][] {
    const [N, K] = [roundUp(n, 8), roundUp(k, 8)];
    const view = int8 ? this.#at(offset, K * N, 12) : null;
    const packed = int8 ? [] : this.#floats(offset, K * N, 12);
    const weight = (row: number, column: number): number => {
      const block = Math.floor(row / 4) * 4 * K;
      if (!view) return at(packed, block + 4 * column + (row % 4));
      return view.getInt8(block + Math.floor(column / 4) * 16 + (row % 4) * 4 + (column % 4));
    };
    const all = Array.from({ length: N }, (_, row) => Array.from({ length: K }, (_, column) => weight(row, column)));
    const padding = all.flatMap((row, i) => (i < n ? row.slice(k) : row));
    check(
      padding.every((w) => w === 0),
      12,
      `DENSE ${offset}: padding is not zero`,
    );
    const heavy = int8 ? all.findIndex((row) => !isLight(row)) : -1;
    check(heavy < 0, 12, `DENSE ${offset}: a lane of output ${heavy} is too heavy`);
    return all.slice(0, n).map((row) => row.slice(0, k));
  }
}

/** Whether the weights of each lane of an output add up to what kernels may sum in 16 bits. */
function isLight(row: number[]): boolean {
  const firsts = row.map((_, k) => k).filter((k) => k % 8 === 0 || k % 8 === 2);
  return firsts.every((first) => {
    const lane = [0, 1, 4, 5].map((offset) => at(row, first + offset));
    const sum = (sign: number) => lane.reduce((total, w) => total + Math.max(0, sign * w), 0);
    return sum(1) <= MAX_LANE && sum(-1) <= MAX_LANE;
  });
}
