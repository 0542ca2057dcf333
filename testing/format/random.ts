/** A seeded source of numbers in [0, 1), by mulberry32, so that a case that fails can be run again. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A random integer from `low` to `high`, both included. */
export function integer(random: () => number, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** A random element of a list that is not empty. */
export function pick<T>(random: () => number, list: readonly T[]): T {
  return list[integer(random, 0, list.length - 1)];
}
