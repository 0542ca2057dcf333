import type { Effect, Verdict } from "./comparison.ts";

// The test that may be looked at as often as one likes: an asymptotic confidence sequence by a normal mixture
// (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
// sequences", theorem 2.2). It is the same as the mixture SPRT's interval and as GAVI (Howard, Ramdas, McAuliffe and
// Sekhon 2021).

/** Units of the smaller arm below which the asymptotic sequence says nothing yet. */
export const MIN_SEQUENTIAL_UNITS = 500;

/**
 * ρ, by which the sequence is narrowest at about N* units: ρ² = (−2 ln α + ln(1 − 2 ln α))/N* (eq. 161 of version 7 of
 * the paper).
 */
export function mixtureScale(alpha: number, plannedUnits: number): number {
  const log = -2 * Math.log(alpha);
  return Math.sqrt((log + Math.log(1 + log)) / plannedUnits);
}

/** The half-width in standard errors, at N units: √((g + N)/N · ln((g + N)/(g α²))), with g = 1/ρ². */
export function sequentialRadius(units: number, plannedUnits: number, alpha: number): number {
  const g = mixtureScale(alpha, plannedUnits) ** -2;
  return Math.sqrt(((g + units) / units) * (Math.log((g + units) / g) - 2 * Math.log(alpha)));
}

/**
 * The interval that holds the effect at every look, all together, with confidence 1 − α; and its p-value, the least α
 * whose interval leaves 0 out, with ρ as it is: √((g + N)/g)·e^(−z² N/(2(g + N))). `plannedUnits`: N*, of both arms.
 * With fewer than 500 units in an arm it is all numbers, and p is 1.
 */
export function sequentialVerdict(
  { effect, error, units, smallerArm }: Effect,
  alpha: number,
  plannedUnits: number,
): Verdict {
  if (smallerArm < MIN_SEQUENTIAL_UNITS) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, p: 1 };
  const g = mixtureScale(alpha, plannedUnits) ** -2;
  const reach = sequentialRadius(units, plannedUnits, alpha) * error;
  const exponent = -((effect / error) ** 2 * units) / (2 * (g + units));
  const p = Math.min(1, Math.sqrt((g + units) / g) * Math.exp(exponent));
  return { low: effect - reach, high: effect + reach, p };
}
