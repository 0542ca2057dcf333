// One context, many candidates: what the context's fields add to the logit, to the sums of FM and to those of the first
// layer is computed once, and so is their tower. A candidate's score has the bits that its whole record's has, but for
// first layers of float32: those sum the context's inputs before the item's.
import { CALL_NO_CONTEXT, CALL_OK, PART_FM, PART_LINEAR, PART_MLP, PART_TOWERS } from "../format/constants";
import { contextEmbedding, contextFmSums, embedding, logits } from "./buffers";
import { embed, linear } from "./embed";
import { fm, fmSums } from "./fm";
import { addMlp, prepareCandidate, shareContext } from "./mlp";
import { bias, embeddingDim, fields, parts } from "./model";
import { finishScores } from "./score";
import { contextRuns, runCount } from "./sides";
import { addCandidateTowers, prepareItemTower, runContextTower } from "./towers";

let hasContext = false;
/** bias + Σ value · w over the context's entries. */
let contextLogit: f32 = 0;

export function forgetContext(): void {
  hasContext = false;
}

/** Takes the context from record 0 of a checked batch; its entries of the item's fields are not looked at. */
export function takeContext(): void {
  contextLogit = bias;
  if (parts & PART_LINEAR) contextLogit += linear(0, 0, contextRuns);
  if (parts & ~PART_LINEAR) {
    memory.fill(contextEmbedding, 0, 4 * fields * embeddingDim);
    embed(0, 0, contextRuns, contextEmbedding);
    if (parts & PART_FM) fmSums(contextEmbedding, contextRuns, contextFmSums);
    if (parts & PART_MLP) shareContext();
    if (parts & PART_TOWERS) runContextTower(contextEmbedding);
  }
  hasContext = true;
}

/** Scores the records of a checked batch with that context; their own entries of its fields are not looked at. */
export function scoreItems(records: u32): i32 {
  if (!hasContext) return CALL_NO_CONTEXT;
  if (parts & ~PART_LINEAR) memory.copy(embedding, contextEmbedding, 4 * fields * embeddingDim);
  for (let r: u32 = 0; r < records; r++) {
    let logit = contextLogit;
    if (parts & PART_LINEAR) logit += linear(r, contextRuns, runCount);
    if (parts & ~PART_LINEAR) {
      embed(r, contextRuns, runCount, embedding);
      if (parts & PART_FM) logit += fm(embedding, contextRuns, contextFmSums);
      if (parts & PART_MLP) prepareCandidate(r, records);
      if (parts & PART_TOWERS) prepareItemTower(r, records);
    }
    store<f32>(logits + 4 * r, logit);
  }
  if (parts & PART_MLP) addMlp(records, true);
  if (parts & PART_TOWERS) addCandidateTowers(records);
  finishScores(records);
  return CALL_OK;
}
