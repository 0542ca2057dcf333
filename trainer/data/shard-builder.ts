import type { EncodedRecords } from "../../format/encoded-records.ts";
import { SHARD_RECORDS, type Shard } from "./shard.ts";
import type { ShardLayout } from "./shard-layout.ts";

/** Gathers encoded records until they fill a shard. */
export class ShardBuilder {
  readonly #layout: ShardLayout;
  readonly #labels = new Uint8Array(SHARD_RECORDS);
  readonly #weights = new Float32Array(SHARD_RECORDS);
  readonly #counts: Uint16Array;
  #words: Uint32Array = new Uint32Array(2 * SHARD_RECORDS);
  #values: Float32Array = new Float32Array(SHARD_RECORDS);
  #records = 0;
  #countsLength = 0;
  #wordsLength = 0;
  #valuesLength = 0;

  constructor(layout: ShardLayout) {
    this.#layout = layout;
    this.#counts = new Uint16Array(SHARD_RECORDS * layout.single.filter((single) => !single).length);
  }

  get full(): boolean {
    return this.#records === SHARD_RECORDS;
  }

  get records(): number {
    return this.#records;
  }

  /** Adds one of the encoded records. `row` gives the row of a key; without it, the key itself is stored. */
  add(
    encoded: EncodedRecords,
    record: number,
    label: number,
    weight: number,
    row?: (field: number, lo: number, hi: number) => number,
  ): void {
    const { fields, single, values } = this.#layout;
    this.#labels[this.#records] = label;
    this.#weights[this.#records++] = weight;
    for (let f = 0; f < fields; f++) {
      const first = encoded.offsets[record * fields + f];
      const last = encoded.offsets[record * fields + f + 1];
      if (!single[f]) this.#counts[this.#countsLength++] = last - first;
      for (let entry = first; entry < last; entry++) {
        const lo = encoded.keys[2 * entry];
        const hi = encoded.keys[2 * entry + 1];
        if (this.#wordsLength + 2 > this.#words.length)
          this.#words = grown(this.#words, new Uint32Array(2 * this.#words.length));
        if (row) this.#words[this.#wordsLength++] = row(f, lo, hi);
        else {
          this.#words[this.#wordsLength++] = lo;
          this.#words[this.#wordsLength++] = hi;
        }
        if (values[f] !== "stored") continue;
        if (this.#valuesLength === this.#values.length)
          this.#values = grown(this.#values, new Float32Array(2 * this.#values.length));
        this.#values[this.#valuesLength++] = encoded.values[entry];
      }
    }
  }

  /** A shard of the records gathered so far, valid until the next `add`, which begins the next shard. */
  take(): Shard {
    const records = this.#records;
    const shard = {
      records,
      labels: this.#labels.subarray(0, records),
      weights: this.#layout.weighted ? this.#weights.subarray(0, records) : null,
      counts: this.#counts.subarray(0, this.#countsLength),
      words: this.#words.subarray(0, this.#wordsLength),
      values: this.#values.subarray(0, this.#valuesLength),
    };
    this.#records = this.#countsLength = this.#wordsLength = this.#valuesLength = 0;
    return shard;
  }
}

function grown<T extends Uint32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
