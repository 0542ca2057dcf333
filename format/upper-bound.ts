/** How many of the ascending `boundaries` are at most x, which is the number of x's interval. */
export function upperBound(boundaries: readonly number[], x: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] as number) <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}
