import { sha256, viewOf } from "./container.ts";
import type { Model } from "./model.ts";
import { at, Refusal } from "./refusal.ts";
import { faultOfKeys, type Row, readRow, strideOf } from "./rows.ts";

// Section 4: a page holds rows that are not in the blob. Rules 1–6 for pages.

const HEADER = 32;
const MAX_PAGE = 131_072;

/** The page of a key, of P: ⌊hi · P / 2³²⌋. */
export function pageOf(key: bigint, pages: number): number {
  return Number(((key >> 32n) * BigInt(pages)) >> 32n);
}

/** The rows of a page by their keys. */
export function readPage(bytes: Uint8Array, model: Model, number: number): Map<bigint, Row> {
  const check = (condition: boolean, rule: number, message: string) => {
    if (!condition) throw new Refusal("page", rule, message);
  };
  const { rowType, dim } = model;
  check(sha256(bytes).subarray(0, 16).equals(at(model.digests, number)), 1, "the digest differs");
  check(bytes.length >= HEADER && bytes.length <= MAX_PAGE, 2, `got ${bytes.length} bytes`);

  const view = viewOf(bytes);
  check(Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "DFEP", 3, "the magic differs");
  [1, bytes.length, rowType, dim].forEach((expected, i) => {
    const got = view.getUint32(4 + 4 * i, true);
    check(got === expected, 3, `offset ${4 + 4 * i}: got ${got}, expected ${expected}`);
  });
  check(view.getUint32(24, true) === number, 3, `got page ${view.getUint32(24, true)}, expected ${number}`);
  check(view.getUint32(28, true) === model.digests.length, 3, "the number of pages differs");

  const count = view.getUint32(20, true);
  const stride = strideOf(rowType, dim);
  check(bytes.length === HEADER + count * (8 + stride), 4, `got ${bytes.length} bytes for ${count} rows`);

  const keys = Array.from({ length: count }, (_, i) => view.getBigUint64(HEADER + 8 * i, true));
  const fault = faultOfKeys(keys) ?? keys.find((key) => pageOf(key, model.digests.length) !== number);
  check(fault === undefined, 5, `got ${fault}`);

  const rows = new Map<bigint, Row>();
  keys.forEach((key, i) => {
    const row = readRow(view, HEADER + 8 * count + i * stride, rowType, dim);
    if (row) rows.set(key, row);
    check(row !== null, 6, `row ${i} is not finite`);
  });
  return rows;
}
