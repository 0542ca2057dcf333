import type { FeatureSpec } from "../../format/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Random } from "../data/random.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { rowOptimizer } from "./optimizers/of-spec.ts";
import type { RowOptimizer } from "./optimizers/row-optimizer.ts";

/** Rows start small and random, so that products of two vectors start near zero yet differ. */
const INITIAL_DEVIATION = 0.01;

/** All fields' rows: V × (D + 1) numbers, [w, v₁ … v_D] a row. */
export class Tables {
  /** F */
  readonly fields: number;
  /** D */
  readonly dim: number;
  readonly values: Float32Array;
  readonly optimizer: RowOptimizer;

  constructor(vocabulary: Vocabulary, dim: number, training: FeatureSpec["training"], random: Random) {
    this.fields = vocabulary.fields;
    this.dim = dim;
    this.values = new Float32Array(vocabulary.size * (dim + 1));
    // OOV rows begin at zero: one that is never trained then adds nothing to a score.
    for (let row = vocabulary.fields; row < vocabulary.size; row++) {
      for (let j = 1; j <= dim; j++) this.values[row * (dim + 1) + j] = INITIAL_DEVIATION * random.normal();
    }
    this.optimizer = rowOptimizer(training, vocabulary.size, dim + 1);
    this.optimizer.reset(this.values);
  }

  /** V */
  get size(): number {
    return this.values.length / (this.dim + 1);
  }

  /** ‖gradient‖² of all rows, L2 included. `gradients`: the batch's, [rows in the batch, D + 1]. */
  squaredNorm({ unique, uniqueCount }: Batch, gradients: Float32Array): number {
    return this.optimizer.squaredNorm(this.values, unique, uniqueCount, gradients);
  }

  /** One step on the batch's rows, whose gradients `scale` multiplies. */
  step({ unique, uniqueCount }: Batch, gradients: Float32Array, learningRate: number, scale: number): void {
    this.optimizer.step(this.values, unique, uniqueCount, gradients, learningRate, scale);
  }

  /** Brings every row up to the last step, before all are read. */
  finish(): void {
    this.optimizer.finish(this.values);
  }

  /** Sets all rows. */
  replace(values: Float32Array): void {
    this.values.set(values);
    this.optimizer.reset(this.values);
  }
}

const EMPTY: Dataset = {
  count: 0,
  labels: new Uint8Array(0),
  offsets: new Uint32Array(1),
  rows: new Int32Array(0),
  values: new Float32Array(0),
};

/**
 * The rows of a batch: gathered from the tables into dense arrays for the graph, and the way back for their gradients.
 * Its cost depends on the batch alone, never on V. Reused from batch to batch.
 */
export class Batch {
  /** The most records that it has room for. */
  readonly capacity: number;
  readonly fields: number;
  /** D */
  readonly dim: number;
  /** V */
  readonly tableRows: number;
  /** Records in the batch, B. */
  size = 0;
  /** [B, F·D] */
  embeddings: Float32Array;
  /** [B, F] */
  linear: Float32Array;
  /** [B] */
  labels: Float32Array;
  /** [B] sample weights; null where the log has none. */
  weights: Float32Array | null = null;
  /** The rows in the batch, each once. */
  unique: Int32Array = new Int32Array(1024);
  uniqueCount = 0;
  /** V: a row's place in `unique`, valid where its stamp is this batch's. */
  readonly #local: Int32Array;
  readonly #stamp: Uint32Array;
  #stampNow = 0;
  #records: Uint32Array = new Uint32Array(0);
  #dataset: Dataset = EMPTY;

  constructor(capacity: number, fields: number, dim: number, rows: number) {
    this.fields = fields;
    this.dim = dim;
    this.capacity = capacity;
    this.tableRows = rows;
    this.embeddings = new Float32Array(capacity * fields * dim);
    this.linear = new Float32Array(capacity * fields);
    this.labels = new Float32Array(capacity);
    this.#local = new Int32Array(rows);
    this.#stamp = new Uint32Array(rows);
  }

  /** Gathers the given records of a dataset. `training`: rows may be behind, and are brought up to the last step. */
  gather(dataset: Dataset, records: Uint32Array, tables: Tables, training: boolean): void {
    if (records.length > this.capacity)
      throw new Error(`got ${records.length} records, expected at most ${this.capacity}`);
    const { fields, dim, embeddings, linear } = this;
    const { offsets, rows, values } = dataset;
    const table = tables.values;
    this.size = records.length;
    this.weights = dataset.weights ? Float32Array.from(records, (r) => dataset.weights?.[r] as number) : null;
    this.#records = records;
    this.#dataset = dataset;
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
      this.labels[b] = dataset.labels[record];
    }
  }

  /** Lists a row; whether it is new in the batch. */
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

  /** The row of each record's first entry of a field, -1 where it has none: [B]. */
  firstRows(field: number): Int32Array {
    const { offsets, rows } = this.#dataset;
    return Int32Array.from(this.#records, (record) => {
      const entry = record * this.fields + field;
      const first = offsets[entry];
      return first < offsets[entry + 1] ? rows[first] : -1;
    });
  }

  /** Gradients of the batch's rows, [uniqueCount, D + 1], from those of what was gathered: [B, F·D] and [B, F]. */
  scatter(dEmbeddings: Float32Array, dLinear: Float32Array): Float32Array {
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
