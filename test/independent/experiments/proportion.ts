/** The moments of values of 0 and 1 as GrowthBook has them, with the variance p(1 − p), which is not over n − 1. */
export function momentsOfProportion(units: number, sum: number) {
  const mean = sum / units;
  const variance = mean * (1 - mean);
  return { units, mean, variance, level: mean, levelVariance: variance, covariance: variance };
}
