// The forward pass of a batch: ŷ = sigmoid(bias + linear + FM + MLP or towers), with the terms that the model has.
import { TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../../format/constants";
import { CALL_BAD_ADDRESS, CALL_BAD_COUNT, CALL_BAD_OFFSETS, CALL_OK, MAX_BATCH, MAX_ENTRIES } from "../../runtime/abi";
import { f32_sigmoid__scalar } from "./activation";
import { addresses, arena, embedding, logits, offsets, scores, zeroFmSums } from "./buffers";
import { embed, linear } from "./embed";
import { contextRunCount, fieldRunCount } from "./field-runs";
import { fm } from "./fm";
import { addMlp, prepareMlp } from "./mlp";
import { bias, fields, terms } from "./model";
import { isRow } from "./rows";
import { addTowers, prepareTowers } from "./towers";

/** Checks all that the host wrote for a batch. After CALL_OK, every address that is read is that of a row. */
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

/** Writes the logits and scores of a checked batch. */
export function scoreBatch(records: u32): void {
  for (let r: u32 = 0; r < records; r++) {
    let logit = bias;
    // The sums of the two sides are made one after the other, so that the bits are those of rank.ts.
    if (terms & TERM_LINEAR) logit = logit + linear(r, 0, contextRunCount) + linear(r, contextRunCount, fieldRunCount);
    if (terms & ~TERM_LINEAR) {
      // A buffer for one record's embeddings is enough, and stays in the cache: the MLP and the towers copy what they
      // take.
      embed(r, 0, fieldRunCount, embedding);
      if (terms & TERM_FM) logit += fm(embedding, 0, zeroFmSums);
      if (terms & TERM_MLP) prepareMlp(r, records);
      if (terms & TERM_TOWERS) prepareTowers(r, records);
    }
    store<f32>(logits + 4 * r, logit);
  }
  if (terms & TERM_MLP) addMlp(records, false);
  if (terms & TERM_TOWERS) addTowers(records);
  finishScores(records);
}

/** Writes the scores, the sigmoids of the logits. */
export function finishScores(records: u32): void {
  for (let r: u32 = 0; r < records; r++) store<f32>(scores + 4 * r, f32_sigmoid__scalar(load<f32>(logits + 4 * r)));
}
