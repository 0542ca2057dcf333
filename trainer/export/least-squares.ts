// A layer's weights, fitted to quantized inputs and rounded to int8, so that the squared error of the layer's outputs
// is least. Sums are taken in float64. K inputs, N outputs, n records.
import { MAX_LANE_WEIGHT } from "../../format/constants.ts";
import { firstOfLane, laneSums } from "../../format/layer.ts";

/** Moments over a sample of the inputs that a layer was trained on, and of those that it is given when served. */
export interface Moments {
  /** [K] */
  trainedMean: Float32Array;
  /** [K] */
  givenMean: Float32Array;
  /** [K], of the given inputs. */
  variances: Float32Array;
  /** Null where the layer has too many inputs for them. */
  covariances: Covariances | null;
}

export interface Covariances {
  /** [K, K], of the given inputs. */
  given: Float32Array;
  /** [K, K]: Cov(trained_i, given_j). */
  cross: Float32Array;
}

/**
 * What is added to each variance, as a share of it, so that a weight whose input hardly varies in the sample does not
 * move far. Frantar et al. 2023 ("GPTQ", section 3.3, step 3) add as much to the diagonal.
 */
const DAMPING = 0.01;

/**
 * The Cholesky factor L, [K, K], a lower triangle, of covariance + damping. An input that never varies has a row of the
 * identity.
 */
export function factorize(covariance: Float32Array, variances: Float32Array): Float64Array {
  const K = variances.length;
  const L = new Float64Array(K * K);
  for (let i = 0; i < K; i++) {
    const variance = variances[i];
    if (!(variance > 0)) {
      L[i * K + i] = 1;
      continue;
    }
    for (let j = 0; j <= i; j++) {
      if (!(variances[j] > 0)) continue;
      let sum = i === j ? variance * (1 + DAMPING) : covariance[i * K + j];
      for (let m = 0; m < j; m++) sum -= L[i * K + m] * L[j * K + m];
      // Of an input that is almost a copy of others, rounding may leave less than the damping, or nothing.
      L[i * K + j] = i === j ? Math.sqrt(Math.max(sum, 0.5 * DAMPING * variance)) : sum / L[j * K + j];
    }
  }
  return L;
}

/**
 * Weights V [N, K] for which V·given comes closest to W·trained: V = W + W(cross − covariance)(covariance + damping)⁻¹,
 * the ridge regression that starts from W. So a layer makes good what it can of the errors of its inputs (Hubara et al.
 * 2021, "Accurate Post Training Quantization With Small Calibration Sets", section 3, here in closed form). `weights`
 * is W, `L` the factor of covariance + damping.
 */
export function refit(weights: Float32Array, { given, cross }: Covariances, L: Float64Array): Float32Array {
  const K = Math.sqrt(L.length);
  const fitted = weights.slice();
  const excess = new Float64Array(K);
  for (let from = 0; from < weights.length; from += K) {
    excess.fill(0);
    for (let i = 0; i < K; i++) {
      const w = weights[from + i];
      if (w === 0) continue;
      const row = i * K;
      for (let j = 0; j < K; j++) excess[j] = excess[j] + w * (cross[row + j] - given[row + j]);
    }
    solve(L, excess);
    for (let k = 0; k < K; k++) fitted[from + k] = fitted[from + k] + excess[k];
  }
  return fitted;
}

/** Solves in place: x ← (L·Lᵀ)⁻¹x. */
function solve(L: Float64Array, x: Float64Array): void {
  const K = x.length;
  for (let i = 0; i < K; i++) {
    let sum = x[i];
    for (let j = 0; j < i; j++) sum -= L[i * K + j] * x[j];
    x[i] = sum / L[i * K + i];
  }
  for (let i = K - 1; i >= 0; i--) {
    const value = x[i] / L[i * K + i];
    x[i] = value;
    for (let j = 0; j < i; j++) x[j] = x[j] - L[i * K + j] * value;
  }
}

/** The largest int8 weight; −128 is not used. */
const LARGEST = 127;
/**
 * Multiples of max|w| / 127 that are tried as an output's scale. With 2 the weights are at most 64, so that the four of
 * a lane never exceed what its sum may be.
 */
const SCALES = [2, 1.6, 1.3, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];

/** int8 weights and their scales, [N, K] and [N]: w ≈ scale · q. */
export interface RoundedWeights {
  weights: Int8Array;
  scales: Float64Array;
}

/**
 * Rounds the weights [N, K]. An output's scale is the one of least Σ variance · (w − scale · q)². With `L`, the factor
 * of the covariance, the weights are rounded from the last to the first, and those not yet rounded make good the errors
 * of those that are, as far as the output shows them (Frantar et al. 2023, "GPTQ", equation 2; here as Babai's nearest
 * plane algorithm, which needs no inverse). Without it, each weight is rounded by itself.
 */
export function roundWeights(weights: Float32Array, variances: Float32Array, L: Float64Array | null): RoundedWeights {
  const K = variances.length;
  const N = weights.length / K;
  const rounded = { weights: new Int8Array(N * K), scales: new Float64Array(N) };
  const error = new Float64Array(K);
  const columns = L && normalizedColumns(L, K);
  for (let n = 0; n < N; n++) {
    const row = weights.subarray(n * K, (n + 1) * K);
    const scale = chooseScale(row, variances);
    rounded.scales[n] = scale;
    const q = rounded.weights.subarray(n * K, (n + 1) * K);
    for (let k = K - 1; k >= 0; k--) {
      let target = row[k];
      if (columns) {
        for (let j = k + 1; j < K; j++) target += columns[k * K + j] * error[j];
      }
      q[k] = nearestWeight(target / scale, q, k);
      error[k] = row[k] - scale * q[k];
    }
  }
  return rounded;
}

/** [K, K] with L_jk / L_kk at (k, j): the columns of L as rows, so that each is read in one go. */
function normalizedColumns(L: Float64Array, K: number): Float64Array {
  const columns = new Float64Array(K * K);
  for (let k = 0; k < K; k++) {
    for (let j = k + 1; j < K; j++) columns[k * K + j] = L[j * K + k] / L[k * K + k];
  }
  return columns;
}

/** The scale for an output's weights that has the least Σ variance · (w − scale · q)². */
function chooseScale(row: Float32Array, variances: Float32Array): number {
  const widest = row.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / LARGEST || 1;
  const q = new Int8Array(row.length);
  let best = widest;
  let least = Number.POSITIVE_INFINITY;
  for (const multiple of SCALES) {
    const scale = widest * multiple;
    let sum = 0;
    q.fill(0);
    for (let k = row.length - 1; k >= 0; k--) {
      const w = row[k];
      q[k] = nearestWeight(w / scale, q, k);
      sum += variances[k] * (w - scale * q[k]) ** 2;
    }
    if (sum >= least) continue;
    least = sum;
    best = scale;
  }
  return best;
}

/**
 * The integer nearest to `target` that weight k of an output may have, given the other weights of its lane; those that
 * are not yet rounded count as 0.
 */
function nearestWeight(target: number, q: Int8Array, k: number): number {
  const { above, below } = laneSums(q, q.length, 0, firstOfLane(k));
  const most = Math.min(LARGEST, MAX_LANE_WEIGHT - above);
  const least = Math.max(-LARGEST, -MAX_LANE_WEIGHT - below);
  return Math.max(least, Math.min(most, Math.round(target)));
}
