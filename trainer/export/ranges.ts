import type { Dataset } from "../data/dataset.ts";
import type { Learner } from "../model/learner.ts";
import type { Mlp } from "../model/mlp.ts";

/** The interval that a layer's inputs are in, but for outliers. Zero is inside, so that padding and absent fields are exact. */
export interface Range {
  low: number;
  high: number;
}

/** The share of inputs left outside the range at either end: clipping a few outliers gives all others a finer step. */
const OUTLIERS = 1e-4;
const SAMPLES_PER_BATCH = 20_000;

/**
 * Measures the ranges of each layer's inputs on the calibration records, from an even sample of them: one range a layer, but
 * for the first layer one a section, given by their widths.
 */
export function measureRanges(
  learner: Learner,
  calibration: Dataset,
  network: Mlp,
  sections: readonly number[],
): Range[][] {
  const widths = [network.inputs, ...network.hidden];
  const samples: number[][][] = widths.map((_, layer) => (layer === 0 ? sections.map(() => []) : [[]]));
  const sectionOf = sections.flatMap((width, s) => new Array<number>(width).fill(s));
  learner.predict(calibration, undefined, (name, layer, input) => {
    if (name !== network.name) return;
    const into = samples[layer] as number[][];
    const stride = Math.max(1, Math.floor(input.length / SAMPLES_PER_BATCH)) | 1;
    for (let i = 0; i < input.length; i += stride) {
      const section = layer === 0 ? (sectionOf[i % network.inputs] as number) : 0;
      into[section]?.push(input[i] as number);
    }
  });
  return samples.map((layer) => layer.map(rangeOf));
}

function rangeOf(sample: readonly number[]): Range {
  const sorted = Float32Array.from(sample).sort();
  const cut = Math.floor(sorted.length * OUTLIERS);
  return { low: Math.min(0, sorted[cut] ?? 0), high: Math.max(0, sorted[sorted.length - 1 - cut] ?? 0) };
}

export function union(ranges: readonly Range[]): Range {
  return {
    low: Math.min(...ranges.map(({ low }) => low)),
    high: Math.max(...ranges.map(({ high }) => high)),
  };
}
