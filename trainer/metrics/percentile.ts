/** The smallest number that at least `share` of all are not above (nearest rank); NaN of none. `sorted`: ascending. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
