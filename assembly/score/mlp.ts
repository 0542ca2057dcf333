// The MLP: its inputs record by record, its term of the logit batch by batch.
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
import { copy, dot } from "./vectors";

/** Makes the inputs of layer 0 of record r of so many from its embeddings. */
export function prepareMlp(r: u32, records: u32): void {
  const layer = layerAddress(0);
  const target = firstWord(layer, firstInputs, records, r);
  storeInputs(layer, inputsFrom(embedding), inputsEnd, target, wordStride(records, r));
}

/** The same of the item's inputs alone: their words in itemRuns, with zeros for the context's. */
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

/** Sums layer 0 over the inputs of the context, with zeros for the item's. */
export function shareContext(): void {
  const layer = layerAddress(0);
  const source = inputsFrom(contextEmbedding);
  memory.fill(inputsEnd, 0, 4 * (padOutputs(mlpWidth()) - mlpWidth()));
  storeMasked(layer, source, 0, wordsOf(layer), u32.MAX_VALUE, firstInputs, 4);
  sumLayer(layer, firstInputs, contextSums);
}

/** Sums layer 0 over the inputs of the item, with zeros for the context's, into `target`. */
export function shareItem(target: usize): void {
  const layer = layerAddress(0);
  storeMasked(layer, inputsFrom(embedding), 0, wordsOf(layer), 0, firstInputs, 4);
  sumLayer(layer, firstInputs, target);
}

/** Where the float32 inputs that `inputsFrom` returned end. */
let inputsEnd: usize = 0;

/** One record's inputs of layer 0: its embeddings' vectors for the MLP, then inner products, then outer ones. */
function inputsFrom(embeddings: usize): usize {
  const d = deepDim();
  let source = embeddings;
  inputsEnd = embeddings + 4 * fields * embeddingDim;
  if (mlpFrom !== 0 || products !== 0) {
    source = deepInputs;
    inputsEnd = deepInputs;
    for (let f: u32 = 0; f < fields; f++) {
      copy(inputsEnd, embeddings + 4 * (f * embeddingDim + mlpFrom), d);
      inputsEnd += 4 * d;
    }
    if (products & PRODUCT_INNER) inputsEnd = innerProducts(deepInputs, inputsEnd);
    if (products & PRODUCT_OUTER) inputsEnd = outerProducts(deepInputs, inputsEnd);
  }
  return source;
}

/** Adds the MLP's output unit to the logits. `shared`: of candidates, with a context's share. */
export function addMlp(records: u32, shared: bool): void {
  addOutput(runLayers(0, layerCount, firstInputs, records, shared), records);
}

/** The same of precomputed items, whose sums of layer 0 are at the addresses in `itemSums`. */
export function addItemMlp(records: u32): void {
  finishSums(itemSums, oddOutputs, records);
  addOutput(runLayers(1, layerCount, oddOutputs, records), records);
}

/** Adds the output unit over the last layer's outputs; its bias is the model's. */
function addOutput(h: usize, records: u32): void {
  const units = paddedOutputsOf(layerAddress(layerCount - 1));
  for (let r: u32 = 0; r < records; r++) {
    store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + dot(h, outputWeights(), units));
    h += 4 * units;
  }
}
