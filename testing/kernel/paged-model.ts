// A model most of whose rows are in pages, for counting the keys that requests read.
import * as c from "../../format/constants.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { rowStride, writeRow } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import { filterOf, HASH_KEY } from "../format/hash-key.ts";
import { seeded } from "../format/random.ts";
import { randomModel } from "./random-model.ts";

/** Values of each field that have a row, where nothing else is asked for. */
export const VALUES = 25_000;
const SHAPE = { fields: 2, embeddingDim: 16, hidden: [32], rowType: c.TYPE_I8 };

/** Value number i of a field. */
export function textOf(i: number): string {
  return `v${i}`;
}

export interface PagedModel {
  exported: ExportedModel;
  /** The field of an item. */
  item: string;
  /** The field of the context. */
  context: string;
}

/**
 * A DeepFM of one field of an item and one of the context. Each has so many values with a row, all of which are in
 * pages.
 */
export async function pagedModel({ pages: pageCount = 1000, values = VALUES } = {}): Promise<PagedModel> {
  const model = randomModel({ ...SHAPE, hotRows: 0, pages: pageCount });
  const layout = { rowType: SHAPE.rowType, embeddingDim: SHAPE.embeddingDim, pageCount };
  const keys = model.spec.fields.flatMap(({ name }) => {
    const hash = rowKeyHash(HASH_KEY, name);
    return Array.from({ length: values }, (_, i) => hash(textOf(i), { lo: 0, hi: 0 }));
  });
  const byPage = Map.groupBy(
    keys.toSorted((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi)),
    ({ hi }) => pageOfKey(hi, pageCount),
  );
  const pages = await Promise.all(
    Array.from({ length: pageCount }, async (_, page) => {
      const words = Uint32Array.from((byPage.get(page) ?? []).flatMap(({ lo, hi }) => [lo, hi]));
      const rows = randomRows(seeded(page), words.length / 2);
      const bytes = writePage(layout, page, words, rows);
      return { bytes, digest: await pageDigest(bytes) };
    }),
  );
  pages.forEach(({ digest }, page) => {
    model.pageDigests.set(digest, page * c.PAGE_DIGEST_BYTES);
  });
  const exported = await sealExport({ model: { ...model, filter: filterOf(keys) }, pages }, {}, [{}]);
  const nameOf = (side: string): string => model.spec.fields.find((field) => field.side === side)?.name ?? "";
  return { exported, item: nameOf("item"), context: nameOf("context") };
}

function randomRows(random: () => number, count: number): Uint8Array {
  const { rowType, embeddingDim } = SHAPE;
  const stride = rowStride(rowType, embeddingDim);
  const rows = new DataView(new ArrayBuffer(count * stride));
  const values = new Float32Array(1 + embeddingDim);
  for (let row = 0; row < count; row++) {
    for (let j = 0; j < values.length; j++) values[j] = random() - 0.5;
    writeRow(rowType, embeddingDim, values, 0, rows, row * stride);
  }
  return new Uint8Array(rows.buffer);
}
