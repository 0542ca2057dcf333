// Arithmetic in float64 that carries the error which a correct float32 kernel is expected to make: every number has
// the standard deviation of that error, if each rounding errs independently by u · |result| (u = 2⁻²⁴, half a unit in
// the last place).
//
// Worst-case bounds would be of no use, as they grow by Σ|w| ≈ 30 at each layer of 400. The roundings of a sum grow
// like a random walk: Higham & Mary, "A New Approach to Probabilistic Rounding Error Analysis", 2019. So a test asks
// for |kernel − reference| ≤ DOUBT · error, and needs no tolerance of its own.

/** A number and the standard deviation of a float32 kernel's error. */
export interface Approximate {
  value: number;
  error: number;
}

export interface ApproximateVector {
  values: Float64Array;
  errors: Float64Array;
}

/** Half a unit in the last place of a float32, relative to the number. */
export const U = 2 ** -24;

/** No error is larger than this many standard deviations. */
export const DOUBT = 8;

/** A float32 sum. Its variance is that of its terms, and (u · |partial sum|)² for the rounding of each addition. */
export class Sum {
  value = 0;
  #variance = 0;

  add(term: number, error: number): void {
    this.value += term;
    this.#variance += error ** 2 + (U * this.value) ** 2;
  }

  result(): Approximate {
    return { value: this.value, error: Math.sqrt(this.#variance) };
  }
}

export function addTo(sum: Sum, term: Approximate): void {
  sum.add(term.value, term.error);
}

/** The sum of vectors, element by element. */
export function sumOf(vectors: readonly ApproximateVector[]): ApproximateVector {
  const sums = elements(vectors[0]).map(() => new Sum());
  for (const v of vectors) {
    sums.forEach((sum, j) => {
      sum.add(v.values[j], v.errors[j]);
    });
  }
  return vectorOf(sums.map((sum) => sum.result()));
}

/** ⟨a, b⟩ */
export function inner(a: ApproximateVector, b: ApproximateVector): Approximate {
  const sum = new Sum();
  for (let j = 0; j < a.values.length; j++) {
    const [x, y] = [a.values[j], b.values[j]];
    const value = x * y;
    sum.add(value, Math.abs(x) * b.errors[j] + Math.abs(y) * a.errors[j] + U * Math.abs(value));
  }
  return sum.result();
}

export function product(a: Approximate, b: Approximate): Approximate {
  const value = a.value * b.value;
  return { value, error: Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + U * Math.abs(value) };
}

export function scaled(scale: number, { value, error }: Approximate): Approximate {
  return { value: scale * value, error: Math.abs(scale) * (error + U * Math.abs(value)) };
}

/** Adds Σ_k weights[from + k] · a[k] to `sum`. */
export function weightedSum(
  weights: Int8Array | Float32Array,
  from: number,
  a: ApproximateVector,
  sum: Sum,
): Approximate {
  for (let k = 0; k < a.values.length; k++) {
    const weight = weights[from + k];
    const term = weight * a.values[k];
    sum.add(term, Math.abs(weight) * a.errors[k] + U * Math.abs(term));
  }
  return sum.result();
}

/** A vector of zeros. */
export function vector(length: number): ApproximateVector {
  return { values: new Float64Array(length), errors: new Float64Array(length) };
}

export function vectorOf(list: readonly Approximate[]): ApproximateVector {
  const v = vector(list.length);
  for (let i = 0; i < list.length; i++) setElement(v, i, list[i]);
  return v;
}

export function elements({ values, errors }: ApproximateVector): Approximate[] {
  return Array.from(values, (value, i) => ({ value, error: errors[i] }));
}

export function slice({ values, errors }: ApproximateVector, from: number, to: number): ApproximateVector {
  return { values: values.subarray(from, to), errors: errors.subarray(from, to) };
}

export function setElement(to: ApproximateVector, i: number, { value, error }: Approximate): void {
  to.values[i] = value;
  to.errors[i] = error;
}
