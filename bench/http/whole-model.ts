// A model of the HTTP benchmark with all of its rows in the blob.
import type { ModelBlob } from "../../format/blob.ts";
import { compareKeys } from "../../format/keys.ts";
import { Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { rowStride } from "../../format/row.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import type { HttpModel } from "./model.ts";

/** The model with the rows of its blob and of its pages in one table. */
export function wholeModel({ exported }: Pick<HttpModel, "exported">): ModelBlob {
  const model = readBlob(exported.blob);
  const stride = rowStride(model.rowType, model.embeddingDim);
  const pageCount = exported.pages.length;
  const found: { lo: number; hi: number; row: Uint8Array }[] = [];
  const F = model.spec.fields.length;
  for (let i = 0; i < model.keys.length / 2; i++) {
    const row = model.rows.subarray((F + i) * stride, (F + i + 1) * stride);
    found.push({ lo: model.keys[2 * i], hi: model.keys[2 * i + 1], row });
  }
  exported.pages.forEach((exportedPage, number) => {
    if (!("bytes" in exportedPage)) throw new Error(`page ${number}: got a name alone, expected its bytes`);
    const page = new Page(exportedPage.bytes, { ...model, pageCount }, number);
    for (let i = 0; i < page.rowCount; i++) {
      const [lo, hi] = [page.keyWord(2 * i), page.keyWord(2 * i + 1)];
      const row = page.row(lo, hi);
      if (row) found.push({ lo, hi, row });
    }
  });
  found.sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const rows = new Uint8Array((F + found.length) * stride);
  rows.set(model.rows.subarray(0, F * stride));
  found.forEach(({ row }, i) => {
    rows.set(row, (F + i) * stride);
  });
  const keys = Uint32Array.from(found.flatMap(({ lo, hi }) => [lo, hi]));
  return { ...model, keys, rows, pageDigests: new Uint8Array(0), filter: NO_FILTER };
}
