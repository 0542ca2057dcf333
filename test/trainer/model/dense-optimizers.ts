import type { Random } from "../../../trainer/data/random.ts";

// Dense optimizers with L2 over the whole table, which pass over every weight at every step: what the lazy ones are
// compared with.

type Floats = Float32Array | Float64Array;

/** Takes steps by the gradient (gradients + λ·values) · scale; all arrays are [V, D]. */
export interface DenseOptimizer {
  step(values: Floats, gradients: Float64Array, learningRate: number, scale: number): void;
}

/**
 * Adam: Kingma and Ba 2015, algorithm 1 with the bias correction of §2, as in torch.optim.Adam. The moments have the
 * type of the values, float32 or float64.
 */
export function denseAdam(values: Floats, lambda: number): DenseOptimizer {
  const [m, v] = [values.slice().fill(0), values.slice().fill(0)];
  let t = 0;
  return {
    step(values, gradients, learningRate, scale) {
      t++;
      const correction = Math.sqrt(1 - 0.999 ** t);
      const rate = (learningRate * correction) / (1 - 0.9 ** t);
      for (let i = 0; i < values.length; i++) {
        const g = (gradients[i] + lambda * values[i]) * scale;
        const mi = 0.9 * m[i] + (1 - 0.9) * g;
        const vi = 0.999 * v[i] + (1 - 0.999) * g * g;
        m[i] = mi;
        v[i] = vi;
        values[i] = values[i] - (rate * mi) / (Math.sqrt(vi) + 1e-8 * correction);
      }
    },
  };
}

/** Row-wise Adagrad as in torchrec/optim/rowwise_adagrad.py, with w [V, 1] and v [V, k] as tables of their own. */
export function denseAdagrad(values: Floats, width: number, lambda: number): DenseOptimizer {
  const rows = values.length / width;
  const sums = [values.slice(0, rows).fill(0), values.slice(0, rows).fill(0)] as const;
  return {
    step(values, gradients, learningRate, scale) {
      for (let row = 0; row < rows; row++) {
        for (const [part, from, to] of [
          [0, 0, 1],
          [1, 1, width],
        ] as const) {
          const g: number[] = [];
          for (let j = from; j < to; j++) {
            const i = row * width + j;
            g.push((gradients[i] + lambda * values[i]) * scale);
          }
          const sum = sums[part][row] + g.reduce((s, x) => s + x * x, 0) / g.length;
          sums[part][row] = sum;
          for (let j = from; j < to; j++) {
            const i = row * width + j;
            values[i] = values[i] - (learningRate * g[j - from]) / (Math.sqrt(sum) + 1e-10);
          }
        }
      }
    },
  };
}

/** Draws the rows of a batch, each once, from a Zipf distribution over V rows: the n-th with a frequency of 1/n. */
export function zipfBatches(rows: number, draws: number, random: Random): () => Int32Array {
  const sums = new Float64Array(rows);
  let total = 0;
  for (let row = 0; row < rows; row++) sums[row] = total += 1 / (row + 1);
  return () => {
    const batch = new Set<number>();
    for (let i = 0; i < draws; i++) {
      const at = random.uniform() * total;
      let [low, high] = [0, rows - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sums[middle] < at) low = middle + 1;
        else high = middle;
      }
      batch.add(low);
    }
    return Int32Array.from(batch);
  };
}

export function randomTable(size: number, deviation: number, random: Random): Float32Array {
  return Float32Array.from({ length: size }, () => deviation * random.normal());
}
