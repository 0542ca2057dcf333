import type { Dataset } from "../data/dataset.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { Random } from "../random.ts";
import { Adam } from "./optimizers/adam.ts";

/** Rows start small and random, so that products of two vectors start near zero yet differ. */
const INITIAL_DEVIATION = 0.01;

/** All fields' rows: V × (k + 1) numbers, [w, v₁ … v_k] a row. */
export class Tables {
  readonly k: number;
  values: Float32Array;
  readonly #adam: Adam;

  constructor(vocabulary: Vocabulary, k: number, random: Random) {
    this.k = k;
    this.values = new Float32Array(vocabulary.size * (k + 1));
    // OOV rows begin at zero: one that is never trained then adds nothing to a score.
    for (let row = vocabulary.fields; row < vocabulary.size; row++) {
      for (let j = 1; j <= k; j++) this.values[row * (k + 1) + j] = INITIAL_DEVIATION * random.normal();
    }
    this.#adam = new Adam(this.values.length);
  }

  /** One step of lazy Adam on the batch's rows. `gradients`: [rows in the batch, k + 1]. */
  step(batch: Batch, gradients: Float32Array, learningRate: number, scale: number): void {
    const width = this.k + 1;
    this.#adam.begin(learningRate);
    for (let local = 0; local < batch.uniqueCount; local++) {
      const row = batch.unique[local] as number;
      this.#adam.update(this.values, row * width, gradients, local * width, width, scale);
    }
  }
}

/**
 * The rows of a batch: gathered from the tables into dense arrays for the graph, and the way back for their gradients.
 * Its cost depends on the batch alone, never on V. Reused from batch to batch.
 */
export class Batch {
  /** The most records that it has room for. */
  readonly capacity: number;
  readonly fields: number;
  readonly k: number;
  /** V */
  readonly tableRows: number;
  /** Records in the batch, B. */
  size = 0;
  /** [B, F·k] */
  embeddings: Float32Array;
  /** [B] */
  linear: Float32Array;
  /** [B] */
  labels: Float32Array;
  /** The rows in the batch, each once. */
  unique: Int32Array = new Int32Array(1024);
  uniqueCount = 0;
  /** V: a row's place in `unique`, valid where its stamp is this batch's. */
  readonly #local: Int32Array;
  readonly #stamp: Uint32Array;
  #stampNow = 0;
  #records: Uint32Array = new Uint32Array(0);

  constructor(capacity: number, fields: number, k: number, rows: number) {
    this.fields = fields;
    this.k = k;
    this.capacity = capacity;
    this.tableRows = rows;
    this.embeddings = new Float32Array(capacity * fields * k);
    this.linear = new Float32Array(capacity);
    this.labels = new Float32Array(capacity);
    this.#local = new Int32Array(rows);
    this.#stamp = new Uint32Array(rows);
  }

  /** Gathers the given records of a dataset. */
  gather(dataset: Dataset, records: Uint32Array, tables: Tables): void {
    if (records.length > this.capacity)
      throw new Error(`got ${records.length} records, expected at most ${this.capacity}`);
    const { fields, k, embeddings, linear } = this;
    const { offsets, rows, values } = dataset;
    const table = tables.values;
    this.size = records.length;
    this.#records = records;
    this.uniqueCount = 0;
    this.#stampNow++;
    embeddings.fill(0, 0, records.length * fields * k);
    for (let b = 0; b < records.length; b++) {
      const record = records[b] as number;
      let sum = 0;
      for (let f = 0; f < fields; f++) {
        const into = (b * fields + f) * k;
        const last = offsets[record * fields + f + 1] as number;
        for (let entry = offsets[record * fields + f] as number; entry < last; entry++) {
          const row = rows[entry] as number;
          const x = values[entry] as number;
          const from = row * (k + 1);
          this.#use(row);
          sum += x * (table[from] as number);
          for (let j = 0; j < k; j++) {
            embeddings[into + j] = (embeddings[into + j] as number) + x * (table[from + 1 + j] as number);
          }
        }
      }
      linear[b] = sum;
      this.labels[b] = dataset.labels[record] as number;
    }
  }

  #use(row: number): void {
    if (this.#stamp[row] === this.#stampNow) return;
    this.#stamp[row] = this.#stampNow;
    if (this.uniqueCount === this.unique.length) {
      const larger = new Int32Array(2 * this.uniqueCount);
      larger.set(this.unique);
      this.unique = larger;
    }
    this.unique[this.uniqueCount] = row;
    this.#local[row] = this.uniqueCount++;
  }

  /** Gradients of the batch's rows, [uniqueCount, k + 1], from those of what was gathered: [B, F·k] and [B]. */
  scatter(dataset: Dataset, dEmbeddings: Float32Array, dLinear: Float32Array): Float32Array {
    const { fields, k } = this;
    const { offsets, rows, values } = dataset;
    const gradients = new Float32Array(this.uniqueCount * (k + 1));
    for (let b = 0; b < this.size; b++) {
      const record = this.#records[b] as number;
      for (let f = 0; f < fields; f++) {
        const from = (b * fields + f) * k;
        const last = offsets[record * fields + f + 1] as number;
        for (let entry = offsets[record * fields + f] as number; entry < last; entry++) {
          const x = values[entry] as number;
          const into = (this.#local[rows[entry] as number] as number) * (k + 1);
          gradients[into] = (gradients[into] as number) + x * (dLinear[b] as number);
          for (let j = 0; j < k; j++) {
            gradients[into + 1 + j] = (gradients[into + 1 + j] as number) + x * (dEmbeddings[from + j] as number);
          }
        }
      }
    }
    return gradients;
  }
}
