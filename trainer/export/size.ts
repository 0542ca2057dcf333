import { bucketBits } from "../../format/blob.ts";
import { MAX_BLOB_BYTES, MAX_EMBEDDING_DIM, MAX_LAYER_INPUTS, PAD_OUTPUTS, TYPE_I8 } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { packedBytes, padTo } from "../../format/layer.ts";
import { rowStride } from "../../format/row.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { resolveSpec, SMALLEST_LOG } from "../data/default-settings.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { MODELS } from "../model/zoo/index.ts";
import { bytesText } from "../terminal/table.ts";
import { denseTypeOf, type Quantization, rowTypeOf } from "./quantization.ts";
import { countHotRows } from "./rows.ts";

/**
 * Throws FormatError where the blob of a model that is yet to be trained would be too large, or its vectors or layers
 * longer than a blob's. Without a vocabulary only those sizes are counted that follow from the spec.
 */
export function checkBlobSize(spec: FeatureSpec, quantization: Quantization, vocabulary?: Vocabulary): void {
  const type = denseTypeOf(quantization);
  const resolved = resolveSpec(spec, SMALLEST_LOG);
  const { rowDim, networks = [] } = MODELS[spec.model.type](resolved);
  if (rowDim > MAX_EMBEDDING_DIM)
    throw new FormatError(
      `${spec.name}: model.embeddingDim`,
      `got ${resolved.model.embeddingDim}, which makes rows of ${rowDim} numbers in the model ${spec.model.type}, ` +
        `expected at most ${MAX_EMBEDDING_DIM}`,
    );
  const inputs = Math.max(0, ...networks.map((network) => network.inputs));
  if (inputs > MAX_LAYER_INPUTS)
    throw new FormatError(
      spec.name,
      `got a first layer of ${inputs} inputs in the model ${spec.model.type}, expected at most ${MAX_LAYER_INPUTS}: ` +
        "fewer fields, or a smaller embeddingDim",
    );
  let layers = 0;
  for (const { inputs, hidden, outputs, isTower } of networks) {
    let width = inputs;
    for (const units of isTower ? [...hidden, outputs] : hidden) {
      const floats = (type === TYPE_I8 ? 2 : 1) * padTo(units, PAD_OUTPUTS);
      layers += packedBytes(type, width, units) + 4 * floats;
      width = units;
    }
  }
  const stride = rowStride(rowTypeOf(quantization), rowDim);
  const hot = vocabulary ? countHotRows(spec, vocabulary, stride) : 0;
  const rows = spec.fields.length * stride + hot * (8 + stride) + 4 * 2 ** bucketBits(hot);
  if (layers + rows <= MAX_BLOB_BYTES) return;
  throw new FormatError(
    spec.name,
    `got a blob of at least ${bytesText(layers + rows)} ` +
      `(hidden layers ${bytesText(layers)}, rows ${bytesText(rows)} as ${quantization}), ` +
      `expected at most ${bytesText(MAX_BLOB_BYTES)}: fewer hidden units, a smaller embeddingDim, ` +
      `a smaller rows.blobBytes, or no field whose store is "blob"`,
  );
}
