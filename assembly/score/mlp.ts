// The MLP. Its inputs are made record by record, its term of the logit for the whole batch.
import { PRODUCT_INNER, PRODUCT_OUTER } from "../../format/constants";
import {
  contextEmbedding,
  contextSums,
  deepInputs,
  embedding,
  firstInputs,
  itemRuns,
  itemSums,
  logits,
  oddOutputs,
} from "./buffers";
import { itemRunCount } from "./item-inputs";
import { layerAddress, outputWeights, paddedOutputsOf, padOutputs, wordsOf } from "./layers";
import { deepDim, embeddingDim, fields, layerCount, mlpFrom, mlpWidth, products } from "./model";
import { firstWord, wordStride } from "./panels";
import { innerProducts, outerProducts } from "./products";
import { storeInputs, storeMasked } from "./quantize";
import { finishSums, runLayers, sumLayer } from "./run-layers";
import { f32_copy, f32_dot } from "./vectors";

/** Makes the inputs of layer 0 for record r of a batch of `records`, from the embeddings in `embedding`. */
export function prepareMlp(r: u32, records: u32): void {
  const layer = layerAddress(0);
  const target = firstWord(layer, firstInputs, records, r);
  storeInputs(layer, inputsFrom(embedding), inputsEnd, target, wordStride(records, r));
}

/**
 * Makes the item's inputs of layer 0 for record r of a batch of `records`: the words in `itemRuns`, with zeros for the
 * context's inputs among them.
 */
export function prepareCandidate(r: u32, records: u32): void {
  const layer = layerAddress(0);
  const source = inputsFrom(embedding);
  const target = firstWord(layer, firstInputs, records, r);
  for (let run: u32 = 0; run < itemRunCount; run++) {
    const first = load<u32>(itemRuns + 8 * run);
    const end = load<u32>(itemRuns + 8 * run, 4);
    storeMasked(layer, source, first, end, 0, target, wordStride(records, r));
  }
}

/** Writes the sums of layer 0 over the context's inputs, with zeros for the item's, to `contextSums`. */
export function sumContextInputs(): void {
  const layer = layerAddress(0);
  const source = inputsFrom(contextEmbedding);
  memory.fill(inputsEnd, 0, 4 * (padOutputs(mlpWidth()) - mlpWidth()));
  storeMasked(layer, source, 0, wordsOf(layer), u32.MAX_VALUE, firstInputs, 4);
  sumLayer(layer, firstInputs, contextSums);
}

/** Writes the sums of layer 0 over the item's inputs, with zeros for the context's, to `target`. */
export function sumItemInputs(target: usize): void {
  const layer = layerAddress(0);
  storeMasked(layer, inputsFrom(embedding), 0, wordsOf(layer), 0, firstInputs, 4);
  sumLayer(layer, firstInputs, target);
}

/** Where the inputs that `inputsFrom` returned last end. */
let inputsEnd: usize = 0;

/**
 * The address of one record's float32 inputs of layer 0, made from its embeddings, F × D: the last d elements of
 * each, then the inner products, then the outer products.
 */
function inputsFrom(embeddings: usize): usize {
  const d = deepDim();
  let source = embeddings;
  inputsEnd = embeddings + 4 * fields * embeddingDim;
  if (mlpFrom !== 0 || products !== 0) {
    source = deepInputs;
    inputsEnd = deepInputs;
    for (let f: u32 = 0; f < fields; f++) {
      f32_copy(inputsEnd, embeddings + 4 * (f * embeddingDim + mlpFrom), d);
      inputsEnd += 4 * d;
    }
    if (products & PRODUCT_INNER) inputsEnd = innerProducts(deepInputs, inputsEnd);
    if (products & PRODUCT_OUTER) inputsEnd = outerProducts(deepInputs, inputsEnd);
  }
  return source;
}

/**
 * Adds the output of the MLP to the logits. `shared`: the records are candidates, and begin with the context's sums.
 */
export function addMlp(records: u32, shared: bool): void {
  addOutput(runLayers(0, layerCount, firstInputs, records, shared), records);
}

/**
 * Adds the output of the MLP to the logits of precomputed items, whose sums of layer 0 are at the addresses in
 * `itemSums`.
 */
export function addItemMlp(records: u32): void {
  finishSums(itemSums, oddOutputs, records);
  addOutput(runLayers(1, layerCount, oddOutputs, records), records);
}

/** Adds the output unit, on the last layer's outputs at `h`, to the logits. Its bias is the model's. */
function addOutput(h: usize, records: u32): void {
  const units = paddedOutputsOf(layerAddress(layerCount - 1));
  for (let r: u32 = 0; r < records; r++) {
    store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + f32_dot(h, outputWeights(), units));
    h += 4 * units;
  }
}
