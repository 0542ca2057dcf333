import { randomFillSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PAGE_DIGEST_BYTES, TYPE_I8 } from "../../format/constants.ts";
import { toHex } from "../../format/hash.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { blobWithPages } from "../../testing/format/paged-model.ts";

/** Rows of a page: of 584 that fit 16 KiB at k = 10, as many as pages have on average that fill by hash. */
const ROWS_OF_A_PAGE = 450;
const K = 10;

/** Writes a folder as `export` does, of a model with so many rows in pages. Their values are random. */
export async function writeSyntheticExport(folder: string, rows: number): Promise<{ pages: number; bytes: number }> {
  const pages = Math.ceil(rows / ROWS_OF_A_PAGE);
  const layout = { rowType: TYPE_I8, embeddingDim: K, pageCount: pages };
  const digests = new Uint8Array(pages * PAGE_DIGEST_BYTES);
  mkdirSync(join(folder, "pages"), { recursive: true });
  let bytes = 0;
  for (let page = 0; page < pages; page++) {
    const count = Math.min(ROWS_OF_A_PAGE, rows - page * ROWS_OF_A_PAGE);
    const content = writePage(layout, page, keysOf(page, pages, count), randomRows(count));
    const digest = await pageDigest(content);
    digests.set(digest, page * PAGE_DIGEST_BYTES);
    writeFileSync(join(folder, "pages", `${toHex(digest)}.page`), content);
    bytes += content.length;
  }
  const { model, version, blob } = await blobWithPages(digests, `${rows} rows`);
  writeFileSync(join(folder, `${version}.blob`), blob);
  const names = Array.from({ length: pages }, (_, i) => toHex(digests.subarray(i * 16, (i + 1) * 16)));
  writeFileSync(join(folder, "export.json"), JSON.stringify({ model, version, pages: names }));
  return { pages, bytes };
}

/** Ascending keys of a page, pairs of words, spread over its part of the range of high words. */
function keysOf(page: number, pages: number, count: number): Uint32Array {
  const keys = randomFillSync(new Uint32Array(2 * count));
  const range = 2 ** 32 / pages;
  for (let i = 0; i < count; i++) keys[2 * i + 1] = Math.ceil(page * range) + Math.floor((i * (range - 2)) / count);
  return keys;
}

/** Rows whose scale and weight are finite. */
function randomRows(count: number): Uint8Array {
  const stride = rowStride(TYPE_I8, K);
  const rows = randomFillSync(new Uint8Array(count * stride));
  const view = new DataView(rows.buffer);
  for (let at = 0; at < rows.length; at += stride) {
    view.setFloat32(at, 0.01, true);
    view.setFloat32(at + 4, 0.5, true);
  }
  return rows;
}
