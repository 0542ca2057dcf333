/** Parts of Workers KV's reads that take at most so many milliseconds: medians and percentiles of production reads. */
const QUANTILES: readonly (readonly [part: number, ms: number])[] = [
  [0, 3],
  [0.5, 28],
  [0.95, 321],
  [0.99, 816],
  [1, 3000],
];

/** Milliseconds that a read of Workers KV takes, by these quantiles; between two of them they grow by factors. */
export function kvLatency(random: () => number): number {
  const part = random();
  const upper = QUANTILES.findIndex(([to]) => part < to);
  const [from, fast] = QUANTILES[upper - 1];
  const [to, slow] = QUANTILES[upper];
  return fast * (slow / fast) ** ((part - from) / (to - from));
}
