import { chaskey, chaskeyKey, chaskeyText } from "./chaskey.ts";
import { fromHex, type Hash64, murmur128Text } from "./hash.ts";

/** The row key of a canonical text of one field. Writes into `out`, and returns it. */
export type RowKeyHash = (text: string, out: Hash64) => Hash64;

/**
 * How the texts of a field become row keys: FORMAT.md, "Row key". Every field has a key of its own, made of the model's
 * and of the field's name alone, so that fields can be added and moved. `hashKey`: the fitted spec's; models from
 * before format 6 of the blob have none, and a hash whose collisions anyone can compute.
 */
export function rowKeyHash(hashKey: string | undefined, field: string): RowKeyHash {
  if (hashKey === undefined) {
    const seed = murmur128Text(field, 0, { lo: 0, hi: 0 }).lo;
    return (text, out) => murmur128Text(text, seed, out);
  }
  const key = chaskeyKey(chaskey(new TextEncoder().encode(field), chaskeyKey(fromHex(hashKey))));
  return (text, out) => chaskeyText(text, key, out);
}
