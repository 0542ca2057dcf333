/** An interval with a confidence of 95 %. */
export interface Interval {
  low: number;
  high: number;
}

/** The standard normal quantile of 97.5 %, which a two-sided interval of 95 % needs. */
export const Z95 = 1.959963984540054;

/**
 * Wilson's interval of a rate (Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small counts): `rate` of
 * `records` records, of which both may be weighted and so no integers. Without records it is [0, 1].
 */
export function wilsonInterval(rate: number, records: number): Interval {
  if (!(records > 0)) return { low: 0, high: 1 };
  const z2 = Z95 ** 2 / records;
  const center = (rate + z2 / 2) / (1 + z2);
  const half = (Z95 * Math.sqrt((rate * (1 - rate)) / records + z2 / (4 * records))) / (1 + z2);
  return { low: rate === 0 ? 0 : Math.max(0, center - half), high: rate === 1 ? 1 : Math.min(1, center + half) };
}

/** Student's t quantiles of 97.5 % for 1, 2, … degrees of freedom. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * Student's interval of a mean, from at least two equally trusted values. Beyond 31 values the quantile follows from
 * the normal one by the first term of its expansion (Fisher 1941), which is then exact to three decimals.
 */
export function meanInterval(values: readonly number[]): Interval {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const t = T95[n - 2] ?? Z95 + (Z95 ** 3 + Z95) / (4 * (n - 1));
  const half = t * Math.sqrt(variance / n);
  return { low: mean - half, high: mean + half };
}
