import type { Dataset } from "../data/dataset.ts";
import { hasPlainEntries, plainEntries } from "../data/plain-entries.ts";
import type { BatchEntries, NumberedRows, RowKernels, RowSlots } from "./row-kernels.ts";

/** The entries of a batch in an engine's memory, which gathers their rows. One object serves batch after batch. */
export class EntryStore {
  readonly #kernels: RowKernels;
  /** D + 1 */
  readonly #width: number;
  readonly #kept: RowSlots;
  /** V */
  readonly #tableRows: number;
  #entries: BatchEntries = { cells: 0, starts: new Uint32Array(0), values: new Float32Array(0) };
  /** Cells whose `starts` and `values` are those of `plainEntries`, which need not be copied again. */
  #plainCells = 0;
  /** Each entry's row. */
  #rows: Int32Array = new Int32Array(0);
  #numbered: NumberedRows = {
    unique: new Int32Array(0),
    places: new Int32Array(0),
    firsts: new Int32Array(0),
    entries: new Int32Array(0),
    owners: new Int32Array(0),
  };
  #gradients: Float32Array = new Float32Array(0);
  uniqueCount = 0;

  /** For a table of V = `tableRows` rows. */
  constructor(kernels: RowKernels, tableRows: number, width: number) {
    this.#kernels = kernels;
    this.#width = width;
    this.#tableRows = tableRows;
    this.#kept = { slots: kernels.integers(2 * tableRows), now: 0 };
  }

  /** The rows of the batch, each once: unique[0, uniqueCount). */
  get unique(): Int32Array {
    return this.#numbered.unique;
  }

  /** Copies the entries of the given records of a dataset. `fields`: F. */
  load(dataset: Dataset, records: Uint32Array, fields: number): void {
    const { offsets } = dataset;
    let count = 0;
    for (const record of records) count += offsets[(record + 1) * fields] - offsets[record * fields];
    const cells = records.length * fields;
    this.#reserve(cells, count);
    if (hasPlainEntries(dataset)) {
      this.#copyPlain(dataset, records, fields);
    } else {
      this.#plainCells = 0;
      if (isRun(records)) this.#copyRun(dataset, records[0] * fields, cells, count);
      else this.#copyRecords(dataset, records, fields);
      this.#entries.starts[cells] = count;
    }
    this.#entries.cells = cells;
    this.uniqueCount = 0;
  }

  #copyPlain({ rows }: Dataset, records: Uint32Array, fields: number): void {
    const cells = records.length * fields;
    const own = this.#rows;
    if (isRun(records)) {
      own.set(rows.subarray(records[0] * fields, records[0] * fields + cells));
    } else {
      let entry = 0;
      for (const record of records) {
        const first = record * fields;
        for (let f = 0; f < fields; f++) own[entry++] = rows[first + f];
      }
    }
    if (this.#plainCells >= cells) return;
    const { offsets, values } = plainEntries(cells);
    this.#entries.starts.set(offsets);
    this.#entries.values.set(values);
    this.#plainCells = cells;
  }

  /** Numbers the rows, `unique` and `uniqueCount`, and lists the entries of each for `scatter`. */
  number(): void {
    this.#kept.now++;
    this.uniqueCount = this.#kernels.number(this.#entries, this.#rows, this.#kept, this.#numbered);
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
    this.uniqueCount = this.#kernels.numberAndGather(
      ...([table, this.#width, this.#entries, this.#rows] as const),
      ...([this.#kept, this.#numbered, linear, embeddings] as const),
    );
  }

  /** The gradients of the rows in `unique`, [uniqueCount, D + 1]. They hold until the next call. */
  scatter(dLinear: Float32Array, dEmbeddings: Float32Array): Float32Array {
    const [count, width] = [this.uniqueCount, this.#width];
    const gradients = this.#gradients.subarray(0, count * width);
    this.#kernels.scatter(gradients, count, width, this.#entries, this.#numbered, dLinear, dEmbeddings);
    return gradients;
  }

  /** Makes room for so many entries. What an engine's memory has given it keeps, so that room grows by doubling. */
  #reserve(cells: number, count: number): void {
    const kernels = this.#kernels;
    // Records may have no entry at all, and the arrays are the engine's all the same.
    const entries = Math.max(1, count);
    if (cells >= this.#entries.starts.length) {
      const { buffer, byteOffset, length } = kernels.integers(2 * cells + 1);
      this.#entries.starts = new Uint32Array(buffer, byteOffset, length);
      this.#plainCells = 0;
    }
    if (entries <= this.#rows.length) return;
    const integers = (): Int32Array => kernels.integers(2 * entries);
    this.#rows = integers();
    this.#numbered = {
      unique: kernels.integers(2 * entries + 1),
      places: integers(),
      firsts: kernels.integers(2 * entries + 1),
      entries: integers(),
      owners: integers(),
    };
    this.#entries.values = kernels.floats(2 * entries);
    this.#plainCells = 0;
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
