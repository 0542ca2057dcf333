import { sigmoid } from "../../trainer/metrics/metrics.ts";

// The axis of probabilities that figures share: their log-odds, on which 1 in 10,000 and 1 in 1,000 are as far apart as
// the eye needs, 50 % is the middle, and rare clicks and frequent ones are drawn alike.

/** A probability is drawn this far from 0 and 1 at most. */
const LEAST = 1e-9;

/** The shortest axis, in log-odds: of a constant model, all predictions lie on one point. */
const SHORTEST = 0.8;

/** Room at each end of an axis, as a share of it. */
const MARGIN = 0.05;

/** Ticks that a useful axis has at least, and those that have room. */
const FEWEST_TICKS = 3;
const MOST_TICKS = 8;

export function logOdds(p: number): number {
  const drawn = Math.min(1 - LEAST, Math.max(LEAST, p));
  return Math.log(drawn / (1 - drawn));
}

/** The ends of an axis, in log-odds, that shows all of these log-odds; there is at least one. */
export function logOddsDomain(values: readonly number[]): [low: number, high: number] {
  const low = values.reduce((least, z) => Math.min(least, z), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY);
  const margin = Math.max(MARGIN * (high - low), (SHORTEST - (high - low)) / 2);
  return [low - margin, high + margin];
}

/** Vega-lite's scale and axis for log-odds between these ends: round probabilities at the ticks, in per cent. */
export function probabilityAxis([low, high]: readonly [number, number]): {
  scale: { domain: [number, number]; nice: false; zero: false };
  axis: { values: number[]; labelExpr: string; labelOverlap: "greedy" };
} {
  const values = probabilityTicks(low, high).map(logOdds);
  // Eight digits, as 99.99 must not be rounded to 100.
  const labelExpr = "format(100 / (1 + exp(-datum.value)), '.8~r') + ' %'";
  return {
    scale: { domain: [low, high], nice: false, zero: false },
    axis: { values, labelExpr, labelOverlap: "greedy" },
  };
}

/**
 * Round probabilities between two log-odds, ascending: powers of ten on both sides of 50 %, with twice and five times
 * these where there is room, and where the axis is short, multiples of one step.
 */
export function probabilityTicks(low: number, high: number): number[] {
  const within = (p: number): boolean => logOdds(p) >= low && logOdds(p) <= high;
  for (const factors of [[1], [1, 2, 5], [1, 2, 3, 5, 7]]) {
    const small = Array.from({ length: 9 }, (_, k) => factors.map((factor) => factor / 10 ** (9 - k))).flat();
    const below = small.filter((p) => p < 0.5);
    const ticks = [...below, 0.5, ...below.map((p) => 1 - p).reverse()].filter(within);
    if (ticks.length >= FEWEST_TICKS) return everyFew(ticks);
  }
  const [from, to] = [sigmoid(low), sigmoid(high)];
  const rough = (to - from) / FEWEST_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([5, 2, 1].find((factor) => factor * power <= rough) ?? 1);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Every second or third tick of a long list, and so on. */
function everyFew(ticks: readonly number[]): number[] {
  const step = Math.ceil(ticks.length / MOST_TICKS);
  return ticks.filter((_, i) => i % step === 0);
}

/** A probability or rate in per cent, with three digits however small it is. */
export function rateText(rate: number): string {
  if (!Number.isFinite(rate)) return "–";
  return rate === 0 ? "0 %" : `${(100 * rate).toPrecision(3)} %`;
}
