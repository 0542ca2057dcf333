// One context, many candidates: what the context's fields add to the logit, to the sums of FM and to those of the first
// layer is computed once, and so is their tower. A candidate's score has the bits that its whole record's has, but for
// first layers of float32: those sum the context's inputs before the item's. Candidates may be items of a catalogue too, whose
// own share was computed at export: their scores differ by what the order of float32 sums makes.
import { ITEM_LOGIT, ITEM_VECTORS, TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../../format/constants";
import { CALL_BAD_ADDRESS, CALL_NO_CONTEXT, CALL_OK } from "../../runtime/abi";
import {
  addresses,
  contextEmbedding,
  contextFmSums,
  embedding,
  itemRecord,
  itemSums,
  logits,
  zeroFmSums,
} from "./buffers";
import { embed, linear } from "./embed";
import { contextRuns, runCount } from "./field-runs";
import { fm, fmProduct, fmSums, storeSums } from "./fm";
import { deepOffset, itemAddress, itemCount, itemStride } from "./items";
import { addItemMlp, addMlp, prepareCandidate, shareContext, shareItem } from "./mlp";
import { bias, embeddingDim, fields, terms } from "./model";
import { finishScores } from "./score";
import { addCandidateTowers, prepareItemTower, runContextTower, runItemTower, towerProduct } from "./towers";

let hasContext = false;
/** bias + Σ value · w over the context's entries. */
let contextLogit: f32 = 0;
/** FM among the context's fields; 0 without FM. */
let contextFm: f32 = 0;

export function forgetContext(): void {
  hasContext = false;
}

/** Takes the context from record 0 of a checked batch; its entries of the item's fields are not looked at. */
export function takeContext(): void {
  contextLogit = bias;
  contextFm = 0;
  if (terms & TERM_LINEAR) contextLogit += linear(0, 0, contextRuns);
  if (terms & ~TERM_LINEAR) {
    memory.fill(contextEmbedding, 0, 4 * fields * embeddingDim);
    embed(0, 0, contextRuns, contextEmbedding);
    if (terms & TERM_FM) {
      fmSums(contextEmbedding, contextRuns, contextFmSums);
      contextFm = fm(contextEmbedding, runCount, contextFmSums);
    }
    if (terms & TERM_MLP) shareContext();
    if (terms & TERM_TOWERS) runContextTower(contextEmbedding);
  }
  hasContext = true;
}

/** Scores the records of a checked batch with that context; their own entries of its fields are not looked at. */
export function scoreWithContext(records: u32): i32 {
  if (!hasContext) return CALL_NO_CONTEXT;
  if (terms & ~TERM_LINEAR) memory.copy(embedding, contextEmbedding, 4 * fields * embeddingDim);
  for (let r: u32 = 0; r < records; r++) {
    let logit = contextLogit;
    if (terms & TERM_LINEAR) logit += linear(r, contextRuns, runCount);
    if (terms & ~TERM_LINEAR) {
      embed(r, contextRuns, runCount, embedding);
      if (terms & TERM_FM) logit += fm(embedding, contextRuns, contextFmSums);
      if (terms & TERM_MLP) prepareCandidate(r, records);
      if (terms & TERM_TOWERS) prepareItemTower(r, records);
    }
    store<f32>(logits + 4 * r, logit);
  }
  if (terms & TERM_MLP) addMlp(records, true);
  if (terms & TERM_TOWERS) addCandidateTowers(records);
  finishScores(records);
  return CALL_OK;
}

/** Computes what record 0 of a checked batch adds to the score of any context, into `itemRecord`; only its item's fields count. */
export function shareOfItem(): void {
  memory.fill(itemRecord, 0, itemStride);
  let logit: f32 = 0;
  if (terms & TERM_LINEAR) logit += linear(0, contextRuns, runCount);
  if (terms & ~TERM_LINEAR) {
    memory.fill(embedding, 0, 4 * fields * embeddingDim);
    embed(0, contextRuns, runCount, embedding);
    if (terms & TERM_FM) {
      logit += fm(embedding, contextRuns, zeroFmSums);
      // The context's embeddings are zeros here. Its sums are computed anew for every context.
      fmSums(embedding, runCount, contextFmSums);
      storeSums(contextFmSums, itemRecord + ITEM_VECTORS);
    }
    if (terms & TERM_MLP) shareItem(itemRecord + deepOffset());
    if (terms & TERM_TOWERS) {
      prepareItemTower(0, 1);
      runItemTower(itemRecord + deepOffset());
    }
  }
  store<f32>(itemRecord, logit, ITEM_LOGIT);
  hasContext = false;
}

/** Scores items of the catalogue, whose numbers are at `addresses`, with the context. */
export function scoreCatalogue(count: u32): i32 {
  if (!hasContext) return CALL_NO_CONTEXT;
  for (let i: u32 = 0; i < count; i++) if (load<u32>(addresses + 4 * i) >= itemCount) return CALL_BAD_ADDRESS;
  for (let i: u32 = 0; i < count; i++) {
    const item = itemAddress(load<u32>(addresses + 4 * i));
    let logit = contextLogit + (contextFm + load<f32>(item, ITEM_LOGIT));
    if (terms & TERM_FM) logit += fmProduct(contextFmSums, item + ITEM_VECTORS);
    if (terms & TERM_TOWERS) logit += towerProduct(item + deepOffset());
    store<f32>(logits + 4 * i, logit);
    store<u32>(itemSums + 4 * i, <u32>item + deepOffset());
  }
  if (terms & TERM_MLP) addItemMlp(count);
  finishScores(count);
  return CALL_OK;
}
