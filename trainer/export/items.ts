import type { ItemCatalogue } from "../../format/blob.ts";
import { columnOf, columnsOf, crossesSides, type FieldOrigin } from "../../format/columns.ts";
import { MAX_BLOB_BYTES } from "../../format/constants.ts";
import { FormatError, show } from "../../format/errors.ts";
import { itemStride } from "../../format/items.ts";
import { compareKeys } from "../../format/keys.ts";
import { Page } from "../../format/page.ts";
import { canNameItems } from "../../format/read-model.ts";
import { RecordEncoder } from "../../format/record.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { ClickLog, placed } from "../data/click-log.ts";
import { type RawRecord, rawRecord } from "../data/raw-record.ts";
import { keyText } from "../data/shared-key.ts";
import { bytesText } from "../terminal/table.ts";
import type { DraftExport } from "./export.ts";

/** What a catalogue costs, and how far its scores are from those of whole items. The blob has it as evidence. */
export interface CatalogueReport {
  field: string;
  items: number;
  bytesPerItem: number;
  /** The largest difference to the logits of the same items with all their fields, over `contexts` × all items. */
  maxLogitDifference: number;
  /** How many contexts were compared. */
  contexts: number;
}

/** Opens a log of items. Only the columns of the item's fields are read; `data.select` may compute them. */
export function openCatalogue(spec: FeatureSpec, paths: readonly string[]): Promise<ClickLog> {
  const names = new Set(columnsOfSide(spec, "item"));
  const { types, format, hive } = spec.data;
  const select = Object.fromEntries(Object.entries(spec.data.select).filter(([name]) => names.has(name)));
  return ClickLog.open(paths, { data: { types, hive, select, shuffle: 1, ...(format && { format }) } });
}

/**
 * Adds a catalogue of the items in `log` to a draft. Each item is named by its value of the field `id`; its share of a
 * score is computed by the kernel that serves. Scores from the catalogue are compared with those of whole items in the
 * given contexts. Throws FormatError where the field cannot name items, where an item has no name or stands twice with
 * different fields, where the model has products, or where the blob would be too large.
 */
export async function addCatalogue(
  { model, blob, pages, filter, update }: DraftExport,
  id: string,
  log: ClickLog,
  contexts: readonly RawRecord[],
): Promise<{ draft: DraftExport; report: CatalogueReport }> {
  const position = model.spec.fields.findIndex(({ name }) => name === id);
  if (!canNameItems(model.spec.fields[position])) {
    const possible = model.spec.fields.filter(canNameItems).map(({ name }) => name);
    throw new FormatError(
      `--item-id ${id}`,
      `expected a categorical field of the item's side with a vocabulary: ` +
        (possible.join(", ") || "the spec has none"),
    );
  }
  const mixed = model.spec.fields.find((field) => crossesSides(field, model.spec.fields));
  if (mixed)
    throw new FormatError(
      log.path,
      `got a catalogue for a model with the cross ${show(mixed.name)} of a context's and an item's field, expected ` +
        "none such: an item of a catalogue is computed before its context is known",
    );
  const stride = itemStride(model);
  if (stride === 0)
    throw new FormatError(log.path, "got a catalogue for a model with products, whose factors are of both sides");

  const encoder = new RecordEncoder(model.spec);
  const column = columnOf(model.spec.fields[position]) ?? id;
  const idOf = (item: RawRecord): string => encoder.textOf(position, item[column], "");
  const items = await readItems(log, columnsOfSide(model.spec, "item"), { column, idOf });
  const bytes = blob.length + items.length * (stride + 8);
  if (bytes > MAX_BLOB_BYTES) {
    throw new FormatError(
      log.path,
      `got ${items.length.toLocaleString("en")} items of ${stride} bytes, with which the blob would have ` +
        `${bytesText(bytes)}, expected at most ${bytesText(MAX_BLOB_BYTES)}: fewer items, or a narrower first layer`,
    );
  }
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const pagesOf = new Map(pages.map(({ bytes: page }, i) => [i, new Page(page, scorer.manifest, i)]));
  const { keys, records } = scorer.precomputeItems(items, position, pagesOf);
  const catalogue = inOrderOfKeys(position, keys, records, stride, (item) => `${id} ${show(items[item][column])}`);
  const draft = { model: { ...model, items: catalogue }, pages, filter, update };
  const withItems = writeBlob(draft.model);
  return {
    draft: { ...draft, blob: withItems },
    report: {
      field: id,
      items: items.length,
      bytesPerItem: stride,
      maxLogitDifference: differenceOf(
        new Scorer(placeBlob(kernelModule(), withItems)),
        contexts,
        items,
        column,
        pagesOf,
      ),
      contexts: contexts.length,
    },
  };
}

export function catalogueText({ items, bytesPerItem, maxLogitDifference, contexts }: CatalogueReport): string {
  return (
    `${items.toLocaleString("en")} items of ${bytesPerItem} bytes; |Δlogit| to scoring them whole at most ` +
    `${maxLogitDifference.toExponential(1)} in ${contexts} contexts`
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
}

/** The different items of a log. An item may stand in many rows, as in a click log, if all say the same of it. */
async function readItems(log: ClickLog, names: readonly string[], { column, idOf }: ItemId): Promise<RawRecord[]> {
  const seen = new Map<string, { text: string; place: () => Promise<string> }>();
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
      if (before && before.text !== text) {
        throw new FormatError(
          await place(row),
          `got ${column} ${show(name)} as ${text}, expected ${before.text} as in ${await before.place()}`,
        );
      }
      if (before) continue;
      seen.set(name, { text, place: () => place(row) });
      items.push(item);
    }
  }
  return items;
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
  const word = (item: number, i: number): number => keys[2 * item + i];
  const order = records.map((_, i) => i);
  order.sort((a, b) => compareKeys(word(a, 0), word(a, 1), word(b, 0), word(b, 1)));
  const bytes = new Uint8Array(records.length * stride);
  order.forEach((item, i) => {
    const before = order[i - 1];
    if (i > 0 && word(item, 0) === word(before, 0) && word(item, 1) === word(before, 1))
      throw new FormatError(
        nameOf(item),
        `got the row key ${keyText(word(item, 0), word(item, 1))}, which ${nameOf(before)} has too, expected ` +
          "different ones: train with another hash key, or leave one of the two out",
      );
    bytes.set(records[item], i * stride);
  });
  return { field, keys: Uint32Array.from(order.flatMap((item) => [word(item, 0), word(item, 1)])), records: bytes };
}

/** The largest difference of a logit between scoring items from the catalogue and scoring them whole. */
function differenceOf(
  scorer: Scorer,
  contexts: readonly RawRecord[],
  items: readonly RawRecord[],
  column: string,
  pages: ReadonlyMap<number, Page>,
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
