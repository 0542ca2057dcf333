import { integersOf } from "./arena.ts";

/** Items that are put in order one after another before such runs are merged: few enough that moving them is quick. */
const RUN = 8;

/**
 * Indices of `values` in descending order of them. Equal ones keep their order: the caller's. A merge sort of its own,
 * as the engine's calls a function for each of its comparisons.
 */
export function descending(values: Float64Array): Int32Array {
  const n = values.length;
  let order = integersOf(n);
  for (let start = 0; start < n; start += RUN) {
    const end = Math.min(start + RUN, n);
    for (let i = start; i < end; i++) {
      const value = values[i];
      let place = i;
      while (place > start && values[order[place - 1]] < value) {
        order[place] = order[place - 1];
        place--;
      }
      order[place] = i;
    }
  }
  let merged = integersOf(n > RUN ? n : 0);
  for (let run = RUN; run < n; run *= 2) {
    for (let start = 0; start < n; start += 2 * run) merge(values, order, merged, start, run);
    [order, merged] = [merged, order];
  }
  return order;
}

/** Merges two runs of `from` that stand one after the other, of at most `run` items each, into `to`. */
function merge(values: Float64Array, from: Int32Array, to: Int32Array, start: number, run: number): void {
  const middle = Math.min(start + run, from.length);
  const end = Math.min(start + 2 * run, from.length);
  let left = start;
  let right = middle;
  for (let place = start; place < end; place++) {
    // Of equal ones the left one, which the caller has first.
    const isLeft = right >= end || (left < middle && values[from[left]] >= values[from[right]]);
    to[place] = isLeft ? from[left++] : from[right++];
  }
}

/** The first `count` of `descending`, where they are few: each is put in its place among those before it. */
export function best(values: Float64Array, count: number): Int32Array {
  const n = values.length;
  if (count > MOST_INSERTED) return descending(values).subarray(0, count);
  const order = integersOf(count);
  let length = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (length < count) length++;
    else if (!(value > values[order[length - 1]])) continue;
    let place = length - 1;
    while (place > 0 && values[order[place - 1]] < value) {
      order[place] = order[place - 1];
      place--;
    }
    order[place] = i;
  }
  return order;
}

/** More of them are sorted sooner than they are inserted. */
const MOST_INSERTED = 32;

/** A ranking that is used up from the best on, while others may take from it out of turn. */
export class Ranking {
  readonly #order: Int32Array;
  #next = 0;

  /** `order`: indices, the best first. Where n are taken in all, the first n are enough. */
  constructor(order: Int32Array) {
    this.#order = order;
  }

  /** The best index that `taken` has no 1 for. One must be left. */
  best(taken: Int32Array): number {
    let next = this.#next;
    while (taken[this.#order[next]] === 1) next++;
    this.#next = next;
    return this.#order[next];
  }
}
