/** The least that a denominator may be: below it, it is taken to be this. */
const TINY = 1e-300;
/**
 * Terms after which a fraction has not converged. Those of gamma and beta with parameters of 1e7 take at most 2,000.
 */
const MAX_TERMS = 100_000;

/**
 * b₀ + a₁/(b₁ + a₂/(b₂ + …)) by the modified method of Lentz (Thompson and Barnett 1986, "Coulomb and Bessel Functions
 * of Complex Arguments and Order"). `term`: a and b of the m-th step, m from 1 on.
 */
export function continuedFraction(b0: number, term: (m: number) => { a: number; b: number }): number {
  let value = b0 === 0 ? TINY : b0;
  let c = value;
  let d = 0;
  for (let m = 1; m < MAX_TERMS; m++) {
    const { a, b } = term(m);
    d = b + a * d;
    d = 1 / (Math.abs(d) < TINY ? TINY : d);
    c = b + a / c;
    if (Math.abs(c) < TINY) c = TINY;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) < Number.EPSILON) return value;
  }
  throw new Error(`a continued fraction did not converge in ${MAX_TERMS} terms`);
}
