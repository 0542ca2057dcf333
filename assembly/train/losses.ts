// The losses that training minimizes, with their gradients.
import { f32_sigmoid__scalar } from "../score/activation";
import { f32_exp__scalar, f32_exp__simd } from "../score/exp";
import { f32_add, f32_scale } from "./lists";

/**
 * Σ −ln p(label) = softplus(z) − z·y over the logits z [rows], each times its record's weight. `labels` [rows]: y, 0 or
 * 1. `weights` [rows], or 0 where each is 1. Writes the gradient of the sum divided by `batch`, dLogits [rows].
 */
export function logisticLoss(
  logits: usize,
  labels: usize,
  weights: usize,
  dLogits: usize,
  rows: usize,
  batch: usize,
): f64 {
  let sum: f64 = 0;
  const share: f32 = 1 / <f32>batch;
  for (let i: usize = 0; i < 4 * rows; i += 4) {
    const z = load<f32>(logits + i);
    const y = load<f32>(labels + i);
    const weight: f32 = weights ? load<f32>(weights + i) : 1;
    // As max(z, 0) + ln(1 + e^−|z|), which is finite for every z.
    const softplus = <f64>max<f32>(z, 0) + Math.log1p(<f64>f32_exp__scalar(-abs<f32>(z)));
    sum += <f64>weight * (softplus - <f64>z * <f64>y);
    store<f32>(dLogits + i, (f32_sigmoid__scalar(z) - y) * weight * share);
  }
  return sum;
}

/**
 * The in-batch softmax of some records, `rows` of them from record `first` on, over the items of all `count` records.
 * `scores` [rows, count] holds ⟨u, i⟩; `shifts` [count] is added to each row. An item that is another record's own,
 * by its number in `items` (i32 [count]), is no negative of that record. Returns Σ −ln softmax at the records' own
 * items, and writes the gradient of that sum · share over the scores.
 */
export function softmaxLoss(
  scores: usize,
  shifts: usize,
  items: usize,
  first: usize,
  rows: usize,
  count: usize,
  share: f32,
): f64 {
  let sum: f64 = 0;
  for (let row: usize = 0; row < rows; row++, scores += 4 * count) {
    f32_add(shifts, scores, count);
    const own = scores + 4 * (first + row);
    const item = load<i32>(items + 4 * (first + row));
    const score = load<f32>(own);
    let highest = score;
    for (let i: usize = 0; i < 4 * count; i += 4)
      if (load<i32>(items + i) !== item) highest = max<f32>(highest, load<f32>(scores + i));
    const ownPower = f32_exp__scalar(score - highest);
    const total = powers(scores, items, item, count, highest) + <f64>ownPower;
    sum += Math.log1p(total - 1) + <f64>highest - <f64>score;
    const times = <f32>(<f64>share / total);
    store<f32>(own, ownPower);
    f32_scale(scores, times, count);
    store<f32>(own, load<f32>(own) - share);
  }
  return sum;
}

/** Replaces scores by e^(score − highest), and those of `item` by 0. Returns their sum. */
function powers(scores: usize, items: usize, item: i32, count: usize, highest: f32): f64 {
  let sum: f64 = 0;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const tops = f32x4.splat(highest);
    const others = i32x4.splat(item);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (const vectors = (count << 2) & ~15; i < vectors; i += 16) {
      const power = f32_exp__simd(f32x4.sub(v128.load(scores + i), tops));
      const kept = v128.and(power, i32x4.ne(v128.load(items + i), others));
      v128.store(scores + i, kept);
      low = f64x2.add(low, f64x2.promote_low_f32x4(kept));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(kept, kept, 2, 3, 0, 1)));
    }
    const both = f64x2.add(low, high);
    sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  }
  for (; i < 4 * count; i += 4) {
    const power: f32 = load<i32>(items + i) === item ? 0 : f32_exp__scalar(load<f32>(scores + i) - highest);
    store<f32>(scores + i, power);
    sum += <f64>power;
  }
  return sum;
}
