import { calibrateLogits, scoreOfLogit } from "../format/calibration.ts";
import { columnOf } from "../format/columns.ts";
import { EncodedRecords } from "../format/encoded-records.ts";
import { FormatError } from "../format/errors.ts";
import type { Hash64 } from "../format/hash.ts";
import { JsonRecordEncoder } from "../format/json-record.ts";
import { pageOfKey } from "../format/keys.ts";
import { ownValue } from "../format/own-value.ts";
import type { Page } from "../format/page.ts";
import type { RawValue } from "../format/raw-value.ts";
import { type BlobManifest, readManifest } from "../format/read-blob.ts";
import { type FieldSide, RecordEncoder } from "../format/record.ts";
import { filterHas } from "../format/row-filter.ts";
import { rowKeyHash } from "../format/row-key.ts";
import { ARENA_ROWS, MAX_BATCH, MAX_ENTRIES } from "./abi.ts";
import { type EncodingLimits, LimitError, type Listed, NO_LIMITS, readEach } from "./encoding-limits.ts";
import { type Explanation, explainLogit, type RawExplanation } from "./explanation.ts";
import { itemId } from "./item-id.ts";
import { isKept, type KeptRows, keptAddress, keptNumber, NO_ROW, NOTHING_KEPT, UNKNOWN_ROW } from "./kept-rows.ts";
import { Kernel, type KernelBatch, NO_ITEM } from "./kernel.ts";
import { OtherItems } from "./other-items.ts";
import type { PlacedBlob } from "./placed-blob.ts";

/** Bytes of a row's address, and of a page's number in a Set, which V8 may keep twice while it grows. */
const ADDRESS_BYTES = 4;
const PAGE_NUMBER_BYTES = 64;

/** Encoded records with the addresses of their rows, as far as these are known without a page. */
export interface LocatedRecords {
  encoded: EncodedRecords;
  /**
   * For each entry the address of its row in the blob; that of its field's OOV row where neither the blob nor a page
   * has one; 0 where a page may have it; or an odd number, for a row of `kept` (kept-rows.ts).
   */
  addresses: Uint32Array;
  /** Rows of pages that are at hand. */
  kept: KeptRows;
  /** How many of the addresses stand for rows of `kept`. */
  keptCount: number;
  /** How many of the addresses are of rows in the blob that have a key. */
  blobCount: number;
  /** The pages that may hold the other rows: by number, how many of the scores would use rows of it. */
  pages: Map<number, number>;
  /** [F]: how many of each field's values are known to be unseen without a page. */
  unseen: Uint32Array;
}

/** What scoring needs of a page: a key's row, or null where the page has none. */
export type PageRows = Pick<Page, "row">;

/** A context and the items that are to be ranked for it. */
export interface LocatedItems {
  /** The context, then the items that the catalogue does not have, of which nothing but the id is known. */
  records: LocatedRecords;
  /** The number of each item in the catalogue, or NO_ITEM. */
  numbers: Uint32Array;
}

export interface Scores {
  /** What is served: calibrated, where the model has a calibration map. */
  logits: Float32Array;
  /** Probabilities, sigmoid(logit). */
  scores: Float32Array;
  /** Entries that were scored with an OOV row because their page was not given. */
  rowsMissing: number;
  /** Entries that were scored with a row of a page that was given. */
  rowsFromPages: number;
  /**
   * [F]: how many values of each field were never seen, as neither the blob nor their page has a row for them. A
   * missing value is none, and a hashed field has none. A context's values count once.
   */
  unseen: Uint32Array;
}

/**
 * Scores records with one model: encodes them, looks them up in the blob, takes the other rows from pages, and runs the
 * kernel. The caller brings the pages between `locate` and `score`, from wherever it keeps them. Both calls are
 * synchronous.
 */
export class Scorer {
  readonly manifest: BlobManifest;
  readonly #encoder: RecordEncoder;
  readonly #jsonEncoder: JsonRecordEncoder | null;
  readonly #kernel: Kernel;
  readonly #kvFields: readonly boolean[];
  /**
   * By field: the key of a missing value, which is never unseen; null for a hashed field, which has no unseen values.
   */
  readonly #missingKeys: readonly (Hash64 | null)[];
  /** How many fields are on the item's side. */
  readonly #itemFields: number;
  /** The blob's section FILTER, in the kernel's memory. */
  readonly #filter: Uint32Array;
  /** The row addresses of a batch's entries. */
  readonly #resolved = new Uint32Array(MAX_ENTRIES);

  /** Throws FormatError where the blob is refused. */
  constructor(blob: PlacedBlob) {
    this.manifest = readManifest(blob.bytes);
    const { fields } = this.manifest.spec;
    const { byteOffset } = blob.bytes; // the kernel's `load` may detach them
    this.#kernel = new Kernel(blob, fields.length);
    const { offset, bytes } = this.manifest.filter;
    this.#filter = new Uint32Array(blob.kernel.memory.buffer, byteOffset + offset, bytes / 4);
    this.#encoder = new RecordEncoder(this.manifest.spec);
    this.#jsonEncoder = JsonRecordEncoder.of(this.manifest.spec);
    this.#itemFields = fields.filter(({ side }) => side === "item").length;
    const { hashKey } = this.manifest.spec;
    this.#missingKeys = fields.map(({ name, encoding }) =>
      encoding.kind === "hash" ? null : rowKeyHash(hashKey, name)("", { lo: 0, hi: 0 }),
    );
    this.#kvFields = fields.map((field) => field.kv && this.manifest.pageCount > 0);
  }

  /**
   * Encodes records. Throws FormatError at the first one that breaks the spec, and at the one with which there are more
   * values than `given` allows: multi-valued fields can make millions of values out of a few bytes each.
   */
  encode(records: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    const limits = { ...NO_LIMITS, ...given };
    const cells = records.length * this.#kvFields.length;
    const encoded = this.#room("records", records.length, cells, cells, limits);
    this.#readInto(encoded, "records", records, limits, undefined, (record, place) => {
      this.#encoder.encodeObject(record, encoded, place);
    });
    return encoded;
  }

  /**
   * Encodes one context and its candidates, for `rank`. Record 0 gets the context's fields, and each of the others the
   * fields of an item. Throws FormatError as `encode` does, and where a record has a field of the other side.
   */
  encodeCandidates(context: unknown, candidates: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    const limits = { ...NO_LIMITS, ...given };
    const fields = this.#kvFields.length;
    const entries = fields - this.#itemFields + candidates.length * this.#itemFields;
    const cells = (1 + candidates.length) * fields;
    const encoded = this.#room("candidates", candidates.length, cells, entries, limits);
    const parts = this.#encoder.encodeContext(context, encoded, "context");
    refuseEntriesBeyond(limits, encoded, "context");
    this.#readInto(encoded, "candidates", candidates, limits, "item", (candidate, place) => {
      this.#encoder.encodeItem(candidate, encoded, place, parts);
    });
    return encoded;
  }

  /**
   * Encodes a context, and looks up items by their ids, which are values of the catalogue's field, for `rankItems`.
   * Throws FormatError as `encodeCandidates` does, where an id is no text or number or is empty, and where the model
   * has no catalogue.
   */
  locateItems(
    context: unknown,
    ids: Listed<unknown>,
    given: EncodingLimits = {},
    kept: KeptRows = NOTHING_KEPT,
  ): LocatedItems {
    const limits = { ...NO_LIMITS, ...given };
    const field = this.manifest.items?.field;
    if (field === undefined) throw new FormatError("items", "got ids, but the model has no catalogue of items");
    const position = this.#encoder.fields.findIndex(({ name }) => name === field);
    const encoded = new EncodedRecords(ids.length, ids.length, limits.reserve);
    let i = 0;
    for (const id of ids) {
      const place = `items[${i++}]`;
      this.#encoder.encodeValue(position, itemId(id, this.#encoder, position, place), encoded, place);
    }
    const numbers = new Uint32Array(ids.length);
    this.#kernel.lookupItems(encoded.keys.subarray(0, 2 * encoded.entries), numbers);
    const others = new OtherItems(columnOf(this.#encoder.fields[position]) ?? field, ids, numbers);
    const records = this.locate(this.encodeCandidates(context, others, limits), ids.length, limits, kept);
    return { records, numbers };
  }

  /**
   * Finds the rows that the blob holds, and the pages that may hold the others. `contextUses`: how many scores record 0
   * takes part in, where it is the context of others. `kept`: rows of pages that are at hand already.
   */
  locate(
    encoded: EncodedRecords,
    contextUses = 1,
    given: EncodingLimits = {},
    kept: KeptRows = NOTHING_KEPT,
  ): LocatedRecords {
    const { maxPages, reserve } = { ...NO_LIMITS, ...given };
    const mostPages = Math.min(maxPages, this.manifest.pageCount, encoded.entries);
    reserve(encoded.bytes + ADDRESS_BYTES * encoded.entries + PAGE_NUMBER_BYTES * mostPages);
    const addresses = new Uint32Array(encoded.entries);
    const unseen = new Uint32Array(this.#kvFields.length);
    this.#kernel.lookup(encoded.keys, addresses);
    const counts = { kept, keptCount: 0, blobCount: encoded.entries };
    const located = { encoded, addresses, pages: new Map<number, number>(), unseen, ...counts };
    this.#locateAbsent(located, contextUses, mostPages);
    return located;
  }

  /**
   * Scores located records with the pages at hand. A row that neither the blob nor a page has scores as its field's OOV
   * row.
   */
  score(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores {
    const unseen = located.unseen.slice();
    return this.#calibrated(this.#scoreFrom(0, located, pages, unseen, (...batch) => this.#kernel.score(...batch)));
  }

  /** Scores located records as `score` does, and says of each what its logit is the sum of. */
  explain(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores & { explanations: Explanation[] } {
    const unseen = located.unseen.slice();
    const fields = this.#kvFields.length;
    const terms: RawExplanation[] = [];
    const raw = this.#scoreFrom(0, located, pages, unseen, (batch, logits, scores) => {
      this.#kernel.score(batch, logits, scores);
      logits.forEach((logit, r) => {
        terms.push(explainLogit(this.manifest, batch, r, fields, this.#kernel.memory, logit));
      });
    });
    const result = this.#calibrated(raw);
    const explanations = terms.map((of, i) => {
      const logit = result.logits[i];
      return { ...of, logit, score: result.scores[i], calibration: logit - of.logit };
    });
    return { ...result, explanations };
  }

  /**
   * Scores located candidates, records 1 … n, with their context, record 0, as `encodeCandidates` made them. The scores
   * are those of the whole records, to the bit unless the first layer is float32. The part of the context is computed
   * once.
   */
  rank(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores {
    return this.#calibrated(this.#rank(located, pages));
  }

  #rank(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores {
    const unseen = located.unseen.slice();
    const context = this.#batch(0, 1, located, pages, unseen);
    this.#kernel.scoreContext(context.batch);
    const scores = this.#scoreFrom(1, located, pages, unseen, (...batch) => this.#kernel.scoreCandidates(...batch));
    scores.rowsMissing += context.rowsMissing;
    scores.rowsFromPages += context.rowsFromPages;
    return scores;
  }

  /**
   * Scores the items that `locateItems` found with their context, each from its record in the catalogue. The scores are
   * those of `rank`, up to the order in which float32 sums are taken. Items that are not in the catalogue score by
   * their id alone.
   */
  rankItems({ records, numbers }: LocatedItems, pages: ReadonlyMap<number, PageRows>): Scores {
    const others = this.#rank(records, pages);
    const logits = new Float32Array(numbers.length);
    const scores = new Float32Array(numbers.length);
    const known = numbers.filter((number) => number !== NO_ITEM);
    const of = { logits: new Float32Array(known.length), scores: new Float32Array(known.length) };
    for (let start = 0; start < known.length; start += MAX_BATCH) {
      const batch = known.subarray(start, start + MAX_BATCH);
      this.#kernel.scoreItems(batch, of.logits.subarray(start), of.scores.subarray(start));
    }
    let next = 0;
    let other = 0;
    numbers.forEach((number, i) => {
      const from = number === NO_ITEM ? others : of;
      const at = number === NO_ITEM ? other++ : next++;
      logits[i] = from.logits[at];
      scores[i] = from.scores[at];
    });
    return this.#calibrated({ ...others, logits, scores });
  }

  /** Takes what the kernel gave through the calibration map, in place, where the model has one. */
  #calibrated(result: Scores): Scores {
    const { calibration } = this.manifest;
    if (!calibration) return result;
    const { logits, scores } = result;
    calibrateLogits(calibration, logits);
    for (let i = 0; i < logits.length; i++) scores[i] = scoreOfLogit(logits[i]);
    return result;
  }

  /**
   * Computes the catalogue's records of items: what each adds to the score of any context. With them come the row keys
   * of the items' ids, the values of the field at `position`. Throws FormatError as `encode` does, and where an item
   * has no id.
   */
  precomputeItems(
    items: readonly unknown[],
    position: number,
    pages: ReadonlyMap<number, PageRows>,
  ): { keys: Uint32Array; records: Uint8Array[] } {
    const encoded = new EncodedRecords();
    const column = columnOf(this.#encoder.fields[position]) ?? "";
    items.forEach((item, i) => {
      const place = `items[${i}]`;
      this.#encoder.encodeItem(item, encoded, place);
      const id = ownValue(item as object, column) as RawValue;
      if (this.#encoder.textOf(position, id, place) === "") throw new FormatError(`${place}.${column}`, "got no id");
    });
    const located = this.locate(encoded);
    const fields = this.#kvFields.length;
    const keys = Uint32Array.from({ length: 2 * items.length }, (_, word) => {
      const entry = encoded.offsets[(word >>> 1) * fields + position];
      return encoded.keys[2 * entry + (word & 1)];
    });
    const batchOf = (i: number): KernelBatch => this.#batch(i, i + 1, located, pages, located.unseen).batch;
    return { keys, records: items.map((_, i) => this.#kernel.precomputeItem(batchOf(i))) };
  }

  /**
   * Encodes the records of a list, or of their fields those of a `side`: from their JSON where that is simple, else by
   * `encode`.
   */
  #readInto(
    encoded: EncodedRecords,
    list: string,
    records: Listed<unknown>,
    limits: Required<EncodingLimits>,
    side: FieldSide | undefined,
    encode: (record: unknown, place: string) => void,
  ): void {
    let i = 0;
    readEach(records, {
      fromJson: (bytes, at, end) => {
        const { entries } = encoded;
        const next = this.#jsonEncoder?.encode(bytes, at, end, encoded, side) ?? -1;
        if (next < 0) return -1;
        if (encoded.entries > limits.maxEntries) {
          // What follows may not be JSON, which would be the greater fault.
          encoded.entries = entries;
          encoded.count--;
          return -1;
        }
        i++;
        return next;
      },
      fromValue: (record) => {
        const place = `${list}[${i++}]`;
        encode(record, place);
        refuseEntriesBeyond(limits, encoded, place);
      },
    });
  }

  /** Room for `count` records and the values of single-valued fields. Throws FormatError where that is too much. */
  #room(
    place: string,
    count: number,
    cells: number,
    entries: number,
    limits: Required<EncodingLimits>,
  ): EncodedRecords {
    const fields = this.#kvFields.length;
    if (cells > limits.maxCells) {
      const most = Math.floor(limits.maxCells / fields);
      throw new LimitError(place, `got ${count} of ${fields} fields each, expected at most ${most} in a request`);
    }
    return new EncodedRecords(cells, entries, limits.reserve);
  }

  /**
   * Scores the records from `first` on, a batch in each call of `run`. Values that no page has are added to `unseen`.
   */
  #scoreFrom(
    first: number,
    located: LocatedRecords,
    pages: ReadonlyMap<number, PageRows>,
    unseen: Uint32Array,
    run: (batch: KernelBatch, logits: Float32Array, scores: Float32Array) => void,
  ): Scores {
    const { count } = located.encoded;
    const logits = new Float32Array(count - first);
    const scores = new Float32Array(count - first);
    let rowsMissing = 0;
    let rowsFromPages = 0;
    for (let start = first; start < count; ) {
      const { batch, end, ...rows } = this.#batch(start, count, located, pages, unseen);
      run(batch, logits.subarray(start - first, end - first), scores.subarray(start - first, end - first));
      rowsMissing += rows.rowsMissing;
      rowsFromPages += rows.rowsFromPages;
      start = end;
    }
    return { logits, scores, rowsMissing, rowsFromPages, unseen };
  }

  /**
   * The longest batch from record `start` on, and the number of the record after it. Rows from pages are put into the
   * arena; values that a page at hand does not have are added to `unseen`.
   */
  #batch(
    start: number,
    limit: number,
    { encoded, addresses, kept }: LocatedRecords,
    pages: ReadonlyMap<number, PageRows>,
    unseen: Uint32Array,
  ): { batch: KernelBatch; end: number; rowsMissing: number; rowsFromPages: number } {
    const { offsets, keys, values } = encoded;
    const fields = this.#kvFields.length;
    const resolved = this.#resolved;
    const firstEntry = offsets[start * fields];
    let rowsMissing = 0;
    let rowsFromPages = 0;
    let slots = 0;
    let end = start;
    // The batch grows by whole records while their entries fit the kernel's buffers and their absent rows the arena.
    for (; end < limit && end - start < MAX_BATCH; end++) {
      const to = offsets[(end + 1) * fields];
      const from = offsets[end * fields];
      if (to - firstEntry > MAX_ENTRIES || slots + (to - from) > ARENA_ROWS) break;
      // Most records have all their rows in the blob.
      let absent = false;
      for (let entry = from; entry < to; entry++) {
        const address = addresses[entry];
        resolved[entry - firstEntry] = address;
        if (address === 0 || isKept(address)) absent = true;
      }
      for (let f = 0; absent && f < fields; f++) {
        const last = offsets[end * fields + f + 1];
        for (let entry = offsets[end * fields + f]; entry < last; entry++) {
          const address = addresses[entry];
          if (isKept(address))
            resolved[entry - firstEntry] = this.#kernel.placeKept(slots++, kept, keptNumber(address));
          if (address !== 0) continue;
          const lo = keys[2 * entry];
          const hi = keys[2 * entry + 1];
          const page = pages.get(pageOfKey(hi, this.manifest.pageCount));
          const row = page?.row(lo, hi);
          if (!page) rowsMissing++;
          else if (!row) this.#countUnseen(unseen, f, lo, hi);
          else rowsFromPages++;
          resolved[entry - firstEntry] = row ? this.#kernel.placeRow(slots++, row) : this.#oovAddress(f);
        }
      }
    }
    const entries = offsets[end * fields] - firstEntry;
    const batch = {
      offsets: offsets.subarray(start * fields, end * fields + 1),
      addresses: resolved.subarray(0, entries),
      values: values.subarray(firstEntry, firstEntry + entries),
    };
    return { batch, end, rowsMissing, rowsFromPages };
  }

  /**
   * Gives the entries without a row in the blob the row of them that is kept, or their field's OOV row, and adds the
   * latter to `unseen`, but for those whose row may be in a page. Names these pages, at most `mostPages`.
   */
  #locateAbsent(located: LocatedRecords, contextUses: number, mostPages: number): void {
    const { encoded, addresses, pages, unseen, kept } = located;
    if (!addresses.includes(0)) return;
    const fields = this.#kvFields.length;
    const contextEntries = encoded.offsets[fields];
    for (let cell = 0; cell < encoded.count * fields; cell++) {
      const field = cell % fields;
      const last = encoded.offsets[cell + 1];
      for (let entry = encoded.offsets[cell]; entry < last; entry++) {
        if (addresses[entry] !== 0) continue;
        located.blobCount--;
        const lo = encoded.keys[2 * entry];
        const hi = encoded.keys[2 * entry + 1];
        const inPage = this.#kvFields[field] && (lo | hi) !== 0 && filterHas(this.#filter, lo, hi);
        const page = inPage ? pageOfKey(hi, this.manifest.pageCount) : 0;
        const number = inPage ? kept.find(lo, hi, page) : NO_ROW;
        if (number >= 0) {
          addresses[entry] = keptAddress(number);
          located.keptCount++;
        } else if (number === UNKNOWN_ROW) {
          const uses = pages.get(page) ?? 0;
          if (uses > 0 || pages.size < mostPages) pages.set(page, uses + (entry < contextEntries ? contextUses : 1));
        } else {
          addresses[entry] = this.#oovAddress(field);
          this.#countUnseen(unseen, field, lo, hi);
        }
      }
    }
  }

  /** Counts an entry whose key has no row. The key 0 asks for the OOV row. */
  #countUnseen(unseen: Uint32Array, field: number, lo: number, hi: number): void {
    const missing = this.#missingKeys[field];
    if (missing === null || (lo | hi) === 0 || (lo === missing.lo && hi === missing.hi)) return;
    unseen[field] = unseen[field] + 1;
  }

  #oovAddress(field: number): number {
    return this.#kernel.rowsAddress + field * this.#kernel.rowBytes;
  }
}

function refuseEntriesBeyond(
  { maxEntries }: Required<EncodingLimits>,
  { entries }: EncodedRecords,
  place: string,
): void {
  if (entries > maxEntries)
    throw new LimitError(place, `got ${entries} values up to here, expected at most ${maxEntries} in a request`);
}
