// A model most of whose rows are in pages, for counting the keys that requests read.
import * as c from "../../format/constants.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { filterOf, HASH_KEY } from "../../testing/format/hash-key.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { sealExport } from "../../trainer/export/seal.ts";

const PAGES = 1000;
/** Values of each field that have a row; all of them are in pages. */
export const VALUES = 25_000;
const SHAPE = { fields: 2, embeddingDim: 16, hidden: [32], rowType: c.TYPE_I8 };

/** Value number i of a field. */
export function textOf(i: number): string {
  return `v${i}`;
}

/** A DeepFM of one field of an item and one of the context; `item` and `context` are their names. */
export async function pagedModel(): Promise<{ exported: ExportedModel; item: string; context: string }> {
  const model = randomModel({ ...SHAPE, hotRows: 0, pages: PAGES });
  const layout = { rowType: SHAPE.rowType, embeddingDim: SHAPE.embeddingDim, pageCount: PAGES };
  const keys = model.spec.fields.flatMap(({ name }) => {
    const hash = rowKeyHash(HASH_KEY, name);
    return Array.from({ length: VALUES }, (_, i) => hash(textOf(i), { lo: 0, hi: 0 }));
  });
  const byPage = Map.groupBy(
    keys.toSorted((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi)),
    ({ hi }) => pageOfKey(hi, PAGES),
  );
  const pages = await Promise.all(
    Array.from({ length: PAGES }, async (_, page) => {
      const words = Uint32Array.from((byPage.get(page) ?? []).flatMap(({ lo, hi }) => [lo, hi]));
      const rows = new Uint8Array((words.length / 2) * rowStride(SHAPE.rowType, SHAPE.embeddingDim));
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
