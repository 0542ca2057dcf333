// The MLP: its inputs record by record, its term of the logit batch by batch.
import { PRODUCT_INNER, PRODUCT_OUTER } from "../format/constants";
import { deepInputs, embedding, firstInputs, logits } from "./buffers";
import { runLayers } from "./dense";
import { layerAddress, outputsOf, outputWeights } from "./layers";
import { deepDim, deepFrom, embeddingDim, fields, layerCount, products } from "./model";
import { firstWord, wordStride } from "./panels";
import { innerProducts, outerProducts } from "./products";
import { storeInputs } from "./quantise";
import { copy, dot } from "./vectors";

/** Makes the inputs of layer 0 of record r of so many from its embeddings: their deep parts, then inner products, then outer ones. */
export function prepareMlp(r: u32, records: u32): void {
  const layer = layerAddress(0);
  const target = firstWord(layer, firstInputs, records, r);
  const stride = wordStride(records, r);
  if (deepFrom === 0 && products === 0) {
    storeInputs(layer, embedding, embedding + 4 * fields * embeddingDim, target, stride);
    return;
  }
  const d = deepDim();
  let end = deepInputs;
  for (let f: u32 = 0; f < fields; f++) {
    copy(end, embedding + 4 * (f * embeddingDim + deepFrom), d);
    end += 4 * d;
  }
  if (products & PRODUCT_INNER) end = innerProducts(deepInputs, end);
  if (products & PRODUCT_OUTER) end = outerProducts(deepInputs, end);
  storeInputs(layer, deepInputs, end, target, stride);
}

/** Adds the MLP's output unit, whose bias is the model's, to the logits. */
export function addMlp(records: u32): void {
  const units = outputsOf(layerAddress(layerCount - 1));
  let h = runLayers(0, layerCount, firstInputs, records);
  for (let r: u32 = 0; r < records; r++) {
    store<f32>(logits + 4 * r, load<f32>(logits + 4 * r) + dot(h, outputWeights(), units));
    h += 4 * units;
  }
}
