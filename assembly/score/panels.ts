// Where a batch's inputs of a layer lie. A word is four bytes: four u7 inputs or one float32. Records come in blocks of
// four, word by word, [words][4 records]: the order in which tiles read and write them; the last 1–3 of a batch one after
// the other.
import { inputBytes } from "./layers";

/** How many of the records are in blocks. */
export function blockRecords(records: u32): u32 {
  return records & ~3;
}

/** The first word of record r's inputs. */
export function firstWord(layer: usize, inputs: usize, records: u32, r: u32): usize {
  const lone = r >= blockRecords(records);
  return lone ? inputs + r * inputBytes(layer) : inputs + (r & ~3) * inputBytes(layer) + 4 * (r & 3);
}

/** Bytes from a word of record r's inputs to the next. */
export function wordStride(records: u32, r: u32): u32 {
  return r < blockRecords(records) ? 16 : 4;
}
