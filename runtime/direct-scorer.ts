import { pageOfKey } from "../format/keys.ts";
import type { FieldSide } from "../format/record.ts";
import { ARENA_ROWS } from "./abi.ts";
import type { EncodedBatch } from "./encoded-batch.ts";
import type { Listed } from "./encoding-limits.ts";
import type { JsonEncoder } from "./json-encoder.ts";
import { type KeptRows, UNKNOWN_ROW } from "./kept-rows.ts";
import type { Kernel } from "./kernel.ts";
import type { RowLocator } from "./row-locator.ts";
import type { Scores } from "./scores.ts";
import type { Unparsed } from "./unparsed.ts";

/** Where the rows of values were. */
export interface FoundRows {
  /** How many are in the blob. */
  blobCount: number;
  /** How many are among those that are kept. */
  keptCount: number;
  /** [F]: how many values of each field no row is of. */
  unseen: Uint32Array;
}

/** What was scored directly, and where the rows of its values were. */
export interface DirectScores extends Scores, FoundRows {
  /** Milliseconds in the kernel's forward pass. */
  kernelMs: number;
}

/** Lists that are not tried after one that could not be scored directly, doubled with each further one. */
const MAX_PAUSE = 64;

/**
 * Scores the records of a list straight from their JSON, a batch after the other, in the kernel's own buffers: no
 * entry, key or address leaves the kernel but of rows that it does not have. That takes records that are simple
 * (JsonEncoder) and all of whose rows are at hand. For all others, and for what is wrong with them, there is the way
 * over EncodedRecords.
 */
export class DirectScorer {
  readonly #kernel: Kernel;
  readonly #json: JsonEncoder;
  readonly #batch: EncodedBatch;
  readonly #rows: RowLocator;
  readonly #pageCount: number;
  /** Lists that are not tried, and how many were not the last time. */
  #pause = 0;
  #lastPause = 0;

  constructor(kernel: Kernel, json: JsonEncoder, batch: EncodedBatch, rows: RowLocator, pageCount: number) {
    this.#kernel = kernel;
    this.#json = json;
    this.#batch = batch;
    this.#rows = rows;
    this.#pageCount = pageCount;
  }

  /** Whether it is worth while to try a list. */
  takes({ length, takeJson }: Listed<unknown>): boolean {
    if (!takeJson || length === 0) return false;
    if (this.#pause === 0) return true;
    this.#pause--;
    return false;
  }

  /** Makes a context that of the candidates to come. Null where that cannot be done directly. */
  scoreContext(context: Unparsed, kept: KeptRows): FoundRows | null {
    const { unseen } = this.#batch;
    unseen.fill(0);
    let found: FoundRows | null = null;
    const take = (): boolean => {
      const keptCount = this.#locate(kept);
      if (keptCount < 0) return false;
      this.#kernel.scoreContextInPlace();
      found = { blobCount: this.#batch.inBlob, keptCount, unseen: unseen.slice() };
      return true;
    };
    const isTaken = context.takeJson((bytes, at, end) => this.#json.each(bytes, at, end, "context", take));
    return isTaken ? found : null;
  }

  /**
   * Scores the records of a list; null where that cannot be done directly. `isRanked`: they are candidates of the
   * context that the kernel has, and have the fields of items alone.
   */
  score(list: Listed<unknown>, isRanked: boolean, kept: KeptRows): DirectScores | null {
    const count = list.length;
    const logits = new Float32Array(count);
    const scores = new Float32Array(count);
    const counts = { blobCount: 0, keptCount: 0, kernelMs: 0 };
    const side: FieldSide | undefined = isRanked ? "item" : undefined;
    const { unseen } = this.#batch;
    unseen.fill(0);
    let done = 0;
    const take = (records: number): boolean => {
      const found = this.#locate(kept);
      if (found < 0) return false;
      counts.keptCount += found;
      counts.blobCount += this.#batch.inBlob;
      const started = performance.now();
      this.#kernel.scoreInPlace(records, isRanked, logits, scores, done);
      counts.kernelMs += performance.now() - started;
      done += records;
      return true;
    };
    const isTaken = list.takeJson?.((bytes, at, end) => this.#json.each(bytes, at, end, side, take));
    if (!isTaken || done < count) {
      this.#lastPause = Math.min(MAX_PAUSE, 2 * this.#lastPause + 1);
      this.#pause = this.#lastPause;
      return null;
    }
    this.#lastPause = 0;
    return { logits, scores, unseen: unseen.slice(), rowsMissing: 0, rowsFromPages: 0, ...counts };
  }

  /** Finds the rows of the records that were encoded. Returns how many are kept; -1 where one is not at hand. */
  #locate(kept: KeptRows): number {
    const absent = this.#batch.locate();
    return absent > 0 ? this.#findAbsent(absent, kept) : 0;
  }

  /** Gives the entries without a row the row that is kept, or their OOV row. Returns how many are kept; -1: not all. */
  #findAbsent(absent: number, kept: KeptRows): number {
    const { offsets, keys, addresses, unseen, fields } = this.#batch;
    let slots = 0;
    let cell = 0;
    let left = absent;
    for (let entry = 0; entry < addresses.length && left > 0; entry++) {
      if (addresses[entry] !== 0) continue;
      left--;
      while ((offsets[cell + 1] as number) <= entry) cell++;
      const lo = keys[2 * entry] as number;
      const hi = keys[2 * entry + 1] as number;
      const number = kept.find(lo, hi, pageOfKey(hi, this.#pageCount));
      if (number === UNKNOWN_ROW) return -1;
      if (number >= 0) {
        if (slots === ARENA_ROWS) return -1;
        addresses[entry] = this.#kernel.placeKept(slots++, kept, number);
      } else {
        const field = cell % fields;
        addresses[entry] = this.#rows.oovAddress(field);
        this.#rows.countUnseen(unseen, field, lo, hi);
      }
    }
    return slots;
  }
}
