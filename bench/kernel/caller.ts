import { MAX_BATCH } from "../../runtime/abi.ts";
import type { Kernel } from "../../runtime/kernel.ts";
import type { Way } from "./contestant.ts";

/**
 * Scores records by their row numbers, in calls of at most MAX_BATCH, as `Scorer` does. `rows`: F numbers a record, of
 * which the first `contextFields` are the context's. Where the context is computed once, it is the first record's.
 */
export class Caller {
  readonly #kernel: Kernel;
  readonly #fields: number;
  readonly #contextFields: number;
  readonly #addresses: Uint32Array;
  readonly #itemAddresses: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #itemOffsets: Uint32Array;
  readonly #values: Float32Array;
  readonly #scores = new Float32Array(MAX_BATCH);

  constructor(kernel: Kernel, fields: number, rows: Uint32Array, contextFields: number) {
    this.#kernel = kernel;
    this.#fields = fields;
    this.#contextFields = contextFields;
    const items = fields - contextFields;
    this.#addresses = rows.map((row) => kernel.rowsAddress + row * kernel.rowBytes);
    this.#itemAddresses = this.#addresses.filter((_, cell) => cell % fields >= contextFields);
    this.#offsets = Uint32Array.from({ length: MAX_BATCH * fields + 1 }, (_, cell) => cell);
    this.#itemOffsets = this.#offsets.map(
      (cell) => Math.floor(cell / fields) * items + Math.max(0, (cell % fields) - contextFields),
    );
    this.#values = new Float32Array(MAX_BATCH * fields).fill(1);
  }

  /** Writes the logits of records from number `first` on. `items`: the catalogue's number of each record's item. */
  run(way: Way, first: number, records: number, logits: Float32Array, items: Uint32Array): void {
    if (way === "whole") this.#score(first, records, logits);
    else if (way === "context once") this.#rank(first, records, logits);
    else this.#rankItems(first, records, logits, items);
  }

  #score(first: number, records: number, logits: Float32Array): void {
    this.#inBatches(first, records, logits, this.#offsets, this.#addresses, this.#fields, (...batch) =>
      this.#kernel.score(...batch),
    );
  }

  #rank(first: number, records: number, logits: Float32Array): void {
    this.#takeContext();
    const items = this.#fields - this.#contextFields;
    this.#inBatches(first, records, logits, this.#itemOffsets, this.#itemAddresses, items, (...batch) =>
      this.#kernel.scoreCandidates(...batch),
    );
  }

  #rankItems(first: number, records: number, logits: Float32Array, items: Uint32Array): void {
    this.#takeContext();
    for (let done = 0; done < records; done += MAX_BATCH) {
      const count = Math.min(MAX_BATCH, records - done);
      const numbers = items.subarray(first + done, first + done + count);
      this.#kernel.scoreItems(numbers, logits.subarray(done, done + count), this.#scores.subarray(0, count));
    }
  }

  /** What a catalogue holds of a record's item. */
  item(record: number): Uint8Array {
    const items = this.#fields - this.#contextFields;
    return this.#kernel.precomputeItem({
      offsets: this.#itemOffsets.subarray(0, this.#fields + 1),
      addresses: this.#itemAddresses.subarray(record * items, (record + 1) * items),
      values: this.#values.subarray(0, items),
    });
  }

  #takeContext(): void {
    const context = this.#contextFields;
    this.#kernel.scoreContext({
      offsets: this.#offsets.subarray(0, this.#fields + 1).map((cell) => Math.min(cell, context)),
      addresses: this.#addresses.subarray(0, context),
      values: this.#values.subarray(0, context),
    });
  }

  #inBatches(
    first: number,
    records: number,
    logits: Float32Array,
    offsets: Uint32Array,
    addresses: Uint32Array,
    entries: number,
    run: Kernel["score"],
  ): void {
    for (let done = 0; done < records; done += MAX_BATCH) {
      const count = Math.min(MAX_BATCH, records - done);
      const start = (first + done) * entries;
      const batch = {
        offsets: offsets.subarray(0, count * this.#fields + 1),
        addresses: addresses.subarray(start, start + count * entries),
        values: this.#values.subarray(0, count * entries),
      };
      run(batch, logits.subarray(done, done + count), this.#scores.subarray(0, count));
    }
  }
}
