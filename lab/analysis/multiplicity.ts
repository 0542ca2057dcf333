// p-values of several metrics or segments, adjusted for their number. Each adjusted one is the least level at which its
// own hypothesis is rejected, in the order of the input.

/** Benjamini and Hochberg (1995): at most a share of q of what is rejected at q is expected to be wrong. */
export function benjaminiHochberg(p: readonly number[]): number[] {
  return stepwise(p, (value, rank) => (value * p.length) / rank, "down");
}

/** Holm (1979): the probability that anything at all is rejected wrongly at α is at most α. */
export function holm(p: readonly number[]): number[] {
  return stepwise(p, (value, rank) => value * (p.length - rank + 1), "up");
}

/** `adjust`: by the rank of a value, the least being 1. What comes later in the direction is no more extreme. */
function stepwise(
  p: readonly number[],
  adjust: (value: number, rank: number) => number,
  direction: "up" | "down",
): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b]);
  const adjusted = new Array<number>(p.length);
  const ranks = order.map((_, i) => i + 1);
  let bound = direction === "up" ? 0 : 1;
  for (const rank of direction === "up" ? ranks : ranks.reverse()) {
    const i = order[rank - 1];
    const value = Math.min(1, adjust(p[i], rank));
    bound = direction === "up" ? Math.max(bound, value) : Math.min(bound, value);
    adjusted[i] = bound;
  }
  return adjusted;
}
