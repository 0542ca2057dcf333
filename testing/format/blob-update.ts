import type { ModelBlob } from "../../format/blob.ts";
import { compareKeys } from "../../format/keys.ts";
import { integer, seeded } from "./random.ts";

/** How a blob's rows become an update's. */
export interface RowChanges {
  /** New rows with keys of their own, among the others. */
  added: number;
  /** Rows with other bytes. */
  changed: number;
  /** Rows that are gone. */
  removed?: number;
  seed: number;
}

/** A model whose rows in the blob have changed as those of an update have. */
export function withRowChanges(model: ModelBlob, { added, changed, removed = 0, seed }: RowChanges): ModelBlob {
  const random = seeded(seed);
  const word = (): number => Math.floor(random() * 2 ** 32);
  const fields = model.sides.length;
  const stride = model.rows.length / (fields + model.keys.length / 2);
  const rows = Array.from({ length: model.keys.length / 2 }, (_, i) => ({
    key: [model.keys[2 * i], model.keys[2 * i + 1]],
    bytes: model.rows.slice((fields + i) * stride, (fields + i + 1) * stride),
  }));
  for (let i = 0; i < removed; i++) rows.splice(integer(random, 0, rows.length - 1), 1);
  for (let i = 0; i < changed; i++) {
    const { bytes } = rows[integer(random, 0, rows.length - 1)];
    bytes[stride - 1 - integer(random, 0, model.embeddingDim - 1)] ^= integer(random, 1, 255);
  }
  for (let i = 0; i < added; i++)
    rows.push({
      key: [word(), word()],
      bytes: rows[integer(random, 0, rows.length - 1)].bytes.map((byte) => byte ^ 1),
    });
  rows.sort((a, b) => compareKeys(a.key[0], a.key[1], b.key[0], b.key[1]));
  const all = new Uint8Array((fields + rows.length) * stride);
  all.set(model.rows.subarray(0, fields * stride));
  for (const [i, { bytes }] of rows.entries()) all.set(bytes, (fields + i) * stride);
  return { ...model, keys: Uint32Array.from(rows.flatMap(({ key }) => key)), rows: all };
}
