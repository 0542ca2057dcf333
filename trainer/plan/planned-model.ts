import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { itemStride } from "../../format/items.ts";
import { Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { canNameItems } from "../../format/read-model.ts";
import { rowStride } from "../../format/row.ts";
import type { ClickLog } from "../data/click-log.ts";
import { encodeLog } from "../data/encode.ts";
import { RowIndex } from "../data/row-index.ts";
import { Vocabulary } from "../data/vocabulary.ts";
import { type Quantization, rowTypeOf } from "../export/quantization.ts";
import type { StoredModel } from "../export/stored-model.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { type ItemFields, type PlannedRecords, RecordCollector } from "./planned-records.ts";
import { layOut, type PlannedRows, plannedRows, rowBytesOf, rowsInOrder } from "./planned-rows.ts";

/** Records of a log that a plan looks at unless it is told how many. */
export const PLAN_RECORDS = 100_000;

/** A model's rows, and which fields are an item's. */
export interface PlannedModel {
  rows: PlannedRows;
  isItem: ItemFields;
}

/** How large a model is. */
export interface ModelSizes {
  /** Bytes for rows in the blob, as it has them or may have them by its spec. */
  blobBytes: number;
  pageBytes: number;
  /** As for `rowFilter`. */
  filterBits?: number | undefined;
  /** Bytes of the blob without rows. */
  otherBlobBytes: number;
  /** Bytes of an item's record in a catalogue, 0 where the model can have none. */
  itemBytes: number;
  /** The item's field that has most rows; null where there is none, or where it is not known. */
  items: PlannedItems | null;
}

/** The values of an item's field, as the items of a catalogue. */
export interface PlannedItems {
  field: string;
  count: number;
  /** How often training saw each. */
  counts: Uint32Array;
  /** Bytes of an item's entries: of a row that the blob does not have, and one value of each field. */
  entryBytes: number;
  /** Bytes that a catalogue may take of the blob: `rows.itemBytes`. */
  blobBytes: number;
}

/** What an isolate has for cached rows beside two models of medium size. */
export const DEFAULT_CACHE_BYTES = 16 * 2 ** 20;

/** What a plan needs to know of a model. */
export interface PlanInput {
  fitted: FittedSpec;
  model: PlannedModel;
  sizes: ModelSizes;
}

/** A trained model, as an export with such a quantization would have it. */
export function planOfTrained(
  { spec, fitted, vocabulary, learner }: Pick<TrainedModel, "spec" | "fitted" | "vocabulary" | "learner">,
  quantization: Quantization,
  filterBits?: number,
): PlanInput {
  const { rowDim, networks, ...definition } = learner.model.definition;
  const rows = plannedRows(spec, vocabulary, rowTypeOf(quantization), rowDim);
  const [network] = networks;
  const layers = (network?.hidden ?? []).map((outputs) => ({ outputs }));
  const counts = new Uint32Array(fitted.fields.length);
  for (let row = vocabulary.fields; row < vocabulary.size; row++) counts[vocabulary.fieldOf[row]]++;
  const named = fitted.fields.flatMap((field, f) =>
    canNameItems(field) ? [{ field: field.name, count: counts[f], f }] : [],
  );
  const most = named.reduce<(typeof named)[number] | null>((a, b) => (a && a.count >= b.count ? a : b), null);
  const itemFieldCount = fitted.fields.filter(({ side }) => side === "item").length;
  return {
    fitted,
    model: { rows, isItem: itemFields(fitted) },
    sizes: {
      ...{ blobBytes: spec.rows.blobBytes, pageBytes: spec.rows.pageBytes, filterBits },
      otherBlobBytes: (quantization === "f32" ? 4 : 1) * learner.model.parameters.values.length,
      itemBytes: itemStride({ ...definition, embeddingDim: rowDim, layers }),
      items: most && {
        ...{ field: most.field, count: most.count },
        counts: vocabulary.counts.filter((_, row) => row >= vocabulary.fields && vocabulary.fieldOf[row] === most.f),
        entryBytes: 4 * (1 + itemFieldCount) + rowStride(rowTypeOf(quantization), rowDim),
        blobBytes: spec.rows.itemBytes,
      },
    },
  };
}

/**
 * An exported model. How frequent its rows are, only a log can say: `counted` are its records. The head that it has
 * stays the beginning of a larger one. Throws FormatError where a file is damaged.
 */
export async function planOfExport(
  { blob, pages }: StoredModel,
  collect: (vocabulary: Vocabulary) => Promise<PlannedRecords>,
): Promise<PlanInput & { records: PlannedRecords }> {
  const { spec: fitted, keys, rows: _, ...model } = readBlob(blob);
  const all = new KeyList(fitted.fields.length);
  all.add(keys);
  const inBlob = all.size;
  let [largest, inPages] = [0, 0];
  const pageCount = pages.length - (model.items.entries?.pages ?? 0); // those of items follow
  for (const [number, page] of pages.slice(0, pageCount).entries()) {
    const bytes = await page.read();
    largest = Math.max(largest, bytes.length);
    const { keys: paged, rowCount } = new Page(bytes, { ...model, pageCount }, number);
    inPages += rowCount;
    all.add(paged);
  }
  const found = await collect(all.vocabulary());
  // The first half tells how frequent rows are, the other one what a plan makes of it.
  const half = Math.floor(found.count / 2);
  const counts = new Uint32Array(all.size);
  for (const row of found.rows.subarray(0, found.offsets[half * found.fields])) counts[row]++;
  const vocabulary = all.vocabulary(counts);
  const byCount = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) => counts[b] - counts[a] || a - b);
  const ranked = [...byCount(fitted.fields.length, inBlob), ...byCount(inBlob, all.size)];
  const planned = rowsInOrder(
    vocabulary,
    { blob: [], paged: [], ranked, knowsFields: false },
    model.rowType,
    model.embeddingDim,
  );
  const { byteLength: filterBytes } = model.filter;
  const blobBytes = (inBlob - fitted.fields.length) * rowBytesOf(planned);
  return {
    ...{ fitted, records: recordsFrom(found, half) },
    model: { rows: planned, isItem: itemFields(fitted) },
    sizes: {
      blobBytes,
      pageBytes: pageCount > 0 ? pageBytesOf(planned, blobBytes, largest, pageCount) : DEFAULT_PAGE_BYTES,
      ...(pageCount > 0 && { filterBits: Math.floor((8 * filterBytes) / Math.max(1, inPages)) }),
      otherBlobBytes: blob.length - blobBytes - filterBytes,
      itemBytes: itemStride(model),
      items: null,
    },
  };
}

/**
 * The page size that the rows of an export were laid out for: a power of two, as most specs have it, where that gives
 * as many pages as there are, and else the bytes of the largest page.
 */
function pageBytesOf(rows: PlannedRows, blobBytes: number, largest: number, pageCount: number): number {
  const rounded = Math.max(1024, 2 ** Math.ceil(Math.log2(largest)));
  return layOut(rows, blobBytes, rounded, 0).pageCount === pageCount ? rounded : largest;
}

/** Of an export that has no pages: what the spec has by default. */
const DEFAULT_PAGE_BYTES = 16 * 1024;

/** At most so many records, the first ones of a log. Throws FormatError where it has none. */
export async function recordsOfLog(
  log: ClickLog,
  fitted: FittedSpec,
  vocabulary: Vocabulary,
  most: number,
): Promise<PlannedRecords> {
  const collector = new RecordCollector(vocabulary, most);
  for await (const { encoded } of encodeLog(log, fitted)) {
    collector.add(encoded);
    if (collector.isFull) break;
  }
  const records = collector.records();
  if (records.count < MIN_RECORDS)
    throw new FormatError(
      log.path,
      `got ${counted(records.count, "record")}, expected at least ${MIN_RECORDS} to plan with`,
    );
  return records;
}

/** Half of them tell how frequent rows are, and half of the others warm an isolate. */
export const MIN_RECORDS = 4;

function itemFields({ fields }: FittedSpec): ItemFields {
  return fields.map(({ side }) => side === "item");
}

function recordsFrom(records: PlannedRecords, first: number): PlannedRecords {
  const { count, fields, offsets } = records;
  const from = offsets[first * fields];
  return {
    ...{ count: count - first, fields },
    offsets: offsets.slice(first * fields).map((offset) => offset - from),
    rows: records.rows.slice(from),
    keys: records.keys.slice(2 * from),
    fieldOf: records.fieldOf.slice(from),
  };
}

/** Row keys, each once, after the OOV rows of F fields. */
class KeyList {
  readonly #fields: number;
  readonly #index = new RowIndex();
  readonly #words: number[];

  constructor(fields: number) {
    this.#fields = fields;
    this.#words = new Array<number>(2 * fields).fill(0);
  }

  get size(): number {
    return this.#words.length / 2;
  }

  /** Adds pairs of words (low, high). A row that was changed is in the blob, and in its page as it was before. */
  add(keys: Uint32Array): void {
    for (let i = 0; i < keys.length; i += 2)
      if (this.#index.add(keys[i], keys[i + 1], this.size) < 0) this.#words.push(keys[i], keys[i + 1]);
  }

  /** Nothing tells which field a key is of. */
  vocabulary(counts = new Uint32Array(this.size)): Vocabulary {
    return new Vocabulary(this.#fields, Uint32Array.from(this.#words), new Uint16Array(this.size), counts);
  }
}

/**
 * Records that are drawn: each field's values by how often the training log had them, whatever the other fields have.
 * For a model without a log. Values without a row are drawn as often as training had them, and none of them twice.
 */
export function recordsOfFrequencies(
  { fitted, model }: Pick<PlanInput, "fitted" | "model">,
  random: { uniform(): number; bits(): number },
  count: number,
): PlannedRecords {
  const { vocabulary } = model.rows;
  const { fields, counts, fieldOf, keys } = vocabulary;
  const rowsOf: number[][] = Array.from({ length: fields }, () => []);
  for (let row = 0; row < vocabulary.size; row++) if (counts[row] > 0) rowsOf[fieldOf[row]].push(row);
  const sums = rowsOf.map((rows) => {
    let sum = 0;
    return Float64Array.from(rows, (row) => (sum += counts[row]));
  });
  const totals = sums.map((of) => of.at(-1) ?? 0);
  const records = Math.max(1, totals.toSorted((a, b) => a - b)[Math.floor(fields / 2)]);
  const offsets = [0];
  const drawn: number[] = [];
  const words: number[] = [];
  const of: number[] = [];
  for (let record = 0; record < count; record++) {
    for (let field = 0; field < fields; field++) {
      const entries = Math.floor(totals[field] / records + random.uniform());
      for (let entry = 0; entry < entries; entry++) {
        const row = rowsOf[field][firstAbove(sums[field], random.uniform() * totals[field])];
        const isOov = row < fields;
        drawn.push(row);
        words.push(isOov ? random.bits() : keys[2 * row], isOov ? random.bits() : keys[2 * row + 1]);
        of.push(field);
      }
      offsets.push(drawn.length);
    }
  }
  const typed = { offsets: Uint32Array.from(offsets), rows: Uint32Array.from(drawn), keys: Uint32Array.from(words) };
  return { count, fields: fitted.fields.length, ...typed, fieldOf: Uint16Array.from(of) };
}

/** The first position of an ascending list whose number is above x. */
function firstAbove(sums: Float64Array, x: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
