import { viewOf } from "./container.ts";
import { roundUp } from "./dense.ts";
import { type Head, MLP, TOWERS } from "./head.ts";
import type { Layer } from "./layers.ts";
import { at, check } from "./refusal.ts";
import { faultOfKeys } from "./rows.ts";

// Section 5, sections 10 ITEM_KEYS and 11 ITEMS. Rule 16.

const RULE = 16;
const BEFORE_VECTORS = 16;

/** What an item adds to the score of any context. */
export interface Item {
  logit: number;
  /** fmDim numbers. */
  sums: number[];
  /** N sums of the first layer; or the vector of the item's tower; or nothing. */
  deep: number[];
}

/** The catalogue: items by their keys. */
export function readItems(keyBytes: Uint8Array, bytes: Uint8Array, head: Head, stack: Layer[]): Map<bigint, Item> {
  const { items: m, terms, fmDim, products, dim } = head;
  check(m === 0 || products === 0, RULE, "items with products");
  const [first] = stack;
  const deep = terms & MLP && first ? first.bias.length : terms & TOWERS ? dim : 0;
  const stride = BEFORE_VECTORS + 4 * roundUp(fmDim, 8) + 4 * roundUp(deep, 8);
  check(keyBytes.length === 8 * m, RULE, `ITEM_KEYS has ${keyBytes.length} bytes, expected ${8 * m}`);
  check(bytes.length === m * stride, RULE, `ITEMS has ${bytes.length} bytes, expected ${m * stride}`);

  const [keyView, view] = [viewOf(keyBytes), viewOf(bytes)];
  const keys = Array.from({ length: m }, (_, i) => keyView.getBigUint64(8 * i, true));
  const fault = faultOfKeys(keys);
  check(fault === undefined, RULE, `ITEM_KEYS: ${fault}`);

  /** n numbers and the zeros behind them, to a multiple of 4 · `words`. */
  const vector = (offset: number, n: number, words: number, integers = false): number[] => {
    const all = Array.from({ length: roundUp(n, words) }, (_, j) => offset + 4 * j);
    check(
      all.slice(n).every((place) => view.getUint32(place, true) === 0),
      RULE,
      `ITEMS ${offset}: padding is not zero`,
    );
    const read = (place: number) => (integers ? view.getInt32(place, true) : view.getFloat32(place, true));
    const numbers = all.slice(0, n).map(read);
    check(numbers.every(Number.isFinite), RULE, `ITEMS ${offset}: a number is not finite`);
    return numbers;
  };
  const integers = (terms & MLP) !== 0 && first?.int8 !== null;
  const items = keys.map((key, i): [bigint, Item] => {
    const vectors = i * stride + BEFORE_VECTORS;
    return [
      key,
      {
        logit: at(vector(i * stride, 1, 4), 0),
        sums: vector(vectors, fmDim, 8),
        deep: vector(vectors + 4 * roundUp(fmDim, 8), deep, 8, integers),
      },
    ];
  });
  return new Map(items);
}
