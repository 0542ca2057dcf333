import type { ResolvedSpec } from "../../../format/spec.ts";
import type { Batch, EngineFactory } from "../../../trainer/model/engine.ts";
import type { Model } from "../../../trainer/model/model.ts";
import type { Parameters } from "../../../trainer/model/parameters.ts";
import {
  type OnMoments,
  type ReferenceRecord,
  type ReferenceWeights,
  referenceInBatchLoss,
  referenceLogits,
  referenceLoss,
  referenceVectors,
} from "./reference.ts";

/** The step of a central difference, so small that it hardly ever crosses a kink of ReLU. */
const STEP = 1e-6;

/** An engine in float64 that computes the reference's equations. Its gradients are central differences of the loss. */
export function referenceEngine(spec: ResolvedSpec): EngineFactory {
  return (model) => ({
    gradients(batch) {
      const weights = weightsOf(spec, model, batch);
      const batchStats = new Float32Array(model.runningStats.values.length);
      const loss = lossOf(weights, batch, true, (layer, { mean, variance }) => {
        model.runningStats.view(`${layer}.mean`, batchStats).set(Array.from(mean));
        model.runningStats.view(`${layer}.variance`, batchStats).set(Array.from(variance));
      });
      const slopes = (list: Float64Array): Float64Array =>
        list.map((kept, i) => {
          const lossAt = (value: number): number => {
            list[i] = value;
            return lossOf(weights, batch, true);
          };
          const slope = (lossAt(kept + STEP) - lossAt(kept - STEP)) / (2 * STEP);
          list[i] = kept;
          return slope;
        });
      const dense = new Float32Array(model.parameters.values.length);
      for (const [name, values] of weights.dense) model.parameters.view(name, dense).set(slopes(values));
      const rows = slopes(weights.rows);
      return {
        loss,
        dense,
        dEmbeddings: Float32Array.from(rows.filter((_, i) => i % (batch.dim + 1) > 0)),
        dLinear: Float32Array.from(rows.filter((_, i) => i % (batch.dim + 1) === 0)),
        batchStats,
      };
    },
    logits: (batch) => Float32Array.from(referenceLogits(weightsOf(spec, model, batch), recordsOf(batch), false)),
    vectors(batch) {
      const { context, item } = referenceVectors(weightsOf(spec, model, batch), recordsOf(batch));
      return { context: Float32Array.from(context.flat()), item: Float32Array.from(item.flat()) };
    },
    ownLoss: (batch) => lossOf(weightsOf(spec, model, batch), batch, false),
  });
}

/** The model's weights, with a row for each field of each record: what the batch gathered for it. */
function weightsOf(
  spec: ResolvedSpec,
  model: Model,
  { size, fields, dim, embeddings, linear }: Batch,
): ReferenceWeights {
  const rows = new Float64Array(size * fields * (dim + 1));
  for (let row = 0; row < size * fields; row++) {
    rows[row * (dim + 1)] = linear[row];
    rows.set(embeddings.subarray(row * dim, (row + 1) * dim), row * (dim + 1) + 1);
  }
  return { spec, dim, rows, dense: copies(model.parameters), runningStats: copies(model.runningStats) };
}

function copies(parameters: Parameters): Map<string, Float64Array> {
  return new Map([...parameters.shapes.keys()].map((name) => [name, Float64Array.from(parameters.view(name))]));
}

function recordsOf({ size, fields }: Batch): ReferenceRecord[] {
  return Array.from({ length: size }, (_, b) =>
    Array.from({ length: fields }, (_, f) => [{ row: b * fields + f, x: 1 }]),
  );
}

function lossOf(weights: ReferenceWeights, batch: Batch, training: boolean, onMoments?: OnMoments): number {
  const records = recordsOf(batch);
  if (batch.items === null) {
    const labels = Array.from(batch.labels.subarray(0, batch.size));
    return referenceLoss(referenceLogits(weights, records, training, onMoments), labels);
  }
  const { rows, logShares } = batch.items;
  const shares: number[] = [];
  rows.forEach((row, b) => {
    if (row >= 0) shares[row] = Math.exp(logShares[b]);
  });
  return referenceInBatchLoss(weights, records, shares, Array.from(rows), training, onMoments);
}
