import type { Histogram } from "./histogram.ts";

/**
 * The knots of a spline through a column's numbers, ascending: numbers of the column, at most `count`. Where it has so
 * few different ones, they are the knots. Otherwise a number that more records have than a knot would have on average
 * gets a knot of its own, such as a zero that half of them have, and the other knots are quantiles of the rest: of m,
 * the one in the middle of each of m equal parts. So an outlier has no knot, and moves none.
 */
export async function placeKnots(histogram: Histogram, count: number): Promise<number[]> {
  const frequent = await histogram.mostFrequent(count + 1);
  if (frequent.length <= count) return ascending(frequent.map(({ value }) => value));

  const own = new Set<number>();
  let rest = histogram.total;
  for (const { value, count: times } of frequent) {
    if (own.size === count - 1 || times * (count - own.size) < rest) break;
    own.add(value);
    rest -= times;
  }
  return ascending([...own, ...(await middles(histogram, own, rest, count - own.size))]);
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** The numbers in the middle of `parts` equal parts of the rows that have none of `without`: `rows` of them. */
async function middles(
  histogram: Histogram,
  without: ReadonlySet<number>,
  rows: number,
  parts: number,
): Promise<number[]> {
  const ranks = Array.from({ length: parts }, (_, i) => Math.floor(((i + 0.5) / parts) * rows));
  const found: number[] = [];
  let end = 0;
  for await (const { value, count } of histogram.values()) {
    if (without.has(value)) continue;
    end += count;
    // No number that is left fills a part, so the next rank is another number's.
    if (ranks[found.length] < end) found.push(value);
  }
  return found;
}
