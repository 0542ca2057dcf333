import type { CalibrationMap } from "./calibration.ts";
import { MAX_BUCKET_BITS, PRODUCT_INNER, PRODUCT_OUTER, SIDE_CONTEXT, SIDE_ITEM } from "./constants.ts";
import type { FittedSpec } from "./fitted-spec.ts";
import type { GoldenRecords } from "./golden.ts";
import type { DenseLayer } from "./layer.ts";

/**
 * All that a model blob holds. Shapes: F fields, D the length of a row's vector, h rows with a key (hot rows), P pages,
 * d = D − mlpFrom the length of the embeddings that the MLP or the towers take.
 */
export interface ModelBlob {
  spec: FittedSpec;
  /** Which program wrote the blob. */
  producer: string;
  /** What the raw logit goes through last; absent where the raw logit is served. */
  calibration?: CalibrationMap;
  rowType: number;
  /** D. It is 0 only where TERM_LINEAR is the only term. */
  embeddingDim: number;
  /** TERM_LINEAR | TERM_FM | TERM_MLP, or TERM_LINEAR | TERM_TOWERS: the terms that the logit sums. */
  terms: number;
  /** FM takes v[0, fmDim) of each row; 0 without TERM_FM. */
  fmDim: number;
  /** The MLP takes v[mlpFrom, D) of each row; 0 without TERM_MLP. */
  mlpFrom: number;
  /** PRODUCT_INNER | PRODUCT_OUTER: what the MLP's first layer takes beside the embeddings. 0 without TERM_MLP. */
  products: number;
  /** What inner products are multiplied by before the first layer takes them; 1 where there are none. */
  innerScale: number;
  /** What outer products are multiplied by before the first layer takes them; 1 where there are none. */
  outerScale: number;
  /** The constant term of the logit. */
  bias: number;
  /** h keys, ascending. */
  keys: Uint32Array;
  /** F + h rows: each field's OOV row, then the keys' rows in their order. */
  rows: Uint8Array;
  /** The digests of the P pages, and then those of the item pages that a catalogue of entries has, 16 bytes each. */
  pageDigests: Uint8Array;
  /** The numbers of the pages that are wanted most, the hottest first; absent where the blob does not say. */
  hotPages?: readonly number[];
  /** Which keys the pages hold, as row-filter.ts makes it; NO_FILTER where the model has none. */
  filter: Uint32Array;
  /** The side of each of the F fields, SIDE_CONTEXT or SIDE_ITEM, as `fieldSides` gives them. */
  sides: Uint8Array;
  /** The MLP's hidden layers; or all layers of the context tower and then of the item tower, output layers included. */
  layers: DenseLayer[];
  /** How many of `layers` are the context tower's, which come first; 0 without TERM_TOWERS. */
  contextLayers: number;
  /** How many of `layers` are the item tower's; 0 without TERM_TOWERS. */
  itemLayers: number;
  /** The weights of the MLP's output unit, one for each unit of the last hidden layer. Empty without TERM_MLP. */
  outputWeights: Float32Array;
  /** The precomputed items; NO_ITEMS where the model has none. */
  items: ItemCatalogue;
  evidence: Evidence;
  golden: GoldenRecords;
}

/**
 * What a blob says about itself, for people and tools: where it comes from, what its quantization cost, how its scores
 * compare with the trainer's. Nothing is computed from it, so it may have any members.
 */
export type Evidence = Record<string, unknown>;

/**
 * A catalogue of items: FORMAT.md, "ITEMS". The kernel computed their part of a score at export; or they are entries
 * (item-entries.ts), and those that are not in the blob are in item pages.
 */
export interface ItemCatalogue {
  /** The position of the field whose values are the items' ids, a field of the item side; 0 without items. */
  field: number;
  /** The row keys of the m ids in the blob, ascending. */
  keys: Uint32Array;
  /** m records in the order of the keys: of `itemStride` bytes, or of entries. */
  records: Uint8Array;
  /** Set where the records are of entries. */
  entries?: EntriesCatalogue;
}

/** How a blob has the items of a catalogue of entries, beside their keys and records. */
export interface EntriesCatalogue {
  /** [m + 1]: where each record begins, in words from the first, and where the last one ends. */
  starts: Uint32Array;
  /** Q, how many item pages there are. Their digests are the last ones in section PAGES. */
  pages: number;
  /** Which keys the item pages hold, as row-filter.ts makes it. */
  filter: Uint32Array;
}

export const NO_ITEMS: ItemCatalogue = { field: 0, keys: new Uint32Array(0), records: new Uint8Array(0) };

/** The side of each field: SIDE_CONTEXT or SIDE_ITEM. */
export function fieldSides(spec: FittedSpec): Uint8Array {
  return Uint8Array.from(spec.fields, ({ side }) => (side === "item" ? SIDE_ITEM : SIDE_CONTEXT));
}

/** How many inner products `fields` embeddings have: one for each pair of fields. */
export function innerProductCount(fields: number): number {
  return (fields * (fields - 1)) / 2;
}

/** How many outer products there are in d dimensions: the elements on and above the diagonal of a d × d matrix. */
export function outerProductCount(d: number): number {
  return (d * (d + 1)) / 2;
}

/** The number of inputs of the MLP's first layer: F·d of embeddings, then the inner products, then the outer ones. */
export function mlpInputs(fields: number, d: number, products: number): number {
  const inner = products & PRODUCT_INNER ? innerProductCount(fields) : 0;
  const outer = products & PRODUCT_OUTER ? outerProductCount(d) : 0;
  return fields * d + inner + outer;
}

/** How many of a key's highest bits choose its bucket, so that a bucket has one to two keys. */
export function bucketBits(keyCount: number): number {
  return Math.min(MAX_BUCKET_BITS, Math.max(1, Math.ceil(Math.log2(keyCount + 1)) - 1));
}

/** 2^bits + 1 positions: bucket i holds the keys from position starts[i] up to, and without, starts[i + 1]. */
export function bucketStarts(keys: Uint32Array, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits + 1);
  for (let i = 1; i < keys.length; i += 2) {
    const bucket = (keys[i] as number) >>> (32 - bits);
    starts[bucket + 1] = (starts[bucket + 1] as number) + 1;
  }
  for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
  return starts;
}
