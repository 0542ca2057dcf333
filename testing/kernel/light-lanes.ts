import { MAX_LANE_WEIGHT, PAD_INPUTS } from "../../format/constants.ts";
import { LANE, laneSums } from "../../format/layer.ts";

/**
 * Random weights have many lanes that are heavier than FORMAT.md, "DENSE", allows. This reduces the weights of each
 * to exactly the limit. `weights`: N × K, row-major.
 */
export function lightenLanes(weights: Int8Array, inputs: number, outputs: number): void {
  for (let n = 0; n < outputs; n++) {
    for (let word = 0; word < inputs; word += PAD_INPUTS) {
      lightenLane(weights, inputs, n, word);
      lightenLane(weights, inputs, n, word + 2);
    }
  }
}

function lightenLane(weights: Int8Array, inputs: number, n: number, k: number): void {
  const { above, below } = laneSums(weights, inputs, n, k);
  let tooHigh = Math.max(0, above - MAX_LANE_WEIGHT);
  let tooLow = Math.max(0, -MAX_LANE_WEIGHT - below);
  if (tooHigh + tooLow === 0) return;
  for (const offset of LANE) {
    if (k + offset >= inputs) continue;
    const at = n * inputs + k + offset;
    const w = weights[at];
    const taken = w > 0 ? Math.min(w, tooHigh) : Math.max(w, -tooLow);
    weights[at] = w - taken;
    if (w > 0) tooHigh -= taken;
    else tooLow += taken;
  }
}
