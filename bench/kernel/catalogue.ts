import type { ModelBlob } from "../../format/blob.ts";
import { compareKeys } from "../../format/keys.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { Kernel } from "../../runtime/kernel.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Caller } from "./caller.ts";
import { BENCH_RECORDS, type BenchCase, CONTEXT_FIELDS, type Precision } from "./cases.ts";
import type { Way } from "./contestant.ts";

export interface CatalogueModel {
  model: ModelBlob;
  /** Each record's item, by its number in the catalogue. */
  numbers: Uint32Array;
}

/** A case's model for a way of scoring: with a catalogue where that needs one, and else with numbers that are all 0. */
export function modelFor(one: BenchCase, precision: Precision, way: Way): CatalogueModel {
  if (way === "catalogue") return withCatalogue(one, precision);
  return { model: one.models[precision], numbers: new Uint32Array(BENCH_RECORDS) };
}

/** A case's model with a catalogue of all records' items. An item is named by its first field's value. */
export function withCatalogue({ fields, rows, models }: BenchCase, precision: Precision): CatalogueModel {
  const model = models[precision];
  const caller = new Caller(
    new Kernel(placeBlob(kernelModule("relaxed"), writeBlob(model)), fields),
    fields,
    rows,
    CONTEXT_FIELDS,
  );
  const keys = Uint32Array.from({ length: 2 * BENCH_RECORDS }, (_, word) => {
    const row = rows[(word >>> 1) * fields + CONTEXT_FIELDS];
    return model.keys[2 * (row - fields) + (word & 1)];
  });
  const word = (item: number, i: number): number => keys[2 * item + i];
  const order = Array.from({ length: BENCH_RECORDS }, (_, i) => i);
  order.sort((a, b) => compareKeys(word(a, 0), word(a, 1), word(b, 0), word(b, 1)));
  const numbers = new Uint32Array(BENCH_RECORDS);
  order.forEach((record, number) => {
    numbers[record] = number;
  });
  const items = order.map((record) => caller.item(record));
  const stride = items[0].length;
  const records = new Uint8Array(BENCH_RECORDS * stride);
  items.forEach((item, i) => {
    records.set(item, i * stride);
  });
  const sorted = Uint32Array.from(order.flatMap((record) => [word(record, 0), word(record, 1)]));
  return { model: { ...model, items: { field: CONTEXT_FIELDS, keys: sorted, records } }, numbers };
}
