// The forward pass of a batch: ŷ = sigmoid(bias + linear + FM + MLP), of these the parts that the model has.
import {
  CALL_BAD_ADDRESS,
  CALL_BAD_COUNT,
  CALL_BAD_OFFSETS,
  CALL_OK,
  MAX_BATCH,
  MAX_ENTRIES,
  PART_FM,
  PART_LINEAR,
  PART_MLP,
} from "../format/constants";
import { activationBytes, activations, addresses, arena, embedding, logits, offsets, scores } from "./buffers";
import { dense } from "./dense";
import { embed, linear } from "./embed";
import { fm } from "./fm";
import { inputsOf, isInt8, layerAddress, padOutputs } from "./layers";
import { bias, embeddingDim, fields, layerCount, parts } from "./model";
import { outputUnit, sigmoid } from "./output";
import { quantise } from "./quantise";
import { isRow } from "./rows";

/** Checks all that the host wrote for a batch; after CALL_OK no address that is read lies outside the rows. */
export function checkBatch(records: u32): i32 {
  if (records > <u32>MAX_BATCH) return CALL_BAD_COUNT;
  let last = load<u32>(offsets);
  if (last !== 0) return CALL_BAD_OFFSETS;
  for (let i: u32 = 1; i <= records * fields; i++) {
    const offset = load<u32>(offsets + 4 * i);
    if (offset < last) return CALL_BAD_OFFSETS;
    last = offset;
  }
  if (last > <u32>MAX_ENTRIES) return CALL_BAD_COUNT;
  for (let entry: u32 = 0; entry < last; entry++) {
    if (!isRow(load<u32>(addresses + 4 * entry), arena)) return CALL_BAD_ADDRESS;
  }
  return CALL_OK;
}

/** Scores a checked batch into `logits` and `scores`. */
export function scoreBatch(records: u32): void {
  for (let r: u32 = 0; r < records; r++) store<f32>(logits + 4 * r, shallow(r));
  if (parts & PART_MLP) {
    for (let i: u32 = 0; i < layerCount; i++) dense(i, records);
    const last = layerAddress(layerCount - 1);
    for (let r: u32 = 0; r < records; r++) {
      const h = activations(layerCount) + r * activationBytes(layerCount);
      store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + outputUnit(last, h));
    }
  }
  for (let r: u32 = 0; r < records; r++) store<f32>(scores + 4 * r, sigmoid(load<f32>(logits + 4 * r)));
}

/** bias + linear + FM of record r; leaves its embeddings as the first layer's inputs. */
function shallow(r: u32): f32 {
  let logit = bias;
  if (parts & PART_LINEAR) logit += linear(r);
  if (!(parts & (PART_FM | PART_MLP))) return logit;

  // Embeddings are f32. A first layer of int8 takes them quantised, so one record's at a time are enough, in cache.
  const width = padOutputs(fields * embeddingDim);
  const first = layerAddress(0);
  const toU7 = isInt8(first);
  const input = parts & PART_MLP ? activations(0) + r * activationBytes(0) : 0;
  const e = first !== 0 && !toU7 ? input : embedding;
  embed(r, e, 4 * width);
  if (toU7) quantise(first, e, inputsOf(first), input);
  if (parts & PART_FM) logit += fm(e);
  return logit;
}
