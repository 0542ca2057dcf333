import type { Histogram, ValueCount } from "./histogram.ts";

/**
 * The knots of a spline through a column's numbers, ascending: numbers of the column, at most `count`. Where it has so
 * few different ones, they are the knots. Otherwise a number that more records have than a knot would have on average
 * gets a knot of its own, such as a zero that half of them have, and the other knots are quantiles of the rest: of m,
 * the one in the middle of each of m equal parts. So an outlier has no knot, and moves none.
 */
export async function placeKnots(histogram: Histogram, count: number): Promise<number[]> {
  const frequent = await mostFrequent(histogram, count);
  if (frequent.different <= count) return ascending(frequent.values.map(({ value }) => value));

  const own = new Set<number>();
  let rest = histogram.total;
  for (const { value, count: times } of frequent.values) {
    if (own.size === count - 1 || times * (count - own.size) < rest) break;
    own.add(value);
    rest -= times;
  }
  return ascending([...own, ...(await middles(histogram, own, rest, count - own.size))]);
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** The `most` numbers that most rows have, the most frequent first, and how many different ones there are. */
async function mostFrequent(histogram: Histogram, most: number): Promise<{ values: ValueCount[]; different: number }> {
  let values: ValueCount[] = [];
  let different = 0;
  const keep = (): void => {
    values = values.sort((a, b) => b.count - a.count || a.value - b.value).slice(0, most);
  };
  for await (const value of histogram.values()) {
    different++;
    values.push(value);
    if (values.length >= GATHERED + most) keep();
  }
  keep();
  return { values, different };
}

/** Numbers that are gathered before the most frequent ones are kept, so that sorting costs little. */
const GATHERED = 4096;

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
