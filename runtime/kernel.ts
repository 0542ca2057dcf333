import * as c from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import * as abi from "./abi.ts";
import { EncodedBatch } from "./encoded-batch.ts";
import { JsonEncoder } from "./json-encoder.ts";
import type { KeptRows } from "./kept-rows.ts";
import type { KernelExports } from "./kernel-exports.ts";
import type { PlacedBlob } from "./placed-blob.ts";

const LOAD_PROBLEMS: Record<number, string> = {
  [abi.LOAD_TOO_SHORT]: "it is shorter than a header and section table",
  [abi.LOAD_BAD_MAGIC]: "it does not begin with the magic DFEM",
  [abi.LOAD_BAD_VERSION]: `its version is not one of ${c.OLDEST_BLOB_VERSION} to ${c.BLOB_VERSION}`,
  [abi.LOAD_BAD_LENGTH]: "its header states another length than it has",
  [abi.LOAD_BAD_TABLE]: "its section table does not match its checksum",
  [abi.LOAD_BAD_SECTION]: "a section is out of place or out of bounds",
  [abi.LOAD_BAD_CHECKSUM]: "a section does not match its checksum",
  [abi.LOAD_BAD_MODEL]: "section MODEL states sizes outside the limits",
  [abi.LOAD_BAD_ROWS]: "sections BUCKETS, KEYS, ROWS, PAGES and FILTER do not fit section MODEL",
  [abi.LOAD_BAD_LAYER]: "a layer does not fit its neighbors or section DENSE",
  [abi.LOAD_NO_MEMORY]: "the memory for it could not be had",
  [abi.LOAD_BAD_ITEMS]: "sections ITEM_KEYS and ITEMS do not fit section MODEL",
};

const CALL_PROBLEMS: Record<number, string> = {
  [abi.CALL_NOT_LOADED]: "no blob is loaded",
  [abi.CALL_BAD_COUNT]: "more records or entries than a call may have",
  [abi.CALL_BAD_OFFSETS]: "offsets that do not ascend from 0",
  [abi.CALL_BAD_ADDRESS]: "a row address outside the rows, or an item outside the catalogue",
  [abi.CALL_NO_CONTEXT]: "candidates before a context",
  [abi.CALL_NO_ITEMS]:
    "sums of an item, of a model with products, whose factors are of both sides, or with a catalogue of entries",
};

/** The number that `lookupItems` gives for a key that is not in the catalogue. */
export const NO_ITEM = 0xffffffff;

/** Up to MAX_BATCH records, encoded, as the kernel takes them. */
export interface KernelBatch {
  /** n·F + 1 positions of entries, which may start at any number. */
  offsets: Uint32Array;
  /** The addresses of the rows of the entries from offsets[0] on. */
  addresses: Uint32Array;
  /** The numbers that these rows are multiplied by. */
  values: Float32Array;
}

/**
 * One instance of the scoring kernel, with one blob loaded. Dropping it frees the model. The kernel's own buffers take
 * at most MAX_BATCH records and MAX_ENTRIES entries at a time; `Scorer` cuts a request into such calls.
 */
export class Kernel {
  /** Bytes of one row. */
  readonly rowBytes: number;
  /** Where the blob's rows begin: field f's OOV row is at rowsAddress + f · rowBytes. */
  readonly rowsAddress: number;
  /** All of the kernel's memory, in which addresses are offsets. */
  readonly memory: DataView;
  readonly #exports: KernelExports;
  readonly #fields: number;
  readonly #keys: Uint32Array;
  readonly #addresses: Uint32Array;
  readonly #values: Float32Array;
  readonly #offsets: Uint32Array;
  readonly #arena: Uint8Array;
  readonly #arenaWords: Uint32Array;
  readonly #arenaAddress: number;
  readonly #logits: Float32Array;
  readonly #scores: Float32Array;

  /** Encodes records from their JSON; null where it has no plan for that, or cannot. */
  readonly json: JsonEncoder | null;
  /** The records that it has encoded so, where the kernel makes all of their entries. */
  readonly encoded: EncodedBatch | null;

  /**
   * Loads a blob where it is. `spec`: its spec, for a kernel that is to encode records from their JSON. Throws
   * FormatError where the kernel refuses it.
   */
  constructor({ kernel, bytes }: PlacedBlob, fields: number, spec?: FittedSpec, hasPages = false) {
    const code = kernel.load(bytes.length);
    if (code !== abi.LOAD_OK)
      throw new FormatError("blob", `the kernel refuses it: ${LOAD_PROBLEMS[code] ?? `code ${code}`}`);

    this.json = spec ? JsonEncoder.of(kernel, spec, hasPages) : null;
    this.encoded = this.json?.isAlone ? new EncodedBatch(kernel, fields) : null;
    // The memory does not grow after that, so these views stay attached.
    const { buffer } = kernel.memory;
    this.memory = new DataView(buffer);
    this.#exports = kernel;
    this.#fields = fields;
    this.rowBytes = kernel.rowBytes();
    this.rowsAddress = kernel.rowsAddress();
    this.#keys = new Uint32Array(buffer, kernel.keysAddress(), 2 * abi.MAX_ENTRIES);
    this.#addresses = new Uint32Array(buffer, kernel.rowAddresses(), abi.MAX_ENTRIES);
    this.#values = new Float32Array(buffer, kernel.valuesAddress(), abi.MAX_ENTRIES);
    this.#offsets = new Uint32Array(buffer, kernel.offsetsAddress(), abi.MAX_BATCH * fields + 1);
    this.#arenaAddress = kernel.arenaAddress();
    this.#arena = new Uint8Array(buffer, this.#arenaAddress, abi.ARENA_ROWS * this.rowBytes);
    this.#arenaWords = new Uint32Array(buffer, this.#arenaAddress, this.#arena.byteLength / 4);
    this.#logits = new Float32Array(buffer, kernel.logitsAddress(), abi.MAX_BATCH);
    this.#scores = new Float32Array(buffer, kernel.scoresAddress(), abi.MAX_BATCH);
  }

  /** Looks up the n keys of 2n words among the blob's rows. Writes n addresses, 0 where the blob has no such key. */
  lookup(keys: Uint32Array, addresses: Uint32Array): void {
    for (let start = 0; start < addresses.length; start += abi.MAX_ENTRIES) {
      const count = Math.min(abi.MAX_ENTRIES, addresses.length - start);
      this.#keys.set(keys.subarray(2 * start, 2 * (start + count)));
      check("lookup", this.#exports.lookup(count));
      addresses.set(this.#addresses.subarray(0, count), start);
    }
  }

  /**
   * Copies a row from a page to place `slot` of the arena. Returns its address, which is good until a row is put there
   * again.
   */
  placeRow(slot: number, row: Uint8Array): number {
    const offset = slot * this.rowBytes;
    this.#arena.set(row, offset);
    return this.#arenaAddress + offset;
  }

  /** As `placeRow`, with a row that is kept elsewhere. */
  placeKept(slot: number, kept: KeptRows, number: number): number {
    const offset = slot * this.rowBytes;
    kept.copy(number, this.#arenaWords, offset / 4);
    return this.#arenaAddress + offset;
  }

  /** As `placeRow`, with the row at word `from` of `words`. */
  placeWords(slot: number, words: Uint32Array, from: number): number {
    const offset = slot * this.rowBytes;
    const at = offset / 4;
    for (let i = 0; i < this.rowBytes / 4; i++) this.#arenaWords[at + i] = words[from + i];
    return this.#arenaAddress + offset;
  }

  /** Scores the n ≤ MAX_BATCH records of a batch. Writes n logits and n probabilities. */
  score(batch: KernelBatch, logits: Float32Array, scores: Float32Array): void {
    const records = this.#take(batch);
    check("score", this.#exports.score(records));
    this.#give(records, logits, scores);
  }

  /**
   * Scores the n records in `encoded`, each of whose entries has got its row's address; `isRanked`: as candidates.
   * Writes n logits and n probabilities, from number `from` on.
   */
  scoreInPlace(n: number, isRanked: boolean, logits: Float32Array, scores: Float32Array, from: number): void {
    const { score, scoreCandidates } = this.#exports;
    check("score", isRanked ? scoreCandidates(n) : score(n));
    this.#give(n, logits, scores, from);
  }

  /** Makes the only record of a batch the context of the candidates that follow. Only its context fields count. */
  scoreContext(batch: KernelBatch): void {
    this.#take(batch);
    check("scoreContext", this.#exports.scoreContext());
  }

  /** As `scoreContext`, with the only record in `encoded`, each of whose entries has got its row's address. */
  scoreContextInPlace(): void {
    check("scoreContext", this.#exports.scoreContext());
  }

  /**
   * Scores n ≤ MAX_BATCH candidates, of which only the item fields count, with that context. The result is that of
   * `score` for whole records, to the bit unless the first layer is float32, whose sums are taken in another order.
   * Throws without a context.
   */
  scoreCandidates(batch: KernelBatch, logits: Float32Array, scores: Float32Array): void {
    const records = this.#take(batch);
    check("scoreCandidates", this.#exports.scoreCandidates(records));
    this.#give(records, logits, scores);
  }

  /** Looks up the n keys of 2n words in the catalogue. Writes n item numbers, NO_ITEM where it has no such key. */
  lookupItems(keys: Uint32Array, items: Uint32Array): void {
    for (let start = 0; start < items.length; start += abi.MAX_ENTRIES) {
      const count = Math.min(abi.MAX_ENTRIES, items.length - start);
      this.#keys.set(keys.subarray(2 * start, 2 * (start + count)));
      check("lookupItems", this.#exports.lookupItems(count));
      items.set(this.#addresses.subarray(0, count), start);
    }
  }

  /** Scores n ≤ MAX_BATCH items of the catalogue, by their numbers, with the context of the last `scoreContext`. */
  scoreItems(items: Uint32Array, logits: Float32Array, scores: Float32Array): void {
    this.#addresses.set(items);
    check("scoreItems", this.#exports.scoreItems(items.length));
    this.#give(items.length, logits, scores);
  }

  /**
   * Computes the catalogue's record of an item, the only record of a batch. The last `scoreContext` is forgotten by it.
   */
  precomputeItem(batch: KernelBatch): Uint8Array {
    this.#take(batch);
    check("precomputeItem", this.#exports.precomputeItem());
    const { memory, itemRecordAddress, itemBytes } = this.#exports;
    return new Uint8Array(memory.buffer, itemRecordAddress(), itemBytes()).slice();
  }

  /** Copies a batch into the kernel's buffers. Returns the number of its records. */
  #take({ offsets, addresses, values }: KernelBatch): number {
    const first = offsets[0];
    for (let i = 0; i < offsets.length; i++) this.#offsets[i] = offsets[i] - first;
    this.#addresses.set(addresses);
    this.#values.set(values);
    return (offsets.length - 1) / this.#fields;
  }

  /** A loop takes less time than the views that `set` needs. */
  #give(records: number, logits: Float32Array, scores: Float32Array, from = 0): void {
    for (let i = 0; i < records; i++) {
      logits[from + i] = this.#logits[i];
      scores[from + i] = this.#scores[i];
    }
  }
}

function check(call: string, code: number): void {
  if (code !== abi.CALL_OK)
    throw new Error(`kernel: ${call} refused its input: ${CALL_PROBLEMS[code] ?? `code ${code}`}`);
}
