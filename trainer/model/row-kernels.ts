/** The entries of a batch's cells, one cell for each field of each record, in arrays of the engine's memory. */
export interface BatchEntries {
  /** Cells, B·F. */
  cells: number;
  /** [cells + 1]: the entries of a cell are those numbered [starts[cell], starts[cell + 1]). */
  starts: Uint32Array;
  /** One value an entry. */
  values: Float32Array;
}

/** The entries of a batch by row: places for a number each, and one row more in `firsts`. */
export interface EntryGroups {
  /** The entries of the row at place p are those numbered [firsts[p], firsts[p + 1]) in the two others. */
  firsts: Int32Array;
  entries: Int32Array;
  /** The cell of each entry. */
  owners: Int32Array;
}

/** A batch's rows, and its entries by row. */
export interface NumberedRows extends EntryGroups {
  /** The rows, each once, in the order in which they first occur; room for one more than there are entries. */
  unique: Int32Array;
  /** Each entry's place in `unique`. */
  places: Int32Array;
}

/** What numbering keeps from batch to batch. */
export interface RowSlots {
  /** [V, 2], 0 at first. */
  slots: Int32Array;
  /** Another number above 0 for each batch. */
  now: number;
}

/** What all rows of an Adam step share, as in optimizers/adam.ts. */
export interface AdamStep {
  rate: number;
  epsilon: number;
  scale: number;
  decay: number;
}

/**
 * What an engine does with rows besides its steps, much faster than the host: all on arrays in its own memory. Each
 * array that a method takes must be one that `floats`, `integers` or the engine gave, or a part of one.
 */
export interface RowKernels {
  /**
   * So many numbers, each 0, which stay where they are. To be called between steps, as is `integers`: what the engine's
   * last call gave is lost then.
   */
  floats(length: number): Float32Array;
  integers(length: number): Int32Array;
  /** Whether an array lies in this memory. */
  owns(array: Float32Array | Int32Array | Uint32Array): boolean;
  /** Numbers the rows of a batch, and lists its entries by row: overwrites `to`. Returns how many rows there are. */
  number(entries: BatchEntries, rows: Int32Array, kept: RowSlots, to: NumberedRows): number;
  /** Each cell's Σ x·w and Σ x·v, from rows of `width` numbers. */
  gather(
    table: Float32Array,
    width: number,
    entries: BatchEntries,
    rows: Int32Array,
    linear: Float32Array,
    embeddings: Float32Array,
  ): void;
  /** `gather` and at the same time `number`, whose result it returns. */
  numberAndGather(
    table: Float32Array,
    width: number,
    entries: BatchEntries,
    rows: Int32Array,
    kept: RowSlots,
    to: NumberedRows,
    linear: Float32Array,
    embeddings: Float32Array,
  ): number;
  /** The way back: the gradients [count, width] of the rows that were numbered. */
  scatter(
    gradients: Float32Array,
    count: number,
    width: number,
    entries: BatchEntries,
    groups: EntryGroups,
    dLinear: Float32Array,
    dEmbeddings: Float32Array,
  ): void;
  /** A step of Adam on the rows numbered rows[0, count) of [V, width]. */
  adam(
    arrays: { values: Float32Array; m: Float32Array; v: Float32Array },
    rows: Int32Array,
    count: number,
    width: number,
    gradients: Float32Array,
    step: AdamStep,
  ): void;
  /** to += times · from */
  addScaled(from: Float32Array, to: Float32Array, times: number): void;
  /** Σ x² */
  squares(list: Float32Array): number;
  /** ‖gradient + decay · row‖² over the rows numbered rows[0, count) of [V, width]. */
  squaresOfRows(
    values: Float32Array,
    rows: Int32Array,
    count: number,
    width: number,
    gradients: Float32Array,
    decay: number,
  ): number;
}
