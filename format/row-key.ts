import { type ChaskeyKey, chaskey, chaskeyBytes, chaskeyKey, chaskeyText } from "./chaskey.ts";
import { fromHex, type Hash64, murmur128, murmur128Text } from "./hash.ts";

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

/** As a RowKeyHash, of the text whose UTF-8 is `bytes[start, end)`. */
export type RowKeyHashOfBytes = (bytes: Uint8Array, start: number, end: number, out: Hash64) => Hash64;

/** The hash of `rowKeyHash`, for texts that are still bytes. */
export function rowKeyHashOfBytes(hashKey: string | undefined, field: string): RowKeyHashOfBytes {
  if (hashKey === undefined) {
    const seed = fieldSeed(field);
    return (bytes, start, end, out) => murmur128(bytes, start, end, seed, out);
  }
  const key = fieldKey(hashKey, field);
  return (bytes, start, end, out) => chaskeyBytes(bytes, start, end, key, out);
}

function fieldSeed(field: string): number {
  return murmur128Text(field, 0, { lo: 0, hi: 0 }).lo;
}

function fieldKey(hashKey: string, field: string): ChaskeyKey {
  return chaskeyKey(chaskey(new TextEncoder().encode(field), chaskeyKey(fromHex(hashKey))));
}
