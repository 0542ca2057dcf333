import { sha256, viewOf } from "./container.ts";
import { type ItemEntry, readRecords } from "./item-entries.ts";
import type { Model } from "./model.ts";
import { pageOf } from "./page.ts";
import { at, Refusal } from "./refusal.ts";
import { faultOfKeys } from "./rows.ts";

// Section 4: an item page holds items as entries that are not in the blob. Rules 1–6 for item pages.

/** The items of item page `number`, by their keys. */
export function readItemPage(bytes: Uint8Array, model: Model, number: number): Map<bigint, ItemEntry[]> {
  const check = (condition: boolean, rule: number, message: string): void => {
    if (!condition) throw new Refusal("item page", rule, message);
  };
  const Q = model.itemDigests.length;
  check(sha256(bytes).subarray(0, 16).equals(at(model.itemDigests, number)), 1, "the digest differs");
  check(bytes.length >= 36 && bytes.length <= 131_072 && bytes.length % 4 === 0, 2, `got ${bytes.length} bytes`);
  const view = viewOf(bytes);
  check(Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "DFEI", 3, "the magic differs");
  const count = view.getUint32(20, true);
  [1, bytes.length, model.rowType, model.dim, count, number, Q].forEach((expected, i) => {
    check(view.getUint32(4 + 4 * i, true) === expected, 3, `offset ${4 + 4 * i}: expected ${expected}`);
  });
  const orderBytes = 4 * Math.ceil(count / 2);
  check(bytes.length >= 36 + 12 * count + orderBytes, 4, `got ${bytes.length} bytes for ${count} items`);
  const keys = Array.from({ length: count }, (_, i) => view.getBigUint64(32 + 8 * i, true));
  const fault = faultOfKeys(keys) ?? keys.find((key) => pageOf(key, Q) !== number);
  check(fault === undefined, 5, `got ${fault}`);
  const refuse = (message: string): never => {
    throw new Refusal("item page", 6, message);
  };
  const order = Array.from({ length: count }, (_, i) => view.getUint16(36 + 12 * count + 2 * i, true));
  check(
    order.every((item) => item < count),
    6,
    "an item of the order is not there",
  );
  const rows = [...model.oov, ...model.rows.values()];
  return readRecords(view, keys, 32 + 8 * count, orderBytes, model, rows, model.spec, refuse);
}
