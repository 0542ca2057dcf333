// Records of ids often have one entry of value 1 in each field. The offsets and the values of all such records are the
// beginnings of the same two lists, which are kept: to write and to read them anew takes longer than the rows do.

/** What cells have, of a dataset: the place of each one's first entry, and the end; and each entry's value. */
export interface CellEntries {
  offsets: Uint32Array;
  values: Float32Array;
}

let offsets = new Uint32Array(0);
let values = new Float32Array(0);
const kept = new WeakSet<ArrayBufferLike>();

/** The offsets and values of so many cells with one entry of value 1 each. They are not to be changed. */
export function plainEntries(cells: number): CellEntries {
  if (cells > values.length) {
    values = new Float32Array(cells).fill(1);
    kept.add(values.buffer);
  }
  return { offsets: firstNumbers(cells + 1), values: values.subarray(0, cells) };
}

/** The numbers 0 to count − 1. They are not to be changed. */
export function firstNumbers(count: number): Uint32Array {
  if (count > offsets.length) {
    offsets = new Uint32Array(count);
    for (let i = 0; i < count; i++) offsets[i] = i;
    kept.add(offsets.buffer);
  }
  return offsets.subarray(0, count);
}

/** Whether a dataset's offsets and values are those that `plainEntries` gave. */
export function hasPlainEntries({ offsets, values }: CellEntries): boolean {
  return kept.has(offsets.buffer) && kept.has(values.buffer) && offsets.byteOffset === 0;
}
