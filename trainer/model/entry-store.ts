import type { Dataset } from "../data/dataset.ts";
import type { BatchEntries, EntryGroups, RowKernels } from "./row-kernels.ts";

/** The entries of a batch in an engine's memory, which gathers their rows. One object serves batch after batch. */
export class EntryStore {
  readonly #kernels: RowKernels;
  /** D + 1 */
  readonly #width: number;
  readonly #kept: { slots: Int32Array; now: number };
  /** V */
  readonly #tableRows: number;
  #entries: BatchEntries = { cells: 0, starts: new Uint32Array(0), values: new Float32Array(0) };
  /** One number an entry: its row, and the row's place in `unique`. */
  #rows: Int32Array = new Int32Array(0);
  #places: Int32Array = new Int32Array(0);
  #groups: EntryGroups = { firsts: new Int32Array(0), entries: new Int32Array(0), owners: new Int32Array(0) };
  #gradients: Float32Array = new Float32Array(0);
  /** The rows of the batch, each once: unique[0, uniqueCount). */
  unique: Int32Array = new Int32Array(0);
  uniqueCount = 0;

  /** For a table of V = `tableRows` rows. */
  constructor(kernels: RowKernels, tableRows: number, width: number) {
    this.#kernels = kernels;
    this.#width = width;
    this.#tableRows = tableRows;
    this.#kept = { slots: kernels.integers(2 * tableRows), now: 0 };
  }

  /** Copies the entries of the given records of a dataset. `fields`: F. */
  load(dataset: Dataset, records: Uint32Array, fields: number): void {
    const { offsets } = dataset;
    let count = 0;
    for (const record of records) count += offsets[(record + 1) * fields] - offsets[record * fields];
    const cells = records.length * fields;
    this.#reserve(cells, count);
    if (isRun(records)) this.#copyRun(dataset, records[0] * fields, cells, count);
    else this.#copyRecords(dataset, records, fields);
    this.#entries.starts[cells] = count;
    this.#entries.cells = cells;
    this.uniqueCount = 0;
  }

  /** Numbers the rows of the entries: `unique` and `uniqueCount`. */
  number(): void {
    this.#kept.now++;
    this.uniqueCount = this.#kernels.unique(this.#rows, this.#count, this.#kept, this.unique, this.#places);
  }

  /** Copies so many cells that lie together, from cell `first` on. */
  #copyRun({ offsets, rows, values }: Dataset, first: number, cells: number, count: number): void {
    const { starts, values: xs } = this.#entries;
    const from = offsets[first];
    this.#rows.set(rows.subarray(from, from + count));
    xs.set(values.subarray(from, from + count));
    for (let cell = 0; cell < cells; cell++) starts[cell] = offsets[first + cell] - from;
  }

  #copyRecords({ offsets, rows, values }: Dataset, records: Uint32Array, fields: number): void {
    const { starts, values: xs } = this.#entries;
    const own = this.#rows;
    let [cell, entry] = [0, 0];
    for (const record of records) {
      const first = record * fields;
      const shift = entry - offsets[first];
      for (let f = 0; f < fields; f++) starts[cell++] = offsets[first + f] + shift;
      const last = offsets[first + fields];
      for (let i = offsets[first]; i < last; i++, entry++) {
        own[entry] = rows[i];
        xs[entry] = values[i];
      }
    }
  }

  /** Each cell's Σ x·w, [B, F], and Σ x·v, [B, F·D], of the rows of a table. */
  gather(table: Float32Array, linear: Float32Array, embeddings: Float32Array): void {
    this.#kernels.gather(table, this.#width, this.#entries, this.#rows, linear, embeddings);
  }

  /** `number` and `gather` at once. */
  numberAndGather(table: Float32Array, linear: Float32Array, embeddings: Float32Array): void {
    this.#kept.now++;
    this.uniqueCount = this.#kernels.uniqueAndGather(
      ...([table, this.#width, this.#entries, this.#rows, linear, embeddings] as const),
      ...([this.#count, this.#kept, this.unique, this.#places] as const),
    );
  }

  get #count(): number {
    return this.#entries.starts[this.#entries.cells];
  }

  /** The gradients of the rows in `unique`, [uniqueCount, D + 1]. They hold until the next call. */
  scatter(dLinear: Float32Array, dEmbeddings: Float32Array): Float32Array {
    const [count, width] = [this.uniqueCount, this.#width];
    const gradients = this.#gradients.subarray(0, count * width);
    this.#kernels.scatter(gradients, count, width, this.#entries, this.#places, this.#groups, dLinear, dEmbeddings);
    return gradients;
  }

  /** Makes room for so many entries. What an engine's memory has given it keeps, so that room grows by doubling. */
  #reserve(cells: number, entries: number): void {
    const kernels = this.#kernels;
    if (cells >= this.#entries.starts.length) {
      const { buffer, byteOffset, length } = kernels.integers(2 * cells + 1);
      this.#entries.starts = new Uint32Array(buffer, byteOffset, length);
    }
    if (entries <= this.#rows.length) return;
    const integers = (): Int32Array => kernels.integers(2 * entries);
    [this.#rows, this.#places, this.unique] = [integers(), integers(), kernels.integers(2 * entries + 1)];
    this.#groups = { firsts: kernels.integers(2 * entries + 1), entries: integers(), owners: integers() };
    this.#entries.values = kernels.floats(2 * entries);
    // Not when they are asked for: then the engine's own gradients are in use.
    this.#gradients = kernels.floats(Math.min(2 * entries, this.#tableRows) * this.#width);
  }
}

/** Whether each record follows the one before it, as in a batch that was picked ahead of its step. */
function isRun(records: Uint32Array): boolean {
  const first = records[0];
  for (let i = 0; i < records.length; i++) if (records[i] !== first + i) return false;
  return true;
}
