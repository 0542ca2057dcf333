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

/** Four significant digits: further ones would be noise. */
export function rounded(x: number): number {
  return Number(x.toPrecision(4));
}
