// Comparing by rounds: everything that is compared takes its turn once a round, so its times list one number a round.
import { median } from "../trainer/metrics/median.ts";

/** One time divided by the other, round by round. */
export function ratios(times: readonly number[], others: readonly number[]): number[] {
  return times.map((time, round) => time / others[round]);
}

/**
 * Median over the rounds of one time divided by the other's in the same round. Where the machine is slow for some
 * rounds, both times grow and their ratio stays; the ratio of the two medians would not.
 */
export function medianRatio(times: readonly number[], others: readonly number[]): number {
  return median(ratios(times, others));
}

/**
 * The median of numbers that were drawn alike, and an interval that has the median of what they were drawn from in at
 * least 95 of 100 cases, whatever the distribution (the sign test's); all that were seen where there are fewer than 6.
 */
export function medianInterval(numbers: readonly number[]): { median: number; low: number; high: number } {
  const sorted = numbers.toSorted((a, b) => a - b);
  const n = sorted.length;
  // The chance that fewer than `cut` of n lie below the median is that of so few heads of n coins.
  let [cut, chance, ways] = [0, 0, 1];
  while (chance + ways * 2 ** -n <= MISSED_ON_A_SIDE) {
    chance += ways * 2 ** -n;
    ways *= (n - cut) / (cut + 1);
    cut++;
  }
  const skipped = Math.max(0, cut - 1);
  return { median: median(sorted), low: sorted[skipped], high: sorted[n - 1 - skipped] };
}

/** Half of the 5 cases of 100 in which an interval may lie beside what it is to have. */
const MISSED_ON_A_SIDE = 0.025;

/** Four significant digits: further ones would be noise. */
export function rounded(x: number): number {
  return Number(x.toPrecision(4));
}
