// The factorization machine's second-order term, ½ Σ_j [(Σ_f e_fj)² − Σ_f e_fj²] over the first fmDim of D elements.
// It is the sum of ⟨e_f, e_g⟩ over all pairs of fields, in O(F·fmDim): Rendle, "Factorization Machines", 2010, lemma
// 3.1. In every variant fields are summed in the order of their runs (field-runs.ts), and elements in order of j.
//
// "FM sums" are Σ_f e_fj and Σ_f e_fj² over some of the fields, in groups of four elements j: four Σ_f e_fj, and then
// four Σ_f e_fj².
import { endField, fieldRunCount, firstField } from "./field-runs";
import { embeddingDim, fmDim } from "./model";

/** The term of one record's embeddings, F × D f32. `start`: the FM sums over the fields in runs [0, first). */
export function fm(embeddings: usize, first: u32, start: usize): f32 {
  const stride = 4 * embeddingDim;
  let twice: f32 = 0;
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + 8 <= fmDim; j += 8) {
      let sum0 = v128.load(start + 8 * j);
      let squares0 = v128.load(start + 8 * j, 16);
      let sum1 = v128.load(start + 8 * j, 32);
      let squares1 = v128.load(start + 8 * j, 48);
      for (let run = first; run < fieldRunCount; run++) {
        const end = embeddings + 4 * j + endField(run) * stride;
        for (let at = embeddings + 4 * j + firstField(run) * stride; at < end; at += stride) {
          const e0 = v128.load(at);
          const e1 = v128.load(at, 16);
          sum0 = f32x4.add(sum0, e0);
          sum1 = f32x4.add(sum1, e1);
          squares0 = f32x4.add(squares0, f32x4.mul(e0, e0));
          squares1 = f32x4.add(squares1, f32x4.mul(e1, e1));
        }
      }
      twice = addLanes(twice, f32x4.sub(f32x4.mul(sum0, sum0), squares0));
      twice = addLanes(twice, f32x4.sub(f32x4.mul(sum1, sum1), squares1));
    }
  }
  for (; j < fmDim; j++) {
    let sum = load<f32>(sumAt(start, j));
    let squares = load<f32>(sumAt(start, j), 16);
    for (let run = first; run < fieldRunCount; run++) {
      const end = embeddings + 4 * j + endField(run) * stride;
      for (let at = embeddings + 4 * j + firstField(run) * stride; at < end; at += stride) {
        const e = load<f32>(at);
        sum += e;
        squares += e * e;
      }
    }
    twice += sum * sum - squares;
  }
  return 0.5 * twice;
}

/** Writes the FM sums over the fields in runs [0, end) of one record's embeddings, F × D f32, to `target`. */
export function fmSums(embeddings: usize, end: u32, target: usize): void {
  for (let j: u32 = 0; j < fmDim; j++) {
    let sum: f32 = 0;
    let squares: f32 = 0;
    for (let run: u32 = 0; run < end; run++) {
      for (let f = firstField(run); f < endField(run); f++) {
        const e = load<f32>(embeddings + 4 * (f * embeddingDim + j));
        sum += e;
        squares += e * e;
      }
    }
    store<f32>(sumAt(target, j), sum);
    store<f32>(sumAt(target, j), squares, 16);
  }
}

/**
 * Σ_j s_j · t_j, the part of ½ Σ_j (s_j + t_j)² that neither side has alone. s_j: the Σ e among the FM sums at
 * `sums`. t_j: the numbers at `others`, fmDim f32.
 */
export function fmProduct(sums: usize, others: usize): f32 {
  let product: f32 = 0;
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + 4 <= fmDim; j += 4) {
      product = addLanes(product, f32x4.mul(v128.load(sums + 8 * j), v128.load(others + 4 * j)));
    }
  }
  for (; j < fmDim; j++) product += load<f32>(sumAt(sums, j)) * load<f32>(others + 4 * j);
  return product;
}

/** Writes the Σ e among the FM sums at `sums` to `target`, fmDim f32. */
export function storeSums(sums: usize, target: usize): void {
  for (let j: u32 = 0; j < fmDim; j++) store<f32>(target + 4 * j, load<f32>(sumAt(sums, j)));
}

/** The address of Σ e of element j; that of Σ e² is 16 bytes on. */
function sumAt(sums: usize, j: u32): usize {
  return sums + 32 * (j >>> 2) + 4 * (j & 3);
}

/** `sum` plus the four lanes, one after the other. */
function addLanes(sum: f32, lanes: v128): f32 {
  sum += f32x4.extract_lane(lanes, 0);
  sum += f32x4.extract_lane(lanes, 1);
  sum += f32x4.extract_lane(lanes, 2);
  return sum + f32x4.extract_lane(lanes, 3);
}
