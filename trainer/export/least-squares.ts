// What a layer's weights become when their inputs have been quantized and they are to be, chosen by the least squared error of
// the layer's outputs. Sums are taken in float64; K inputs, N outputs, n records.
import { MAX_LANE_WEIGHT } from "../../format/constants.ts";
import { firstOfLane, laneSums } from "../../format/layer.ts";

/** Moments of a layer's inputs over a sample: of those it was trained on, and of those it is given. */
export interface Moments {
  /** [K] */
  trainedMean: Float32Array;
  /** [K] */
  givenMean: Float32Array;
  /** [K] of the given inputs. */
  variances: Float32Array;
  /** Null where the layer is too wide for them. */
  covariances: Covariances | null;
}

export interface Covariances {
  /** [K, K] of the given inputs. */
  given: Float32Array;
  /** [K, K]: Cov(trained_i, given_j). */
  cross: Float32Array;
}

/**
 * How much a change of a weight is held against it, as a share of its input's variance: few records say little about inputs
 * that hardly vary. 0.01 is what Frantar et al. 2023 ("GPTQ", section 3.3, step 3) add to the diagonal.
 */
const DAMPING = 0.01;

/** The Cholesky factor L of covariance + damping, [K, K], lower triangle; of an input that never varies, a row of the identity. */
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
      // Rounding may leave less than the damping, of inputs that are all but copies of others.
      L[i * K + j] = i === j ? Math.sqrt(Math.max(sum, 0.5 * DAMPING * variance)) : sum / L[j * K + j];
    }
  }
  return L;
}

/**
 * Weights V [N, K] for which V·given comes closest to W·trained: W + W(cross − covariance)(covariance + damping)⁻¹, the ridge
 * regression that starts from W. So a layer makes good what its inputs lost, where it can (Hubara et al. 2021, "Accurate
 * Post Training Quantization With Small Calibration Sets", section 3, layer by layer and in closed form).
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

/** x ← (L·Lᵀ)⁻¹x */
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

const LARGEST = 127;
/** Multiples of max|w| / 127 that are tried as an output's scale. With 2, four weights of 64 are a lane's most, whatever they are. */
const SCALES = [2, 1.6, 1.3, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];

/** int8 weights and their scales, [N, K] and [N]: w ≈ scale · q. */
export interface RoundedWeights {
  weights: Int8Array;
  scales: Float64Array;
}

/**
 * Rounds each output's weights. Its scale is the one of least Σ variance · (w − scale · q)². With a factor of the covariance, a
 * weight's rounding error is made good by those not yet rounded, in the metric of the outputs (Frantar et al. 2023,
 * "GPTQ", equation 2; here as Babai's nearest plane, from the last weight to the first, which needs no inverse).
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

/** [K, K]: L_jk / L_kk at (k, j), so that a column of L is read in a row. */
function normalizedColumns(L: Float64Array, K: number): Float64Array {
  const columns = new Float64Array(K * K);
  for (let k = 0; k < K; k++) {
    for (let j = k + 1; j < K; j++) columns[k * K + j] = L[j * K + k] / L[k * K + k];
  }
  return columns;
}

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

/** The integer nearest to `target` that weight k of an output may be beside the others of its lane; those not yet rounded are 0. */
function nearestWeight(target: number, q: Int8Array, k: number): number {
  const { above, below } = laneSums(q, q.length, 0, firstOfLane(k));
  const most = Math.min(LARGEST, MAX_LANE_WEIGHT - above);
  const least = Math.max(-LARGEST, -MAX_LANE_WEIGHT - below);
  return Math.max(least, Math.min(most, Math.round(target)));
}
