// Which inputs of an MLP's first layer come from the context alone, and which from the item too: embeddings of the item's
// fields, inner products with one of them, and all outer products, whose factors sum over all fields.
import { PRODUCT_INNER, SIDE_ITEM } from "../../format/constants";
import { itemMasks, itemRuns } from "./buffers";
import { isInt8, layerAddress, wordsOf } from "./layers";
import { deepDim, fields, mlpWidth, products, sideOf } from "./model";

/** How many runs of words with an input of the item there are: pairs of u32 at itemRuns, the first word and the one after. */
export let itemRunCount: u32 = 0;

/** Finds the item's inputs: bytes of 1s in itemMasks (a u32 a word), and the words that have any in itemRuns. */
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
  // By two words, as int8 layers take them (dot.ts); a layer has an even number.
  for (let word: u32 = 0; word < words; word += 2) {
    if (load<u64>(itemMasks + 4 * word) === 0) continue;
    const first = word;
    while (word < words && load<u64>(itemMasks + 4 * word) !== 0) word += 2;
    addRun(first, word);
  }
  // Where nothing is the item's, sums begin and end with the context's.
  if (itemRunCount === 0) addRun(0, 0);
}

/** The word of an input, by the layer's type, has as many bytes of each. */
function markInputs(first: u32, end: u32): void {
  if (isInt8(layerAddress(0))) memory.fill(itemMasks + first, 0xff, end - first);
  else memory.fill(itemMasks + 4 * first, 0xff, 4 * (end - first));
}

function addRun(first: u32, end: u32): void {
  const run = itemRuns + 8 * itemRunCount++;
  store<u32>(run, first);
  store<u32>(run, end, 4);
}
