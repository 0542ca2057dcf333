// The buffers behind the blob, laid out once per model: what the host fills, what it reads, and the activations.
import { ARENA_ROWS, MAX_BATCH, MAX_ENTRIES } from "../format/constants";
import { inputsOf, isInt8, layerAddress, outputsOf, padOutputs } from "./layers";
import { alignUp, ensureMemory } from "./memory";
import { embeddingDim, fields, layerCount } from "./model";
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
/** MAX_BATCH f32 each. */
export let logits: usize = 0;
export let scores: usize = 0;
/** One record's a⁰, F·k f32 padded as layer inputs are; where the first layer takes f32 it lies among the activations. */
export let embedding: usize = 0;

// Activations of layer i are read from buffer i mod 2 and written to the other one: MAX_BATCH records each.
let even: usize = 0;
let odd: usize = 0;

/** Lays all buffers out from `start` on and grows the memory for them; false where it cannot be had. */
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
  even = take(<u64>MAX_BATCH * widest(0));
  odd = take(<u64>MAX_BATCH * widest(1));
  return ensureMemory(next);
}

/** Where the inputs of layer i are; i = layerCount: the outputs of the last. Record b's begin at b · activationBytes(i). */
export function activations(i: u32): usize {
  return i & 1 ? odd : even;
}

/** Bytes of one record's inputs of layer i: u7 or f32, padded as the outputs of the layer before are. */
export function activationBytes(i: u32): u32 {
  const layer = layerAddress(i);
  const width = layer !== 0 ? padOutputs(inputsOf(layer)) : outputsOf(layerAddress(i - 1));
  return isInt8(layer) ? width : 4 * width;
}

let next: u64 = 0;

function take(bytes: u64): usize {
  const address = next;
  next = alignUp(next + bytes);
  return <usize>address;
}

/** The most bytes of a record's activations of layers first, first + 2, …; 0 without an MLP. */
function widest(first: u32): u32 {
  let most: u32 = 0;
  if (layerCount === 0) return most;
  for (let i = first; i <= layerCount; i += 2) most = max(most, activationBytes(i));
  return most;
}
