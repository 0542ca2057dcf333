import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { pageOfKey } from "../../format/keys.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import { pageKey } from "../../format/store.ts";
import type { LocatedRecords } from "../../runtime/row-locator.ts";
import { MAX_ROWS_KEPT } from "../limits.ts";
import type { Source } from "../source/source.ts";
import type { WantedPage } from "./wanted-page.ts";

/** The keys that a request looks for in pages, in memory of their own: at most MAX_ROWS_KEPT of them. */
export function keysByPage(
  manifest: BlobManifest,
  located: LocatedRecords,
): { keys: Map<number, number[]>; isAll: boolean } {
  const { encoded, addresses, pages, itemKeys } = located;
  const found = new Map<number, number[]>();
  let count = 0;
  for (let entry = 0; entry < addresses.length; entry++) {
    if (addresses[entry] !== 0) continue;
    const lo = encoded.keys[2 * entry] as number;
    const hi = encoded.keys[2 * entry + 1] as number;
    const page = pageOfKey(hi, manifest.pageCount);
    if (!pages.has(page)) continue;
    const keys = found.get(page);
    // A value that all records have is looked for once for each.
    if (keys && keys.at(-1) === hi && keys.at(-2) === lo) continue;
    if (keys) keys.push(lo, hi);
    else found.set(page, [lo, hi]);
    if (++count === MAX_ROWS_KEPT) return { keys: found, isAll: false };
  }
  return { keys: found, isAll: addItemKeys(found, manifest, itemKeys, MAX_ROWS_KEPT - count) };
}

/** Adds the keys of items that are looked for in item pages, at most `most`. Returns whether these are all. */
function addItemKeys(
  found: Map<number, number[]>,
  { pageCount, itemPages }: BlobManifest,
  itemKeys: Uint32Array,
  most: number,
): boolean {
  for (let i = 0; i < Math.min(itemKeys.length, 2 * most); i += 2) {
    const [lo, hi] = [itemKeys[i] as number, itemKeys[i + 1] as number];
    const page = pageCount + pageOfKey(hi, itemPages);
    const keys = found.get(page);
    if (keys) keys.push(lo, hi);
    else found.set(page, [lo, hi]);
  }
  return itemKeys.length <= 2 * most;
}

/** What is read of a page of a version of a model, by its number among all of them. */
export function describe(
  number: number,
  manifest: BlobManifest,
  { source, version }: { source: Source; version: string },
): WantedPage {
  const { pageDigests, pageCount, rowType, embeddingDim, rowCount, itemPages } = manifest;
  const digest = pageDigests.subarray(number * PAGE_DIGEST_BYTES, (number + 1) * PAGE_DIGEST_BYTES);
  const key = pageKey(digest);
  const place = source.byVersion ? `${version}:${key}` : key;
  const rows = `${place}:${number}/${pageCount}:${rowType}x${embeddingDim}`;
  if (number < pageCount) return { number, digest, key, identity: rows };
  return { number, digest, key, identity: `${rows}:${itemPages}:${rowCount}:${manifest.sides}` };
}
