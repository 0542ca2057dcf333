import type { Hash64 } from "../../format/hash.ts";
import { addToFilter, newFilter } from "../../format/row-filter.ts";
import { rowKeyHash } from "../../format/row-key.ts";

/** The hash key of the models of tests and benchmarks, in place of a random one. */
export const HASH_KEY = "505152535455565758595a5b5c5d5e5f";

/** The row key of a field's text in such a model. */
export function rowKeyOf(field: string, text: string): Hash64 {
  return rowKeyHash(HASH_KEY, field)(text, { lo: 0, hi: 0 });
}

/** The filter of the keys that such a model's pages hold. */
export function filterOf(keys: readonly Hash64[]): Uint32Array {
  const filter = newFilter(keys.length, 12);
  for (const { lo, hi } of keys) addToFilter(filter, lo, hi);
  return filter;
}
