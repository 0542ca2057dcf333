// The item's inputs of an MLP's first layer are those that an item's field has a part in: the embeddings of its
// fields, the inner products with one of them, and all outer products, whose factors are sums over all fields. The
// rest are the context's inputs, the same for all candidates.
import { PRODUCT_INNER, SIDE_ITEM } from "../../format/constants";
import { itemMasks, itemRuns } from "./buffers";
import { isInt8, layerAddress, wordsOf } from "./layers";
import { deepDim, fields, mlpWidth, products, sideOf } from "./model";

/**
 * How many runs there are in `itemRuns`, pairs of u32: the first word with an input of the item, and the one after
 * the last.
 */
export let itemRunCount: u32 = 0;

/** Finds the item's inputs of the model that was loaded, and writes `itemMasks` and `itemRuns`. */
export function findItemInputs(): void {
  const d = deepDim();
  const words = wordsOf(layerAddress(0));
  memory.fill(itemMasks, 0, 4 * words);
  let k: u32 = 0;
  for (let f: u32 = 0; f < fields; f++) {
    if (sideOf(f) === SIDE_ITEM) markInputs(k, k + d);
    k += d;
  }
  if (products & PRODUCT_INNER) {
    for (let i: u32 = 0; i < fields; i++) {
      for (let j = i + 1; j < fields; j++) {
        if ((sideOf(i) | sideOf(j)) === SIDE_ITEM) markInputs(k, k + 1);
        k++;
      }
    }
  }
  markInputs(k, mlpWidth());

  itemRunCount = 0;
  // Runs are of pairs of words, as the relaxed int8 kernels take two at a time; a layer has an even number of them.
  for (let word: u32 = 0; word < words; word += 2) {
    if (load<u64>(itemMasks + 4 * word) === 0) continue;
    const first = word;
    while (word < words && load<u64>(itemMasks + 4 * word) !== 0) word += 2;
    addRun(first, word);
  }
  // If the item has no input, an empty run makes the sums those of the context.
  if (itemRunCount === 0) addRun(0, 0);
}

/** Marks inputs [first, end) as the item's; an input has one byte in an int8 layer, and four in a float32 one. */
function markInputs(first: u32, end: u32): void {
  if (isInt8(layerAddress(0))) memory.fill(itemMasks + first, 0xff, end - first);
  else memory.fill(itemMasks + 4 * first, 0xff, 4 * (end - first));
}

function addRun(first: u32, end: u32): void {
  const run = itemRuns + 8 * itemRunCount++;
  store<u32>(run, first);
  store<u32>(run, end, 4);
}
