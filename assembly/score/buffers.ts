// The buffers behind the blob, laid out once per model: what the host fills, what it reads, and what a call computes.
import { TERM_MLP, TERM_TOWERS } from "../../format/constants";
import { ARENA_ROWS, MAX_BATCH, MAX_ENTRIES } from "../../runtime/abi";
import { alignUp, ensureMemory } from "../memory";
import { itemStride } from "./items";
import { inputBytes, layerAddress, paddedInputsOf, paddedOutputsOf, padOutputs, wordsOf } from "./layers";
import { contextLayers, deepDim, embeddingDim, fields, fmDim, layerCount, terms } from "./model";
import { rowStride } from "./rows";

/** MAX_ENTRIES row keys, u64. */
export let keysBuffer: usize = 0;
/** MAX_ENTRIES addresses of rows, u32. */
export let addresses: usize = 0;
/** MAX_ENTRIES values, f32. */
export let values: usize = 0;
/** MAX_BATCH · F + 1 entry numbers, u32. */
export let offsets: usize = 0;
/** ARENA_ROWS rows copied in from pages. */
export let arena: usize = 0;
/** MAX_BATCH f32. */
export let logits: usize = 0;
/** MAX_BATCH f32. */
export let scores: usize = 0;
/** The embeddings e₁ … e_F of one record, F × D f32, padded as the inputs of a layer are. */
export let embedding: usize = 0;
/** The embeddings of a ranking's context, laid out as `embedding`, with zeros for the item's fields. */
export let contextEmbedding: usize = 0;
/** At most F runs of fields, pairs of u32: field-runs.ts. */
export let fieldRuns: usize = 0;
/** The sums of FM over the context's fields: fm.ts. */
export let contextFmSums: usize = 0;
/** The sums of FM over no fields, all zeros. */
export let zeroFmSums: usize = 0;
/**
 * For each word of inputs of an MLP's first layer, a mask with ones in the bytes of the item's inputs:
 * item-inputs.ts.
 */
export let itemMasks: usize = 0;
/** The runs of words that hold an input of the item, pairs of u32: item-inputs.ts. */
export let itemRuns: usize = 0;
/** The sums of an MLP's first layer over the context's inputs, i32 or f32. */
export let contextSums: usize = 0;
/** One record's inputs of a first layer, f32, before quantization. */
export let deepInputs: usize = 0;
/** The transposed embeddings, d × F f32, from which the inner products are computed. */
export let transposed: usize = 0;
/** The sum of all fields' embeddings, d f32, from which the outer products are computed. */
export let fieldSum: usize = 0;
/** MAX_BATCH records' inputs of the first layer of the MLP, or of the context tower, in panels. */
export let firstInputs: usize = 0;
/** MAX_BATCH records' inputs of the first layer of the item tower, in panels. */
export let itemInputs: usize = 0;
/** MAX_BATCH records' outputs of layers 0, 2, … of the MLP or a tower, in panels of the next layer. */
export let evenOutputs: usize = 0;
/** MAX_BATCH records' outputs of layers 1, 3, … of the MLP or a tower, in panels of the next layer. */
export let oddOutputs: usize = 0;
/** One run, a pair of u32: all words of the layer at hand. */
export let wholeRun: usize = 0;
/** The sums of a tile, i32 or f32: 4 records × 8 outputs, or one record × 32. */
export let sums: usize = 0;
/** As many zeros, which sums begin with. */
export let zeroSums: usize = 0;
/**
 * Vectors of the towers, D f32 each, padded as the outputs of a layer are: those of the context tower and of the item
 * tower for MAX_BATCH records, then that of a ranking's context.
 */
export let towerVectors: usize = 0;

/** MAX_BATCH addresses, u32: where the sums of the first layer are, for each item of the catalogue that is scored. */
export let itemSums: usize = 0;
/** The item that was precomputed last: items.ts. */
export let itemRecord: usize = 0;

/** SIMD, which takes four floats at a time, may read and write this many after the end of embeddings and products. */
const SPARE_FLOATS = 3;

const TILE_SUM_BYTES = 4 * 32;

/** Lays all buffers out from `start` on and grows the memory for them; false if it cannot. */
export function layOutBuffers(start: u64): bool {
  next = alignUp(start);
  keysBuffer = take(8 * MAX_ENTRIES);
  addresses = take(4 * MAX_ENTRIES);
  values = take(4 * MAX_ENTRIES);
  offsets = take(4 * (MAX_BATCH * fields + 1));
  arena = take(<u64>ARENA_ROWS * rowStride);
  logits = take(4 * MAX_BATCH);
  scores = take(4 * MAX_BATCH);
  embedding = take(4 * padOutputs(fields * embeddingDim));
  contextEmbedding = take(4 * padOutputs(fields * embeddingDim));
  fieldRuns = take(8 * fields);
  contextFmSums = take(8 * padOutputs(fmDim));
  zeroFmSums = take(8 * padOutputs(fmDim));

  const first = layerAddress(0);
  const item = terms & TERM_TOWERS ? layerAddress(contextLayers) : 0;
  const shared = terms & TERM_MLP ? first : 0;
  itemMasks = take(shared === 0 ? 0 : 4 * wordsOf(shared));
  itemRuns = take(shared === 0 ? 0 : 4 * wordsOf(shared) + 8);
  contextSums = take(shared === 0 ? 0 : 4 * paddedOutputsOf(shared));
  const outputs = <u64>MAX_BATCH * 4 * widest();
  deepInputs = take(4 * (padOutputs(max(widthOf(first), widthOf(item))) + SPARE_FLOATS));
  transposed = take(4 * (fields * deepDim() + SPARE_FLOATS));
  fieldSum = take(4 * (deepDim() + SPARE_FLOATS));
  firstInputs = take(<u64>MAX_BATCH * (first === 0 ? 0 : inputBytes(first)));
  itemInputs = take(<u64>MAX_BATCH * (item === 0 ? 0 : inputBytes(item)));
  evenOutputs = take(outputs);
  oddOutputs = take(outputs);
  wholeRun = take(8);
  sums = take(TILE_SUM_BYTES);
  zeroSums = take(TILE_SUM_BYTES);
  towerVectors = take(item === 0 ? 0 : (2 * MAX_BATCH + 1) * 4 * padOutputs(embeddingDim));
  itemSums = take(4 * MAX_BATCH);
  itemRecord = take(itemStride);
  if (!ensureMemory(next)) return false;
  buffersEnd = next;
  memory.fill(zeroSums, 0, TILE_SUM_BYTES);
  memory.fill(zeroFmSums, 0, 8 * padOutputs(fmDim));
  return true;
}

/** Where the next buffer goes. */
let next: u64 = 0;
/** Where the buffers end. */
export let buffersEnd: u64 = 0;

/** The aligned address of a buffer of so many bytes. */
function take(bytes: u64): usize {
  const address = next;
  next = alignUp(next + bytes);
  return <usize>address;
}

/** The padded inputs of a layer; 0 for layer 0, which stands for none. */
function widthOf(layer: usize): u32 {
  return layer === 0 ? 0 : paddedInputsOf(layer);
}

/** The padded outputs of the layer that has most. */
function widest(): u32 {
  let most: u32 = 0;
  for (let i: u32 = 0; i < layerCount; i++) most = max(most, paddedOutputsOf(layerAddress(i)));
  return most;
}
