// Ranking: one context, many candidates. What the fields of the context add to the logit, to the sums of FM and to
// the sums of the first layer is computed once, and so is the vector of their tower. A candidate gets the score that
// its whole record would get, to the bit, unless the first layer is float32, which sums the context's inputs before
// the item's.
//
// Candidates may also be items of a catalogue, whose part was computed at export. Their scores differ from those of
// whole records by the rounding of float32 sums in another order.
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
import { contextRunCount, fieldRunCount } from "./field-runs";
import { fm, fmProduct, fmSums, storeSums } from "./fm";
import { deepOffset, itemAddress, itemCount, itemStride } from "./items";
import { addItemMlp, addMlp, prepareCandidate, sumContextInputs, sumItemInputs } from "./mlp";
import { bias, embeddingDim, fields, terms } from "./model";
import { finishScores } from "./score";
import { addCandidateTowers, prepareItemTower, runContextTower, runItemTower, towerProduct } from "./towers";

/** Whether the context that was taken last is still there. */
let hasContext = false;
/** bias + Σ value · w over the context's entries. */
let contextLogit: f32 = 0;
/** The FM term of the context's fields alone; 0 without FM. */
let contextFm: f32 = 0;

/** Forgets the context, so that candidates are refused until the next one is taken. */
export function forgetContext(): void {
  hasContext = false;
}

/** Takes the context from record 0 of a checked batch; its entries of the item's fields are ignored. */
export function takeContext(): void {
  contextLogit = bias;
  contextFm = 0;
  if (terms & TERM_LINEAR) contextLogit += linear(0, 0, contextRunCount);
  if (terms & ~TERM_LINEAR) {
    memory.fill(contextEmbedding, 0, 4 * fields * embeddingDim);
    embed(0, 0, contextRunCount, contextEmbedding);
    if (terms & TERM_FM) {
      fmSums(contextEmbedding, contextRunCount, contextFmSums);
      contextFm = fm(contextEmbedding, fieldRunCount, contextFmSums);
    }
    if (terms & TERM_MLP) sumContextInputs();
    if (terms & TERM_TOWERS) runContextTower(contextEmbedding);
  }
  hasContext = true;
}

/**
 * Scores the records of a checked batch as candidates with the context that was taken; their own entries of the
 * context's fields are ignored. Returns a CALL_* code.
 */
export function scoreWithContext(records: u32): i32 {
  if (!hasContext) return CALL_NO_CONTEXT;
  if (terms & ~TERM_LINEAR) memory.copy(embedding, contextEmbedding, 4 * fields * embeddingDim);
  for (let r: u32 = 0; r < records; r++) {
    let logit = contextLogit;
    if (terms & TERM_LINEAR) logit += linear(r, contextRunCount, fieldRunCount);
    if (terms & ~TERM_LINEAR) {
      embed(r, contextRunCount, fieldRunCount, embedding);
      if (terms & TERM_FM) logit += fm(embedding, contextRunCount, contextFmSums);
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

/**
 * Writes the item's record (items.ts) of record 0 of a checked batch to `itemRecord`; its entries of the context's
 * fields are ignored. The context is lost.
 */
export function makeItemRecord(): void {
  memory.fill(itemRecord, 0, itemStride);
  let logit: f32 = 0;
  if (terms & TERM_LINEAR) logit += linear(0, contextRunCount, fieldRunCount);
  if (terms & ~TERM_LINEAR) {
    memory.fill(embedding, 0, 4 * fields * embeddingDim);
    embed(0, contextRunCount, fieldRunCount, embedding);
    if (terms & TERM_FM) {
      logit += fm(embedding, contextRunCount, zeroFmSums);
      // The sums over all fields are those over the item's, as the embeddings of the context are zeros here. The
      // buffer is free, since the next context writes its own sums there.
      fmSums(embedding, fieldRunCount, contextFmSums);
      storeSums(contextFmSums, itemRecord + ITEM_VECTORS);
    }
    if (terms & TERM_MLP) sumItemInputs(itemRecord + deepOffset());
    if (terms & TERM_TOWERS) {
      prepareItemTower(0, 1);
      runItemTower(itemRecord + deepOffset());
    }
  }
  store<f32>(itemRecord, logit, ITEM_LOGIT);
  hasContext = false;
}

/** Scores `count` items of the catalogue, whose numbers are at `addresses`, with the context. Returns a CALL_* code. */
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
