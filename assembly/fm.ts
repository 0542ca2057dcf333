// The factorisation machine's second-order term.
import { embeddingDim, fields, fmDim } from "./model";

/**
 * ½ Σ_j [(Σ_f e_fj)² − Σ_f e_fj²] over the first fmDim of D elements of one record's embeddings, F × D f32: the sum over pairs of fields of ⟨e_f, e_g⟩ in
 * O(F·fmDim). Rendle, "Factorization Machines", 2010, lemma 3.1. Columns are summed in order of j in every variant.
 */
export function fm(embeddings: usize): f32 {
  const stride = 4 * embeddingDim;
  const end = embeddings + fields * stride;
  let twice: f32 = 0;
  let j: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    for (; j + 4 <= fmDim; j += 4) {
      let sum = f32x4.splat(0);
      let squares = f32x4.splat(0);
      for (let at = embeddings + 4 * j; at < end; at += stride) {
        const e = v128.load(at);
        sum = f32x4.add(sum, e);
        squares = f32x4.add(squares, f32x4.mul(e, e));
      }
      const terms = f32x4.sub(f32x4.mul(sum, sum), squares);
      twice += f32x4.extract_lane(terms, 0);
      twice += f32x4.extract_lane(terms, 1);
      twice += f32x4.extract_lane(terms, 2);
      twice += f32x4.extract_lane(terms, 3);
    }
  }
  for (; j < fmDim; j++) {
    let sum: f32 = 0;
    let squares: f32 = 0;
    for (let at = embeddings + 4 * j; at < end; at += stride) {
      const e = load<f32>(at);
      sum += e;
      squares += e * e;
    }
    twice += sum * sum - squares;
  }
  return 0.5 * twice;
}
