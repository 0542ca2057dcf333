import type { ItemCatalogue, ModelBlob } from "./blob.ts";
import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { ascending } from "./keys.ts";
import { padTo } from "./layer.ts";

/** The part of a model that decides the size of an item's record. */
export interface ItemShape extends Pick<ModelBlob, "terms" | "products" | "fmDim" | "embeddingDim"> {
  layers: readonly { outputs: number }[];
}

type ItemModel = Pick<ModelBlob, "terms" | "products" | "fmDim" | "embeddingDim" | "layers">;

/**
 * The bytes of an item's record. 0 where the model has products: their factors come from both sides, so nothing of them
 * can be computed before.
 */
export function itemStride({ terms, products, fmDim, embeddingDim, layers }: ItemShape): number {
  if (products !== 0) return 0;
  const deep = terms & c.TERM_MLP ? (layers[0]?.outputs ?? 0) : terms & c.TERM_TOWERS ? embeddingDim : 0;
  return c.ITEM_VECTORS + 4 * padTo(fmDim, c.PAD_OUTPUTS) + 4 * padTo(deep, c.PAD_OUTPUTS);
}

/** Checks the keys of the items in a blob. Throws FormatError. */
export function checkItemKeys(keys: Uint32Array): void {
  if (!ascending(keys)) refuse("ITEM_KEYS", "got keys out of order, expected them ascending");
  if (keys.length > 0 && keys[0] === 0 && keys[1] === 0) refuse("ITEM_KEYS", "got key 0, which means OOV");
}

/** Checks a catalogue of precomputed sums against its model. Throws FormatError. */
export function checkItems({ keys, records }: ItemCatalogue, model: ItemModel): void {
  const stride = itemStride(model);
  const count = keys.length / 2;
  if (count > 0 && stride === 0) refuse("MODEL", `got ${count} items, expected none with products`);
  if (records.length !== count * stride)
    refuse("ITEMS", `got ${records.length} bytes, expected ${count} items of ${stride}`);
  checkItemKeys(keys);
  const broken = Array.from({ length: count }, (_, i) => i).find((i) => !isItem(records, i * stride, model));
  if (broken !== undefined)
    refuse("ITEMS", `got item ${broken} with a number that is not finite, or not zero in its padding`);
}

function isItem(records: Uint8Array, at: number, { terms, fmDim, embeddingDim, layers }: ItemModel): boolean {
  const view = new DataView(records.buffer, records.byteOffset + at);
  const [first] = layers;
  const deep = c.ITEM_VECTORS + 4 * padTo(fmDim, c.PAD_OUTPUTS);
  if (!isVector(view, c.ITEM_LOGIT, 1, c.ITEM_VECTORS / 4, true)) return false;
  if (!isVector(view, c.ITEM_VECTORS, fmDim, padTo(fmDim, c.PAD_OUTPUTS), true)) return false;
  if (terms & c.TERM_TOWERS) return isVector(view, deep, embeddingDim, padTo(embeddingDim, c.PAD_OUTPUTS), true);
  if (!(terms & c.TERM_MLP) || !first) return true;
  const float = first.weights instanceof Float32Array;
  return isVector(view, deep, first.outputs, padTo(first.outputs, c.PAD_OUTPUTS), float);
}

/** Whether the first `used` of `count` words from `at` on are finite, if they are floats, and the others are zero. */
function isVector(view: DataView, at: number, used: number, count: number, float: boolean): boolean {
  for (let i = 0; i < count; i++) {
    if (i >= used && view.getUint32(at + 4 * i, true) !== 0) return false;
    if (i < used && float && !Number.isFinite(view.getFloat32(at + 4 * i, true))) return false;
  }
  return true;
}

function refuse(section: string, problem: string): never {
  throw new FormatError(`blob: section ${section}`, problem);
}
