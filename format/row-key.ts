import { type ChaskeyKey, chaskey, chaskeyKey, chaskeyText } from "./chaskey.ts";
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
    const seed = fieldSeed(field);
    return (text, out) => murmur128Text(text, seed, out);
  }
  const key = fieldKey(hashKey, field);
  return (text, out) => chaskeyText(text, key, out);
}

/** What a field's texts are hashed with, in words: the twelve of Chaskey's key; without a `hashKey`, the seed. */
export function rowKeyWords(hashKey: string | undefined, field: string): Int32Array {
  return hashKey === undefined ? Int32Array.of(fieldSeed(field)) : fieldKey(hashKey, field);
}

function fieldSeed(field: string): number {
  return murmur128Text(field, 0, { lo: 0, hi: 0 }).lo;
}

function fieldKey(hashKey: string, field: string): ChaskeyKey {
  return chaskeyKey(chaskey(new TextEncoder().encode(field), chaskeyKey(fromHex(hashKey))));
}
