// How a batch's inputs of a layer are laid out. A word is four bytes: four u7 inputs, or one float32 input. Blocks of
// four records are [words][4 records], the order in which the kernels for four records read and write them. The last
// 1–3 records of a batch, which fill no block, follow one after the other.
import { inputBytes } from "./layers";

/** How many of a batch's records are in blocks. */
export function blockRecords(records: u32): u32 {
  return records & ~3;
}

/** The address of the first word of record r's inputs, which are in the buffer `inputs`. */
export function firstWord(layer: usize, inputs: usize, records: u32, r: u32): usize {
  const lone = r >= blockRecords(records);
  return lone ? inputs + r * inputBytes(layer) : inputs + (r & ~3) * inputBytes(layer) + 4 * (r & 3);
}

/** Bytes between two words of record r's inputs. */
export function wordStride(records: u32, r: u32): u32 {
  return r < blockRecords(records) ? 16 : 4;
}
