// The two towers. Each makes a vector of D numbers from the fields of its side: the sum of their embeddings, plus an
// MLP on them. The inner product of the two vectors, ⟨u, i⟩, is a term of the logit: u is the context's, i the
// item's.
import { SIDE_CONTEXT, SIDE_ITEM } from "../../format/constants";
import { MAX_BATCH } from "../../runtime/abi";
import { deepInputs, embedding, firstInputs, itemInputs, logits, towerVectors } from "./buffers";
import { layerAddress, paddedOutputsOf, padOutputs } from "./layers";
import { contextLayers, embeddingDim, fields, layerCount, sideOf } from "./model";
import { firstWord, wordStride } from "./panels";
import { storeInputs } from "./quantize";
import { runLayers } from "./run-layers";
import { f32_add, f32_copy, f32_dot } from "./vectors";

/**
 * Makes the inputs of both towers for record r of a batch of `records`, from the embeddings in `embedding`, and
 * begins the record's two vectors with the sums of the embeddings.
 */
export function prepareTowers(r: u32, records: u32): void {
  prepareTower(embedding, r, records, SIDE_CONTEXT, layerAddress(0), firstInputs);
  prepareItemTower(r, records);
}

/** Does for the item tower alone what `prepareTowers` does for both. */
export function prepareItemTower(r: u32, records: u32): void {
  prepareTower(embedding, r, records, SIDE_ITEM, layerAddress(contextLayers), itemInputs);
}

/** Runs both towers over a prepared batch and adds ⟨u, i⟩ to the logits. */
export function addTowers(records: u32): void {
  finishTower(SIDE_CONTEXT, 0, contextLayers, firstInputs, records);
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, records);
  for (let r: u32 = 0; r < records; r++) addProduct(r, vectorOf(SIDE_CONTEXT, r));
}

/** Makes the vector of the context, for the candidates that follow, from its embeddings. */
export function runContextTower(embeddings: usize): void {
  prepareTower(embeddings, 0, 1, SIDE_CONTEXT, layerAddress(0), firstInputs);
  finishTower(SIDE_CONTEXT, 0, contextLayers, firstInputs, 1);
  f32_copy(contextVector(), vectorOf(SIDE_CONTEXT, 0), padOutputs(embeddingDim));
}

/** Runs the item tower over a prepared batch of candidates and adds ⟨u, i⟩ to their logits. */
export function addCandidateTowers(records: u32): void {
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, records);
  for (let r: u32 = 0; r < records; r++) addProduct(r, contextVector());
}

/** Runs the item tower over a prepared batch of one record and writes its vector, D f32 and padding, to `target`. */
export function runItemTower(target: usize): void {
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, 1);
  f32_copy(target, vectorOf(SIDE_ITEM, 0), padOutputs(embeddingDim));
}

/** ⟨u, i⟩ of the context's vector and of the one at address i, which `runItemTower` wrote. */
export function towerProduct(i: usize): f32 {
  return f32_dot(contextVector(), i, padOutputs(embeddingDim));
}

/** Adds ⟨u, i⟩ to the logit of record r, with i the record's vector. */
function addProduct(r: u32, u: usize): void {
  const product = f32_dot(u, vectorOf(SIDE_ITEM, r), padOutputs(embeddingDim));
  store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + product);
}

/**
 * Makes the inputs of a tower for record r, from its embeddings F × D, and begins its vector. `layer`: the tower's
 * first. `inputs`: the buffer of the batch's inputs.
 */
function prepareTower(embeddings: usize, r: u32, records: u32, side: u32, layer: usize, inputs: usize): void {
  const vector = vectorOf(side, r);
  memory.fill(vector, 0, 4 * padOutputs(embeddingDim));
  let end = deepInputs;
  for (let f: u32 = 0; f < fields; f++) {
    if (sideOf(f) !== side) continue;
    const e = embeddings + 4 * f * embeddingDim;
    f32_add(vector, e, embeddingDim);
    f32_copy(end, e, embeddingDim);
    end += 4 * embeddingDim;
  }
  storeInputs(layer, deepInputs, end, firstWord(layer, inputs, records, r), wordStride(records, r));
}

/** Runs layers [first, end) and adds their outputs to the side's vectors of the batch. */
function finishTower(side: u32, first: u32, end: u32, inputs: usize, records: u32): void {
  const stride = 4 * paddedOutputsOf(layerAddress(end - 1));
  let outputs = runLayers(first, end, inputs, records);
  for (let r: u32 = 0; r < records; r++) {
    f32_add(vectorOf(side, r), outputs, embeddingDim);
    outputs += stride;
  }
}

/** The address of record r's vector on a side: D f32, and zeros as padding. */
function vectorOf(side: u32, r: u32): usize {
  return towerVectors + 4 * padOutputs(embeddingDim) * (2 * r + side);
}

/** The address of the ranking's context's vector, which follows those of a batch. */
function contextVector(): usize {
  return vectorOf(SIDE_CONTEXT, MAX_BATCH);
}
