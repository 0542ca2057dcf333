import { type Dataset, firstRow } from "../data/dataset.ts";
import type { Batch, BatchArrays, BatchItems } from "./engine.ts";
import type { EntryStore } from "./entry-store.ts";
import type { BatchRows, Tables } from "./tables.ts";

const EMPTY: Dataset = {
  count: 0,
  labels: new Uint8Array(0),
  offsets: new Uint32Array(1),
  rows: new Int32Array(0),
  values: new Float32Array(0),
};

/**
 * Gathers the rows of a batch from the tables into dense arrays for an engine, and takes the gradients back to the
 * rows. Its cost depends on the batch's entries alone, not on V. One object serves batch after batch.
 */
export class GatheredBatch implements Batch, BatchRows {
  /** The most records that it has room for. */
  readonly capacity: number;
  /** F */
  readonly fields: number;
  /** D */
  readonly dim: number;
  /** V */
  readonly tableRows: number;
  /** Records in the batch, B. */
  size = 0;
  readonly embeddings: Float32Array;
  readonly linear: Float32Array;
  readonly labels: Float32Array;
  weights: Float32Array | null = null;
  items: BatchItems | null = null;
  unique: Int32Array = new Int32Array(1024);
  uniqueCount = 0;
  /** [V]: a row's place in `unique`, valid where its stamp is that of the present batch. */
  readonly #local: Int32Array;
  /** [V] */
  readonly #stamp: Uint32Array;
  #stampNow = 0;
  /** [capacity]: room for sample weights, once there are any. */
  #weights: Float32Array | null = null;
  #records: Uint32Array = new Uint32Array(0);
  #dataset: Dataset = EMPTY;

  readonly #store: EntryStore | null;

  /**
   * `arrays`: what to gather into, of the lengths that the other arguments say; without them, new ones. `store`: what
   * gathers in an engine's memory, where the tables' rows and the arrays are; null where the host does.
   */
  constructor(
    capacity: number,
    fields: number,
    dim: number,
    rows: number,
    arrays?: BatchArrays,
    store: EntryStore | null = null,
  ) {
    this.#store = store;
    this.fields = fields;
    this.dim = dim;
    this.capacity = capacity;
    this.tableRows = rows;
    this.embeddings = arrays?.embeddings ?? new Float32Array(capacity * fields * dim);
    this.linear = arrays?.linear ?? new Float32Array(capacity * fields);
    this.labels = arrays?.labels ?? new Float32Array(capacity);
    this.#local = new Int32Array(store ? 0 : rows);
    this.#stamp = new Uint32Array(store ? 0 : rows);
  }

  /** Gathers the given records of a dataset. `training`: rows may be stale, and are brought up to the last step. */
  gather(dataset: Dataset, records: Uint32Array, tables: Tables, training: boolean): void {
    if (records.length > this.capacity)
      throw new Error(`got ${records.length} records, expected at most ${this.capacity}`);
    this.size = records.length;
    this.items = null;
    this.weights = dataset.weights ? this.#gatherWeights(dataset.weights, records) : null;
    this.#records = records;
    this.#dataset = dataset;
    for (let b = 0; b < records.length; b++) this.labels[b] = dataset.labels[records[b]];
    if (this.#store) this.#gatherInMemory(this.#store, tables, training);
    else this.#gatherOnHost(tables, training);
  }

  #gatherWeights(from: Float32Array, records: Uint32Array): Float32Array {
    this.#weights ??= new Float32Array(this.capacity);
    for (let b = 0; b < records.length; b++) this.#weights[b] = from[records[b]];
    return this.#weights;
  }

  #gatherInMemory(store: EntryStore, { values, optimizer }: Tables, training: boolean): void {
    store.load(this.#dataset, this.#records, this.fields);
    if (training && optimizer.hasStaleRows) {
      store.number();
      optimizer.touchAll(values, store.unique, store.uniqueCount);
    }
    if (training && !optimizer.hasStaleRows) store.numberAndGather(values, this.linear, this.embeddings);
    else store.gather(values, this.linear, this.embeddings);
    this.unique = store.unique;
    this.uniqueCount = store.uniqueCount;
  }

  #gatherOnHost(tables: Tables, training: boolean): void {
    const { fields, dim, embeddings, linear } = this;
    const { offsets, rows, values } = this.#dataset;
    const records = this.#records;
    const table = tables.values;
    this.uniqueCount = 0;
    this.#stampNow++;
    embeddings.fill(0, 0, records.length * fields * dim);
    for (let b = 0; b < records.length; b++) {
      const record = records[b];
      for (let f = 0; f < fields; f++) {
        const into = (b * fields + f) * dim;
        let sum = 0;
        const last = offsets[record * fields + f + 1];
        for (let entry = offsets[record * fields + f]; entry < last; entry++) {
          const row = rows[entry];
          const x = values[entry];
          const from = row * (dim + 1);
          if (this.#use(row) && training) tables.optimizer.touch(table, row);
          sum += x * table[from];
          for (let j = 0; j < dim; j++) {
            embeddings[into + j] = embeddings[into + j] + x * table[from + 1 + j];
          }
        }
        linear[b * fields + f] = sum;
      }
    }
  }

  /** Adds a row to `unique` if the batch has not used it yet. Returns whether it has been added. */
  #use(row: number): boolean {
    if (this.#stamp[row] === this.#stampNow) return false;
    this.#stamp[row] = this.#stampNow;
    if (this.uniqueCount === this.unique.length) {
      const larger = new Int32Array(2 * this.uniqueCount);
      larger.set(this.unique);
      this.unique = larger;
    }
    this.unique[this.uniqueCount] = row;
    this.#local[row] = this.uniqueCount++;
    return true;
  }

  /** Sets `items` for the in-batch loss. `field`: the one that tells items apart. `logShares`: by row, [V]. */
  setItems(field: number, logShares: Float32Array): void {
    const rows = Int32Array.from(this.#records, (record) => firstRow(this.#dataset, record, field, this.fields));
    this.items = { rows, logShares: Float32Array.from(rows, (row) => (row < 0 ? 0 : logShares[row])) };
  }

  /**
   * The gradients of the rows in `unique`, [uniqueCount, D + 1], from those of `embeddings` and `linear`. They hold
   * until the next call.
   */
  scatter(dEmbeddings: Float32Array, dLinear: Float32Array): Float32Array {
    if (this.#store) return this.#store.scatter(dLinear, dEmbeddings);
    const { fields, dim } = this;
    const { offsets, rows, values } = this.#dataset;
    const gradients = new Float32Array(this.uniqueCount * (dim + 1));
    for (let b = 0; b < this.size; b++) {
      const record = this.#records[b];
      for (let f = 0; f < fields; f++) {
        const from = (b * fields + f) * dim;
        const last = offsets[record * fields + f + 1];
        for (let entry = offsets[record * fields + f]; entry < last; entry++) {
          const x = values[entry];
          const into = this.#local[rows[entry]] * (dim + 1);
          gradients[into] = gradients[into] + x * dLinear[b * fields + f];
          for (let j = 0; j < dim; j++) {
            gradients[into + 1 + j] = gradients[into + 1 + j] + x * dEmbeddings[from + j];
          }
        }
      }
    }
    return gradients;
  }
}
