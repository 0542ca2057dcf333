// The two towers: each makes a vector of D numbers from the fields of its side, the sum of their embeddings plus an MLP
// over them. The logit has the inner product of the two.
import { SIDE_CONTEXT, SIDE_ITEM } from "../../format/constants";
import { MAX_BATCH } from "../../runtime/abi";
import { deepInputs, embedding, firstInputs, itemInputs, logits, towerVectors } from "./buffers";
import { layerAddress, paddedOutputsOf, padOutputs } from "./layers";
import { contextLayers, embeddingDim, fields, layerCount, sideOf } from "./model";
import { firstWord, wordStride } from "./panels";
import { storeInputs } from "./quantize";
import { runLayers } from "./run-layers";
import { add, copy, dot } from "./vectors";

/** Makes the inputs of both towers of record r of so many from its embeddings, and begins its vectors with their sums. */
export function prepareTowers(r: u32, records: u32): void {
  prepareTower(embedding, r, records, SIDE_CONTEXT, layerAddress(0), firstInputs);
  prepareItemTower(r, records);
}

/** The same of the item's tower alone. */
export function prepareItemTower(r: u32, records: u32): void {
  prepareTower(embedding, r, records, SIDE_ITEM, layerAddress(contextLayers), itemInputs);
}

/** Adds ⟨u, i⟩ to the logits. */
export function addTowers(records: u32): void {
  finishTower(SIDE_CONTEXT, 0, contextLayers, firstInputs, records);
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, records);
  for (let r: u32 = 0; r < records; r++) addProduct(r, vectorOf(SIDE_CONTEXT, r));
}

/** Makes the context's vector from its embeddings, for the candidates that follow. */
export function runContextTower(embeddings: usize): void {
  prepareTower(embeddings, 0, 1, SIDE_CONTEXT, layerAddress(0), firstInputs);
  finishTower(SIDE_CONTEXT, 0, contextLayers, firstInputs, 1);
  copy(contextVector(), vectorOf(SIDE_CONTEXT, 0), padOutputs(embeddingDim));
}

/** Adds ⟨u, i⟩ to the candidates' logits, u the context's. */
export function addCandidateTowers(records: u32): void {
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, records);
  for (let r: u32 = 0; r < records; r++) addProduct(r, contextVector());
}

/** Writes the item's vector of record 0 of a batch of one, prepared already, to `target`: D f32, padded. */
export function runItemTower(target: usize): void {
  finishTower(SIDE_ITEM, contextLayers, layerCount, itemInputs, 1);
  copy(target, vectorOf(SIDE_ITEM, 0), padOutputs(embeddingDim));
}

/** ⟨u, i⟩, u the context's vector and i one that `runItemTower` wrote. */
export function towerProduct(i: usize): f32 {
  return dot(contextVector(), i, padOutputs(embeddingDim));
}

function addProduct(r: u32, u: usize): void {
  const product = dot(u, vectorOf(SIDE_ITEM, r), padOutputs(embeddingDim));
  store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + product);
}

function prepareTower(embeddings: usize, r: u32, records: u32, side: u32, layer: usize, inputs: usize): void {
  const vector = vectorOf(side, r);
  memory.fill(vector, 0, 4 * padOutputs(embeddingDim));
  let end = deepInputs;
  for (let f: u32 = 0; f < fields; f++) {
    if (sideOf(f) !== side) continue;
    const e = embeddings + 4 * f * embeddingDim;
    add(vector, e, embeddingDim);
    copy(end, e, embeddingDim);
    end += 4 * embeddingDim;
  }
  storeInputs(layer, deepInputs, end, firstWord(layer, inputs, records, r), wordStride(records, r));
}

/** Adds the outputs of layers [first, end) to the side's vectors. */
function finishTower(side: u32, first: u32, end: u32, inputs: usize, records: u32): void {
  const stride = 4 * paddedOutputsOf(layerAddress(end - 1));
  let outputs = runLayers(first, end, inputs, records);
  for (let r: u32 = 0; r < records; r++) {
    add(vectorOf(side, r), outputs, embeddingDim);
    outputs += stride;
  }
}

/** Record r's vector: D f32, and zeros to the width of a layer's outputs. */
function vectorOf(side: u32, r: u32): usize {
  return towerVectors + 4 * padOutputs(embeddingDim) * (2 * r + side);
}

/** The context's vector, after those of a batch. */
function contextVector(): usize {
  return vectorOf(SIDE_CONTEXT, MAX_BATCH);
}
