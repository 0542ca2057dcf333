// The last layer: one unit, f32, its bias is the model's; and the sigmoid.
import { outputsOf, outputWeights } from "./layers";
import { isMemory } from "./memory";

/** Σ h · outputWeights over the padded units of `layer`, the last hidden one. Eight sums side by side in all variants. */
export function outputUnit(layer: usize, h: usize): f32 {
  const weights = outputWeights();
  const bytes = <usize>(4 * outputsOf(layer));
  assert(isMemory(h, bytes) && isMemory(weights, bytes));
  if (ASC_FEATURE_SIMD) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 32) {
      low = f32x4.add(low, f32x4.mul(v128.load(h + at), v128.load(weights + at)));
      high = f32x4.add(high, f32x4.mul(v128.load(h + at, 16), v128.load(weights + at, 16)));
    }
    const sums = f32x4.add(low, high);
    return (
      f32x4.extract_lane(sums, 0) +
      f32x4.extract_lane(sums, 1) +
      (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3))
    );
  }
  return (
    outputLane(h, weights, bytes, 0) +
    outputLane(h, weights, bytes, 4) +
    (outputLane(h, weights, bytes, 8) + outputLane(h, weights, bytes, 12))
  );
}

/** The twin of one lane of `sums`. */
function outputLane(h: usize, weights: usize, bytes: usize, lane: usize): f32 {
  let low: f32 = 0;
  let high: f32 = 0;
  for (let at = lane; at < bytes; at += 32) {
    low += load<f32>(h + at) * load<f32>(weights + at);
    high += load<f32>(h + at, 16) * load<f32>(weights + at, 16);
  }
  return low + high;
}

/** 1 / (1 + e^−x): within 3 ULP where it is a normal number, 0 below −88.7, where e^−x is infinite. */
export function sigmoid(x: f32): f32 {
  return 1 / (1 + Mathf.exp(-x));
}
