import type { ItemCatalogue } from "../../format/blob.ts";
import { columnOf, columnsOf, crossesSides, type FieldOrigin } from "../../format/columns.ts";
import { MAX_BLOB_BYTES } from "../../format/constants.ts";
import { counted } from "../../format/counted.ts";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { FormatError, show } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { ItemPage } from "../../format/item-page.ts";
import { itemStride } from "../../format/items.ts";
import { compareKeys } from "../../format/keys.ts";
import { Page } from "../../format/page.ts";
import { canNameItems } from "../../format/read-model.ts";
import { RecordEncoder } from "../../format/record.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { ClickLog, placed } from "../data/click-log.ts";
import { type RawRecord, rawRecord } from "../data/raw-record.ts";
import { keyText } from "../data/shared-key.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { bytesText } from "../terminal/table.ts";
import type { DraftExport } from "./export.ts";
import { filterBitsFor } from "./filter.ts";
import { type PlacedItems, placeItems } from "./item-pages.ts";
import { KEY_BYTES } from "./rows.ts";

/** What a catalogue costs, and how far its scores are from those of whole items. The blob has it as evidence. */
export interface CatalogueReport {
  field: string;
  items: number;
  /** What an item's record is: its precomputed sums, or the entries of its fields. */
  form: "sums" | "entries";
  /** On average. */
  bytesPerItem: number;
  /** How many of the items the blob has. */
  inBlob: number;
  /** How many item pages have the others, and their bytes. */
  pages: number;
  pageBytes: number;
  /** The largest difference to the logits of the same items with all their fields, over `contexts` × `compared`. */
  maxLogitDifference: number;
  /** How many contexts were compared. */
  contexts: number;
  /** How many items were. */
  compared: number;
}

/** Where items may be, and what says which ones are wanted most. */
export interface ItemPlacement {
  rows: Pick<FeatureSpec["rows"], "itemBytes" | "pageBytes">;
  vocabulary: Pick<Vocabulary, "row" | "counts">;
}

/** Items of a catalogue of entries that are compared: whatever number there is, they are made alike. */
const COMPARED_ITEMS = 1000;

/** Opens a log of items. Only the columns of the item's fields are read; `data.select` may compute them. */
export function openCatalogue(spec: FeatureSpec, paths: readonly string[]): Promise<ClickLog> {
  const names = new Set(columnsOfSide(spec, "item"));
  const { types, format, hive } = spec.data;
  const select = Object.fromEntries(Object.entries(spec.data.select).filter(([name]) => names.has(name)));
  const fields = spec.fields.filter(({ side }) => side === "item");
  return ClickLog.open(paths, { data: { types, hive, select, shuffle: 1, ...(format && { format }) }, fields });
}

/**
 * Throws FormatError where the field `id` cannot name items, or where `log` lacks a column of theirs: what an export
 * measures before it adds the catalogue takes minutes.
 */
export async function checkCatalogue(spec: FittedSpec, id: string, log: ClickLog): Promise<void> {
  namingField(spec, id, log.path);
  for await (const _ of log.chunks(columnsOfSide(spec, "item"))) return;
}

/**
 * Adds a catalogue of the items in `log` to a draft. Each item is named by its value of the field `id`; what it adds
 * to a score is computed by the kernel that serves. Where these sums do not fit `rows.itemBytes`, or the model has
 * products, whose factors are of both sides, the catalogue is one of entries, and items may be in pages. Scores from
 * the catalogue are compared with those of whole items in the given contexts. Throws FormatError where the field
 * cannot name items, where an item has no name or stands twice with different fields, or where the blob would be too
 * large.
 */
export async function addCatalogue(
  { model, blob, pages, filter, update }: DraftExport,
  id: string,
  log: ClickLog,
  contexts: readonly RawRecord[],
  { rows, vocabulary }: ItemPlacement,
): Promise<{ draft: DraftExport; report: CatalogueReport }> {
  const position = namingField(model.spec, id, log.path);
  const encoder = new RecordEncoder(model.spec);
  const column = columnOf(model.spec.fields[position]) ?? id;
  const idOf = (item: RawRecord): string => encoder.textOf(position, item[column], "");
  const out = new EncodedRecords();
  const entriesOf = (item: RawRecord): string => {
    out.clear();
    encoder.encodeItem(item, out, "");
    const offsets = out.offsets.subarray(0, model.spec.fields.length + 1);
    return [offsets, out.keys.subarray(0, 2 * out.entries), out.values.subarray(0, out.entries)].join(";");
  };
  const items = await readItems(log, columnsOfSide(model.spec, "item"), { column, idOf, entriesOf });
  if (items.length === 0) throw new FormatError(log.path, "got no rows, expected items");
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const pagesOf = new Map<number, Page | ItemPage>(
    pages.map(({ bytes: page }, i) => [i, new Page(page, scorer.manifest, i)]),
  );
  const nameOf = (item: number): string => `${id} ${show(items[item][column])}`;
  const stride = itemStride(model);
  const ofSums = stride > 0 && items.length * (stride + KEY_BYTES) <= rows.itemBytes;
  let placed: PlacedItems;
  if (ofSums) {
    const { keys, records } = scorer.precomputeItems(items, position, pagesOf);
    placed = { catalogue: inOrderOfKeys(position, keys, records, stride, nameOf), pages: [] };
  } else {
    const { keys, records } = describeInParts(scorer, items, position, pagesOf);
    refuseTwins(keys, nameOf);
    const counts = Uint32Array.from({ length: items.length }, (_, i) => {
      const row = vocabulary.row(position, keys[2 * i], keys[2 * i + 1]);
      return row < model.spec.fields.length ? 0 : vocabulary.counts[row];
    });
    const room = {
      blobBytes: rows.itemBytes,
      pageBytes: rows.pageBytes,
      rowPages: pages.length,
      filterBits: filterBitsFor,
    };
    placed = await placeItems({ field: position, keys, records, counts }, scorer.manifest, room);
  }
  const { catalogue } = placed;
  const { starts, filter: itemFilter } = catalogue.entries ?? { starts: NO_FILTER, filter: NO_FILTER };
  const parts = [catalogue.keys, catalogue.records, starts, itemFilter];
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, blob.length);
  if (bytes > MAX_BLOB_BYTES)
    throw new FormatError(
      log.path,
      `got items of ${bytesText(bytes - blob.length)} in the blob, with which it would have ${bytesText(bytes)}, ` +
        `expected at most ${bytesText(MAX_BLOB_BYTES)}: a smaller rows.itemBytes, or fewer items`,
    );
  const pageDigests = new Uint8Array([...pages, ...placed.pages].flatMap(({ digest }) => [...digest]));
  const withPages = { ...model, items: catalogue, pageDigests };
  const draft = { model: withPages, pages: [...pages, ...placed.pages], filter, update, blob: writeBlob(withPages) };
  const served = new Scorer(placeBlob(kernelModule(), draft.blob));
  placed.pages.forEach(({ bytes: page }, i) => {
    pagesOf.set(pages.length + i, new ItemPage(page, served.manifest, i));
  });
  const compared = ofSums ? items : items.slice(0, COMPARED_ITEMS);
  const pageBytes = placed.pages.reduce((sum, page) => sum + page.bytes.length, 0);
  return {
    draft,
    report: {
      field: id,
      items: items.length,
      form: ofSums ? "sums" : "entries",
      bytesPerItem: ofSums ? stride : Math.round((catalogue.records.length + pageBytes) / Math.max(1, items.length)),
      inBlob: catalogue.keys.length / 2,
      pages: placed.pages.length,
      pageBytes,
      maxLogitDifference: differenceOf(served, contexts, compared, column, pagesOf),
      contexts: contexts.length,
      compared: compared.length,
    },
  };
}

/**
 * The position of the field that is to name the items. Throws FormatError where it cannot, or the model has no items.
 */
function namingField(spec: FittedSpec, id: string, path: string): number {
  const position = spec.fields.findIndex(({ name }) => name === id);
  if (!canNameItems(spec.fields[position])) {
    const possible = spec.fields.filter(canNameItems).map(({ name }) => name);
    throw new FormatError(
      `--item-id ${id}`,
      `got ${position < 0 ? "no field" : "another field"}, expected a categorical one of the item's side with a ` +
        `vocabulary: ${possible.join(", ") || "the spec has none"}`,
    );
  }
  const mixed = spec.fields.find((field) => crossesSides(field, spec.fields));
  if (mixed)
    throw new FormatError(
      path,
      `got a catalogue for a model with the cross ${show(mixed.name)} of a context's and an item's field, expected ` +
        "none such: an item of a catalogue is computed before its context is known",
    );
  return position;
}

/** Items that are encoded at a time. */
const PART_ITEMS = 10_000;

/**
 * The keys and records of entries of all items, a part after the other, so that no more of them are encoded at a time.
 */
function describeInParts(
  scorer: Scorer,
  items: readonly RawRecord[],
  position: number,
  pages: ReadonlyMap<number, Page | ItemPage>,
): { keys: Uint32Array; records: Uint32Array[] } {
  const keys = new Uint32Array(2 * items.length);
  const records: Uint32Array[] = [];
  for (let start = 0; start < items.length; start += PART_ITEMS) {
    const part = scorer.describeItems(items.slice(start, start + PART_ITEMS), position, pages);
    keys.set(part.keys, 2 * start);
    for (const record of part.records) records.push(record);
  }
  return { keys, records };
}

/** Numbers of items in ascending order of their keys. Throws FormatError where two, named by `nameOf`, have one key. */
function refuseTwins(keys: Uint32Array, nameOf: (item: number) => string): number[] {
  const word = (item: number, i: number): number => keys[2 * item + i];
  const order = Array.from({ length: keys.length / 2 }, (_, i) => i);
  order.sort((a, b) => compareKeys(word(a, 0), word(a, 1), word(b, 0), word(b, 1)));
  order.forEach((item, i) => {
    const before = order[i - 1];
    if (i > 0 && word(item, 0) === word(before, 0) && word(item, 1) === word(before, 1))
      throw new FormatError(
        nameOf(item),
        `got the row key ${keyText(word(item, 0), word(item, 1))}, which ${nameOf(before)} has too, expected ` +
          "different ones: train with another hash key, or leave one of the two out",
      );
  });
  return order;
}

export function catalogueText(report: CatalogueReport): string {
  const { items, form, bytesPerItem, inBlob, pages, pageBytes, maxLogitDifference, contexts, compared } = report;
  const count = (n: number): string => n.toLocaleString("en");
  const where =
    pages === 0
      ? ""
      : `, ${count(inBlob)} in the blob and the others in ${counted(pages, "page")} of ${bytesText(pageBytes)}`;
  return (
    `${counted(items, "item")} as ${form} of ${bytesPerItem} bytes${where}; |Δlogit| to scoring ` +
    `${compared === items ? "them" : `${count(compared)} of them`} whole at most ${maxLogitDifference.toExponential(1)} in ` +
    counted(contexts, "context")
  );
}

/** The columns of a side's fields; a cross has none of its own. */
function columnsOfSide({ fields }: { fields: readonly (FieldOrigin & { side: string })[] }, side: string): string[] {
  return columnsOf(fields.filter((field) => field.side === side));
}

/** How items are told apart: by the prepared value of a column. */
interface ItemId {
  column: string;
  /** Throws FormatError at the column. */
  idOf(item: RawRecord): string;
  /** What the model reads of an item, as one text. Throws FormatError at a column. */
  entriesOf(item: RawRecord): string;
}

/**
 * The different items of a log. An item may stand in many rows, as in a click log, if all say the same of it: what the
 * model reads is the same, however it is written.
 */
async function readItems(
  log: ClickLog,
  names: readonly string[],
  { column, idOf, entriesOf }: ItemId,
): Promise<RawRecord[]> {
  const seen = new Map<string, { item: RawRecord; text: string; place: () => Promise<string> }>();
  const items: RawRecord[] = [];
  for await (const chunk of log.chunks(names)) {
    const { rows, columns, place } = chunk;
    for (let row = 0; row < rows; row++) {
      const item = rawRecord(names, columns, row);
      let name: string;
      try {
        name = idOf(item);
      } catch (error) {
        throw await placed(chunk, row, error);
      }
      if (name === "") throw new FormatError(await place(row), `got no ${column}, expected the item's name`);
      const text = JSON.stringify({ ...item, [column]: name });
      const before = seen.get(name);
      if (before && before.text !== text && !isSame(before.item, item, entriesOf)) {
        throw new FormatError(
          await place(row),
          `got ${column} ${show(name)} as ${text}, expected ${before.text} as in ${await before.place()}`,
        );
      }
      if (before) continue;
      seen.set(name, { item, text, place: () => place(row) });
      items.push(item);
    }
  }
  return items;
}

/** Whether the model reads the same of two items; one that it refuses is as no other. */
function isSame(one: RawRecord, other: RawRecord, entriesOf: ItemId["entriesOf"]): boolean {
  try {
    return entriesOf(one) === entriesOf(other);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/**
 * The catalogue in ascending order of its keys, in which the kernel looks for an item. Throws FormatError where two
 * items, named by `nameOf`, have one key.
 */
function inOrderOfKeys(
  field: number,
  keys: Uint32Array,
  records: readonly Uint8Array[],
  stride: number,
  nameOf: (item: number) => string,
): ItemCatalogue {
  const order = refuseTwins(keys, nameOf);
  const bytes = new Uint8Array(records.length * stride);
  order.forEach((item, i) => {
    bytes.set(records[item], i * stride);
  });
  return {
    field,
    keys: Uint32Array.from(order.flatMap((item) => [keys[2 * item], keys[2 * item + 1]])),
    records: bytes,
  };
}

/** The largest difference of a logit between scoring items from the catalogue and scoring them whole. */
function differenceOf(
  scorer: Scorer,
  contexts: readonly RawRecord[],
  items: readonly RawRecord[],
  column: string,
  pages: ReadonlyMap<number, Page | ItemPage>,
): number {
  const names = columnsOfSide(scorer.manifest.spec, "context");
  const ids = items.map((item) => item[column]);
  let most = 0;
  for (const record of contexts) {
    const context = Object.fromEntries(names.map((name) => [name, record[name]]));
    const whole = scorer.rank(scorer.locate(scorer.encodeCandidates(context, items)), pages).logits;
    const { logits } = scorer.rankItems(scorer.locateItems(context, ids), pages);
    logits.forEach((logit, i) => {
      most = Math.max(most, Math.abs(logit - whole[i]));
    });
  }
  return most;
}
