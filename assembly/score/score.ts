// The forward pass of a batch: ŷ = f32_sigmoid__scalar(bias + linear + FM + MLP or towers), of these the terms that the model
// has.
import { TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../../format/constants";
import { CALL_BAD_ADDRESS, CALL_BAD_COUNT, CALL_BAD_OFFSETS, CALL_OK, MAX_BATCH, MAX_ENTRIES } from "../../runtime/abi";
import { f32_sigmoid__scalar } from "./activation";
import { addresses, arena, embedding, logits, offsets, scores, zeroFmSums } from "./buffers";
import { embed, linear } from "./embed";
import { contextRuns, runCount } from "./field-runs";
import { fm } from "./fm";
import { addMlp, prepareMlp } from "./mlp";
import { bias, fields, terms } from "./model";
import { isRow } from "./rows";
import { addTowers, prepareTowers } from "./towers";

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
  for (let r: u32 = 0; r < records; r++) {
    let logit = bias;
    // The context's sum and the item's apart, as in rank.ts.
    if (terms & TERM_LINEAR) logit = logit + linear(r, 0, contextRuns) + linear(r, contextRuns, runCount);
    if (terms & ~TERM_LINEAR) {
      // Embeddings are f32, and the vectors for the MLP take their own copy: one record's at a time are enough, in cache.
      embed(r, 0, runCount, embedding);
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

/** The probabilities of logits. */
export function finishScores(records: u32): void {
  for (let r: u32 = 0; r < records; r++) store<f32>(scores + 4 * r, f32_sigmoid__scalar(load<f32>(logits + 4 * r)));
}
