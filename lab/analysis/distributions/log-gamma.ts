const HALF_LOG_TAU = 0.9189385332046727; // ½ ln 2π

/** From here on Stirling's series, with the terms below, has an error under 1e−16. */
const STIRLING_FROM = 10;

/** B₂ₘ/(2m(2m − 1)), m = 1 … 7, of the Bernoulli numbers. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];

/**
 * What Stirling's formula leaves of ln Γ(a), a > 0: Δ(a) = ln Γ(a) − (a − ½)·ln a + a − ½ ln 2π (DLMF 5.11.1). It is
 * small where ln Γ is large, so that differences of ln Γ which are built from it keep their digits (DiDonato and
 * Morris 1992, "Algorithm 708").
 */
export function stirlingRest(a: number): number {
  if (a < STIRLING_FROM) return logGamma(a) - ((a - 0.5) * Math.log(a) - a + HALF_LOG_TAU);
  let sum = 0;
  for (let m = STIRLING.length - 1; m >= 0; m--) sum = sum / (a * a) + STIRLING[m];
  return sum / a;
}

/** ln Γ(a), a > 0: by Stirling's series, from a argument that Γ(a + 1) = a·Γ(a) leads up to. */
export function logGamma(a: number): number {
  let product = 1;
  let large = a;
  for (; large < STIRLING_FROM; large++) product *= large;
  return (large - 0.5) * Math.log(large) - large + HALF_LOG_TAU + stirlingRest(large) - Math.log(product);
}
