import { calibrateLogits, scoreOfLogit } from "../format/calibration.ts";
import { columnOf } from "../format/columns.ts";
import { EncodedRecords } from "../format/encoded-records.ts";
import { FormatError } from "../format/errors.ts";
import { type BlobManifest, readManifest } from "../format/read-blob.ts";
import { MAX_BATCH } from "./abi.ts";
import { BatchFiller, type PageRows } from "./batch-filler.ts";
import { DirectScorer, type DirectScores, type FoundRows } from "./direct-scorer.ts";
import { type EncodingLimits, type Listed, NO_LIMITS } from "./encoding-limits.ts";
import { type Explanation, explainLogit, type RawExplanation } from "./explanation.ts";
import { itemId } from "./item-id.ts";
import { EntryCatalogue, type FoundItems, ITEM_AT_HAND, ITEM_UNKNOWN } from "./items/entry-catalogue.ts";
import { encodeItems, makeEntries } from "./items/item-makers.ts";
import { ItemBatchFiller } from "./items/item-records.ts";
import { rankEntries } from "./items/rank-entries.ts";
import { type KeptRows, NOTHING_KEPT } from "./kept-rows.ts";
import { Kernel, type KernelBatch, NO_ITEM } from "./kernel.ts";
import { OtherItems } from "./other-items.ts";
import type { PlacedBlob } from "./placed-blob.ts";
import { RequestEncoder } from "./request-encoder.ts";
import { type LocatedRecords, RowLocator } from "./row-locator.ts";
import type { Scores } from "./scores.ts";
import { parsed, Unparsed } from "./unparsed.ts";

/** A context and the items that are to be ranked for it. */
export interface LocatedItems {
  /**
   * The context, then the items that the catalogue does not have, of which nothing but the id is known; then those
   * whose records an item page may have, for where it does not come.
   */
  records: LocatedRecords;
  /** The number of each item in the blob's catalogue, or NO_ITEM. */
  numbers: Uint32Array;
  /** Where the catalogue is one of entries: what was found of each item. */
  found: FoundItems | null;
}

type RunBatch = (batch: KernelBatch, logits: Float32Array, scores: Float32Array) => void;

/**
 * Scores records with one model: encodes them, looks them up in the blob, takes the other rows from pages, and runs the
 * kernel. The caller brings the pages between `locate` and `score`, from wherever it keeps them. Both calls are
 * synchronous.
 */
export class Scorer {
  readonly manifest: BlobManifest;
  readonly #encoder: RequestEncoder;
  readonly #kernel: Kernel;
  readonly #rows: RowLocator;
  readonly #batches: BatchFiller;
  readonly #fields: number;
  readonly #direct: DirectScorer | null;
  readonly #entries: { catalogue: EntryCatalogue; batches: ItemBatchFiller; itemFields: number } | null;

  /** Throws FormatError where the blob is refused. */
  constructor(blob: PlacedBlob) {
    this.manifest = readManifest(blob.bytes);
    const { spec, pageCount, filter } = this.manifest;
    const { byteOffset } = blob.bytes; // loading may detach them
    this.#fields = spec.fields.length;
    this.#kernel = new Kernel(blob, this.#fields, spec, pageCount > 0);
    this.#encoder = new RequestEncoder(spec, this.#kernel.json);
    const words = new Uint32Array(blob.kernel.memory.buffer, byteOffset + filter.offset, filter.bytes / 4);
    this.#rows = new RowLocator(this.manifest, this.#kernel, words);
    this.#batches = new BatchFiller(this.#kernel, this.#rows, this.#fields, pageCount);
    const { json, encoded } = this.#kernel;
    this.#direct = json && encoded && new DirectScorer(this.#kernel, json, encoded, this.#rows, pageCount);
    const { itemEntries } = this.manifest;
    this.#entries = itemEntries && {
      catalogue: new EntryCatalogue(this.manifest, itemEntries, blob.kernel.memory.buffer, byteOffset),
      batches: new ItemBatchFiller(this.#kernel, this.#fields),
      itemFields: spec.fields.filter(({ side }) => side === "item").length,
    };
  }

  /**
   * Encodes records. Throws FormatError at the first one that breaks the spec, and at the one with which there are more
   * values than `given` allows: multi-valued fields can make millions of values out of a few bytes each.
   */
  encode(records: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    return this.#encoder.encode(records, given);
  }

  /**
   * Encodes one context and its candidates, for `rank`. Record 0 gets the context's fields, and each of the others the
   * fields of an item. Throws FormatError as `encode` does, and where a record has a field of the other side.
   */
  encodeCandidates(context: unknown, candidates: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    return this.#encoder.encodeCandidates(context, candidates, given);
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
    const position = this.#encoder.records.fields.findIndex(({ name }) => name === field);
    const encoded = new EncodedRecords(ids.length, ids.length, limits.reserve);
    let i = 0;
    for (const id of ids) {
      const place = `items[${i++}]`;
      this.#encoder.records.encodeValue(position, itemId(id, this.#encoder.records, position, place), encoded, place);
    }
    const numbers = new Uint32Array(ids.length);
    const keys = encoded.keys.subarray(0, 2 * encoded.entries);
    this.#kernel.lookupItems(keys, numbers);
    const catalogue = this.#entries?.catalogue;
    let held = catalogue ? encoded.bytes : 0;
    const found = catalogue?.find(keys, numbers, kept, (bytes) => limits.reserve(held + bytes)) ?? null;
    if (found) held += found.records.bytes;
    const reserve = (bytes: number): void => limits.reserve(held + bytes);
    const states = found?.states ?? Uint8Array.from(numbers, (of) => (of === NO_ITEM ? ITEM_UNKNOWN : ITEM_AT_HAND));
    const others = new OtherItems(columnOf(this.#encoder.records.fields[position]) ?? field, ids, states);
    const candidates = this.#encoder.encodeCandidates(
      context,
      others,
      { ...limits, reserve },
      "items",
      () => "items", // in another order than the request's
    );
    const records = this.#rows.locate(candidates, ids.length, { ...limits, reserve }, kept, 1 + others.unknown);
    if (found && catalogue) {
      records.blobCount += found.fromBlob;
      records.itemsKept = found.kept;
      catalogue.namePages(found, records, limits.maxPages);
    }
    return { records, numbers, found };
  }

  /** Finds the rows of encoded records, as `RowLocator.locate` does. */
  locate(
    encoded: EncodedRecords,
    contextUses = 1,
    given: EncodingLimits = {},
    kept: KeptRows = NOTHING_KEPT,
  ): LocatedRecords {
    return this.#rows.locate(encoded, contextUses, given, kept);
  }

  /**
   * Scores located records with the pages at hand. A row that neither the blob nor a page has scores as its field's OOV
   * row.
   */
  score(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores {
    const unseen = located.unseen.slice();
    return this.#calibrated(this.#scoreFrom(0, located, pages, unseen, (...batch) => this.#kernel.score(...batch)));
  }

  /**
   * Scores records straight from their JSON, where all their rows are at hand; null where that cannot be done: then
   * `encode`, `locate` and `score` do it, or say what is wrong. The scores are the same to the bit.
   */
  scoreDirectly(records: Listed<unknown>, kept: KeptRows = NOTHING_KEPT): DirectScores | null {
    if (!this.#direct?.takes(records)) return null;
    const scored = this.#direct.score(records, false, kept);
    return scored && this.#calibrated(scored);
  }

  /**
   * As `scoreDirectly`, with one context, which may be Unparsed, and its candidates, in place of `encodeCandidates`,
   * `locate` and `rank`.
   */
  rankDirectly(context: unknown, candidates: Listed<unknown>, kept: KeptRows = NOTHING_KEPT): DirectScores | null {
    if (!this.#direct?.takes(candidates)) return null;
    const ofContext = this.#scoreContext(this.#direct, context, kept);
    const ranked = ofContext && this.#direct.score(candidates, true, kept);
    if (!ranked) return null;
    for (let f = 0; f < this.#fields; f++) ranked.unseen[f] = ranked.unseen[f] + ofContext.unseen[f];
    ranked.blobCount += ofContext.blobCount;
    ranked.keptCount += ofContext.keptCount;
    return this.#calibrated(ranked);
  }

  /** Makes a context that of the candidates to come; null where not all of its rows are at hand. */
  #scoreContext(direct: DirectScorer, context: unknown, kept: KeptRows): FoundRows | null {
    const found = context instanceof Unparsed ? direct.scoreContext(context, kept) : null;
    if (found) return found;
    const located = this.locate(this.encodeCandidates(parsed(context), []), 1, {}, kept);
    if (located.pages.size > 0) return null;
    this.#kernel.scoreContext(this.#batches.fill(0, 1, located, new Map(), located.unseen).batch);
    return located;
  }

  /** Scores located records as `score` does, and says of each what its logit is the sum of. */
  explain(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>): Scores & { explanations: Explanation[] } {
    const unseen = located.unseen.slice();
    const fields = this.#fields;
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

  /** Of the candidates, those up to, and without, record number `end`. */
  #rank(located: LocatedRecords, pages: ReadonlyMap<number, PageRows>, end = located.encoded.count): Scores {
    const unseen = located.unseen.slice();
    const context = this.#batches.fill(0, 1, located, pages, unseen);
    this.#kernel.scoreContext(context.batch);
    const run: RunBatch = (...batch) => this.#kernel.scoreCandidates(...batch);
    const scores = this.#scoreFrom(1, located, pages, unseen, run, end);
    scores.rowsMissing += context.rowsMissing;
    scores.rowsFromPages += context.rowsFromPages;
    return scores;
  }

  /**
   * Scores the items that `locateItems` found with their context, each from its record in the catalogue. The scores are
   * those of `rank`: to the bit where the catalogue is of entries, and otherwise up to the order in which float32 sums
   * are taken. Items that are not in the catalogue, or whose page is not given, score by their id alone.
   */
  rankItems({ records, numbers, found }: LocatedItems, pages: ReadonlyMap<number, PageRows>): Scores {
    if (found && this.#entries) {
      const first = 1 + found.unknown;
      const unknown = this.#rank(records, pages, first);
      const run: RunBatch = (...batch) => this.#kernel.scoreCandidates(...batch);
      const scoreAlone = (at: number): Scores =>
        this.#scoreFrom(first + at, records, pages, new Uint32Array(this.#fields), run, first + at + 1);
      const ranking = { ...this.#entries, kernel: this.#kernel, unknown, scoreAlone };
      return this.#calibrated(rankEntries(found, pages, ranking));
    }
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
  #calibrated<Of extends Scores>(result: Of): Of {
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
    const { encoded, keys } = encodeItems(this.#encoder.records, items, position);
    const located = this.locate(encoded);
    const batchOf = (i: number): KernelBatch => this.#batches.fill(i, i + 1, located, pages, located.unseen).batch;
    return { keys, records: items.map((_, i) => this.#kernel.precomputeItem(batchOf(i))) };
  }

  /**
   * Makes the records of entries of items, and with them the row keys of the items' ids, the values of the field at
   * `position`. A record has itself the rows that the blob does not have, which are taken from `pages`, all pages of
   * the model. Throws FormatError as `encode` does, where an item has no id, and where a record would be too long.
   */
  describeItems(
    items: readonly unknown[],
    position: number,
    pages: ReadonlyMap<number, PageRows>,
  ): { keys: Uint32Array; records: Uint32Array[] } {
    const { encoded, keys } = encodeItems(this.#encoder.records, items, position);
    const { addresses } = this.locate(encoded);
    const { pageCount } = this.manifest;
    return { keys, records: makeEntries({ encoded, addresses, pages, pageCount }, this.#kernel, this.#fields) };
  }

  /**
   * Scores the records from `first` on up to, and without, number `count`, a batch in each call of `run`. Values that
   * no page has are added to `unseen`.
   */
  #scoreFrom(
    first: number,
    located: LocatedRecords,
    pages: ReadonlyMap<number, PageRows>,
    unseen: Uint32Array,
    run: RunBatch,
    count = located.encoded.count,
  ): Scores {
    const logits = new Float32Array(count - first);
    const scores = new Float32Array(count - first);
    let rowsMissing = 0;
    let rowsFromPages = 0;
    for (let start = first; start < count; ) {
      const { batch, end, ...rows } = this.#batches.fill(start, count, located, pages, unseen);
      run(batch, logits.subarray(start - first, end - first), scores.subarray(start - first, end - first));
      rowsMissing += rows.rowsMissing;
      rowsFromPages += rows.rowsFromPages;
      start = end;
    }
    return { logits, scores, rowsMissing, rowsFromPages, unseen };
  }
}
