import * as tf from "../engine/tfjs.ts";

// How embeddings meet: FM's pairs, and the products of PNN. E stands for the fields' embeddings side by side, [B, F·d].

/**
 * Σ_f e_f, [B, d], as a product with F stacked identity matrices: on every backend it is faster than a sum over a
 * middle axis.
 */
export function sumFields(embeddings: tf.Tensor2D, fields: number): tf.Tensor2D {
  const d = embeddings.shape[1] / fields;
  return tf.matMul(embeddings, tf.tile(tf.eye(d), [fields, 1]) as tf.Tensor2D);
}

/** FM's second-order term, [B, 1]: ½Σ_j[(Σ_f e_fj)² − Σ_f e_fj²] (Rendle 2010, lemma 3.1). */
export function pairwise(embeddings: tf.Tensor2D, fields: number): tf.Tensor2D {
  const squareOfSum = sumFields(embeddings, fields).square().sum(1, true);
  const sumOfSquares = embeddings.square().sum(1, true);
  return squareOfSum.sub(sumOfSquares).mul(0.5) as tf.Tensor2D;
}

/** ⟨e_i, e_j⟩ for i < j in lexicographic order, [B, F(F − 1)/2]: IPNN's product layer (Qu et al. 2016, section 3.2). */
export function innerProducts(embeddings: tf.Tensor2D, fields: number): tf.Tensor2D {
  const [records, width] = embeddings.shape;
  const e = embeddings.reshape([records, fields, width / fields]);
  const all = tf.matMul(e, e, false, true).reshape([records, fields * fields]) as tf.Tensor2D;
  return pickColumns(all, upperTriangle(fields, 1));
}

/**
 * s_a · s_b for a ≤ b, with s = Σ_f e_f, [B, d(d + 1)/2]: OPNN's product layer (Qu et al. 2016, section 3.3). The sum
 * over all pairs of fields of their outer products is the matrix s·sᵀ. It is symmetric, so its upper triangle says all.
 */
export function outerProducts(embeddings: tf.Tensor2D, fields: number): tf.Tensor2D {
  const sum = sumFields(embeddings, fields);
  const [records, d] = sum.shape;
  const all = tf.matMul(sum.reshape([records, d, 1]), sum.reshape([records, 1, d]));
  return pickColumns(all.reshape([records, d * d]) as tf.Tensor2D, upperTriangle(d, 0));
}

/** Elements [from, to) of each field's vector: [B, F·D] → [B, F·(to − from)]. */
export function sliceFields(embeddings: tf.Tensor2D, fields: number, from: number, to: number): tf.Tensor2D {
  const width = embeddings.shape[1] / fields;
  if (to - from === width) return embeddings;
  const columns = Array.from(
    { length: fields * (to - from) },
    (_, i) => Math.floor(i / (to - from)) * width + from + (i % (to - from)),
  );
  return pickColumns(embeddings, columns);
}

/** The embeddings of some fields side by side. */
export function pickFields(embeddings: tf.Tensor2D, fields: number, picked: readonly number[]): tf.Tensor2D {
  const width = embeddings.shape[1] / fields;
  return pickColumns(
    embeddings,
    picked.flatMap((field) => Array.from({ length: width }, (_, j) => field * width + j)),
  );
}

/** The places, row by row, of an n × n matrix's elements that are at least `offset` columns right of the diagonal. */
function upperTriangle(n: number, offset: number): number[] {
  const places: number[] = [];
  for (let i = 0; i < n; i++) for (let j = i + offset; j < n; j++) places.push(i * n + j);
  return places;
}

/**
 * Some columns of x [B, N], each at most once. Its gradient is a gather as well, from dy with a column of zeros added.
 * TensorFlow.js's own gradient is a scatter, which the wasm backend lacks.
 */
export function pickColumns(x: tf.Tensor2D, columns: readonly number[]): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [input] = args as unknown as [tf.Tensor2D];
    const [records, width] = input.shape;
    return {
      value: tf.gather(input, tf.tensor1d([...columns], "int32"), 1),
      gradFunc: (dy) => {
        const back = new Int32Array(width).fill(columns.length);
        columns.forEach((column, i) => {
          back[column] = i;
        });
        const padded = tf.concat([dy as tf.Tensor2D, tf.zeros([records, 1])], 1);
        return [tf.gather(padded, tf.tensor1d(back, "int32"), 1)];
      },
    };
  });
  return op(x) as tf.Tensor2D;
}
