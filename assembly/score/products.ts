// The products of a record's embeddings that the first layer of an IPNN, OPNN or PNN* takes: Qu et al.,
// "Product-based Neural Networks for User Response Prediction", 2016, equations 7–8 for inner and 10–12 for outer
// products, these with superposition. SIMD computes four products at a time and writes all four, so up to three
// numbers behind the last product are overwritten; what belongs there is written afterwards.
import { fieldSum, transposed } from "./buffers";
import { deepDim, fields, innerScale, outerScale } from "./model";
import { f32_add } from "./vectors";

/**
 * Writes innerScale · ⟨e_i, e_j⟩ for all i < j, in lexicographic order, of embeddings F × d; returns the address
 * after the last product. Each product is summed in order of the d elements. SIMD multiplies one element of e_i by
 * those of four e_j, for which it transposes the embeddings.
 */
export function innerProducts(embeddings: usize, target: usize): usize {
  const d = deepDim();
  if (ASC_FEATURE_SIMD) transpose(embeddings);
  for (let i: u32 = 0; i < fields; i++) {
    const first = embeddings + 4 * i * d;
    if (ASC_FEATURE_SIMD) {
      const scale = f32x4.splat(innerScale);
      let j = i + 1;
      // Two vectors of products at a time, as long as the second one has any.
      for (; j + 4 < fields; j += 8) {
        let others = transposed + 4 * j;
        let low = f32x4.splat(0);
        let high = f32x4.splat(0);
        for (let at = first; at < first + 4 * d; at += 4) {
          const x = v128.load32_splat(at);
          low = f32x4.add(low, f32x4.mul(x, v128.load(others)));
          high = f32x4.add(high, f32x4.mul(x, v128.load(others, 16)));
          others += 4 * fields;
        }
        v128.store(target + 4 * (j - i - 1), f32x4.mul(scale, low));
        v128.store(target + 4 * (j - i - 1), f32x4.mul(scale, high), 16);
      }
      if (j < fields) {
        let others = transposed + 4 * j;
        let sum = f32x4.splat(0);
        for (let at = first; at < first + 4 * d; at += 4) {
          sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(at), v128.load(others)));
          others += 4 * fields;
        }
        v128.store(target + 4 * (j - i - 1), f32x4.mul(scale, sum));
      }
    } else {
      for (let j = i + 1; j < fields; j++) {
        const second = embeddings + 4 * j * d;
        let sum: f32 = 0;
        for (let k: u32 = 0; k < d; k++) sum += load<f32>(first + 4 * k) * load<f32>(second + 4 * k);
        store<f32>(target + 4 * (j - i - 1), innerScale * sum);
      }
    }
    target += 4 * (fields - i - 1);
  }
  return target;
}

/**
 * Writes outerScale · s_a · s_b for all a ≤ b, in lexicographic order, of s = Σ_f e_f; returns the address after the
 * last product. `embeddings`: F × d f32.
 */
export function outerProducts(embeddings: usize, target: usize): usize {
  const d = deepDim();
  memory.fill(fieldSum, 0, 4 * d);
  for (let f: u32 = 0; f < fields; f++) f32_add(fieldSum, embeddings + 4 * f * d, d);
  for (let a: u32 = 0; a < d; a++) {
    const factor = outerScale * load<f32>(fieldSum + 4 * a);
    if (ASC_FEATURE_SIMD) {
      for (let b = a; b < d; b += 4) {
        v128.store(target + 4 * (b - a), f32x4.mul(f32x4.splat(factor), v128.load(fieldSum + 4 * b)));
      }
    } else {
      for (let b = a; b < d; b++) store<f32>(target + 4 * (b - a), factor * load<f32>(fieldSum + 4 * b));
    }
    target += 4 * (d - a);
  }
  return target;
}

/** Writes the F × d embeddings as d × F to the buffer `transposed`. */
function transpose(embeddings: usize): void {
  const d = deepDim();
  for (let f: u32 = 0; f < fields; f++) {
    let target = transposed + 4 * f;
    for (let k: u32 = 0; k < d; k++) {
      store<f32>(target, load<f32>(embeddings));
      embeddings += 4;
      target += 4 * fields;
    }
  }
}
