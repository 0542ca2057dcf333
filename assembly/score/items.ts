// Sections ITEM_KEYS and ITEMS: a catalogue of items, each with a record of what its fields add to a score. A record
// begins with the item's part of the logit. Vectors follow, which meet those of the context: with FM the sums of its
// embeddings; with an MLP the first layer's sums over its inputs; with towers the vector of its tower. So ranking
// reads one record an item, and begins at the activation of the first layer. Where the records are entries
// (item-entries.ts), items are only looked up here: the host makes candidates of them.
import {
  ITEM_ENTRIES,
  ITEM_VECTORS,
  MODEL_ITEM_COUNT,
  MODEL_ITEM_FIELD,
  SECTION_ITEM_KEYS,
  SECTION_ITEMS,
  SIDE_ITEM,
  TERM_MLP,
  TERM_TOWERS,
} from "../../format/constants";
import { LOAD_BAD_ITEMS, LOAD_OK } from "../../runtime/abi";
import { checkItemEntries } from "./item-entries";
import { isInt8, layerAddress, outputsOf, paddedOutputsOf, padOutputs } from "./layers";
import { embeddingDim, fields, fmDim, itemForm, model, products, sideOf, terms } from "./model";
import { sectionAddress, sectionBytes } from "./sections";

/** How many items the catalogue has; 0 without one. */
export let itemCount: u32 = 0;
/**
 * Bytes of a record of an item's sums; 0 if the model has products, whose factors come from both sides, or a catalogue
 * of entries.
 */
export let itemStride: u32 = 0;

let keys: usize = 0;
let items: usize = 0;

/** Checks both sections: sizes, the order of the keys, finite floats, and zeros as padding. Returns a LOAD_* code. */
export function checkItems(): i32 {
  const ofEntries = itemForm === ITEM_ENTRIES;
  itemStride = ofEntries ? 0 : strideOf();
  itemCount = load<u32>(model, MODEL_ITEM_COUNT);
  const field = load<u32>(model, MODEL_ITEM_FIELD);
  if (itemCount === 0 && !ofEntries ? field !== 0 : field >= fields || sideOf(field) !== SIDE_ITEM)
    return LOAD_BAD_ITEMS;
  if (sectionBytes(SECTION_ITEM_KEYS) !== 8 * <u64>itemCount) return LOAD_BAD_ITEMS;
  keys = sectionAddress(SECTION_ITEM_KEYS);
  items = sectionAddress(SECTION_ITEMS);
  if (!keysAscend()) return LOAD_BAD_ITEMS;
  if (ofEntries) return checkItemEntries(itemCount) ? LOAD_OK : LOAD_BAD_ITEMS;
  if (itemCount > 0 && itemStride === 0) return LOAD_BAD_ITEMS;
  if (sectionBytes(SECTION_ITEMS) !== <u64>itemCount * itemStride) return LOAD_BAD_ITEMS;
  for (let i: u32 = 0; i < itemCount; i++) if (!isItem(itemAddress(i))) return LOAD_BAD_ITEMS;
  return LOAD_OK;
}

/** Whether the keys ascend strictly, from above 0. */
function keysAscend(): bool {
  let last: u64 = 0;
  for (let i: u32 = 0; i < itemCount; i++) {
    const key = load<u64>(keys + 8 * i);
    if (key <= last) return false;
    last = key;
  }
  return true;
}

/** The number of the item with this key; `itemCount` if the catalogue does not have it. */
export function findItem(key: u64): u32 {
  let low: u32 = 0;
  let high = itemCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = load<u64>(keys + 8 * middle);
    if (at === key) return middle;
    if (at < key) low = middle + 1;
    else high = middle;
  }
  return itemCount;
}

/** The address of an item's record. */
export function itemAddress(item: u32): usize {
  assert(item < itemCount);
  return items + item * itemStride;
}

/** Where the sums of the first layer, or the vector of the tower, begin in a record. */
export function deepOffset(): u32 {
  return ITEM_VECTORS + 4 * padOutputs(fmDim);
}

/** Bytes of an item's record by the model's terms. */
function strideOf(): u32 {
  if (products !== 0) return 0;
  if (terms & TERM_MLP) return deepOffset() + 4 * paddedOutputsOf(layerAddress(0));
  return deepOffset() + (terms & TERM_TOWERS ? 4 * padOutputs(embeddingDim) : 0);
}

/** Whether the floats of a record are finite and all its padding is zero. */
function isItem(item: usize): bool {
  if (!F32.isFinite(load<f32>(item)) || !isZero(item + 4, item + ITEM_VECTORS)) return false;
  if (!isVector(item + ITEM_VECTORS, fmDim)) return false;
  const deep = item + deepOffset();
  if (terms & TERM_TOWERS) return isVector(deep, embeddingDim);
  if (!(terms & TERM_MLP)) return true;
  const first = layerAddress(0);
  // The sums of an int8 layer are integers, and any integer is valid.
  if (isInt8(first)) return isZero(deep + 4 * outputsOf(first), deep + 4 * paddedOutputsOf(first));
  return isVector(deep, outputsOf(first));
}

/** Whether `count` floats are finite and their padding is zero. */
function isVector(floats: usize, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (!F32.isFinite(load<f32>(floats + 4 * i))) return false;
  return isZero(floats + 4 * count, floats + 4 * padOutputs(count));
}

/** Whether all words in [from, end) are zero. */
function isZero(from: usize, end: usize): bool {
  for (; from < end; from += 4) if (load<u32>(from) !== 0) return false;
  return true;
}
