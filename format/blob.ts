import { MAX_BUCKET_BITS } from "./constants.ts";
import type { DenseLayer } from "./dense.ts";
import type { FittedSpec } from "./spec.ts";

/** All that a model blob holds. Shapes: F fields, k embedding dimension, h rows with a key (hot rows), P pages. */
export interface ModelBlob {
  spec: FittedSpec;
  /** Which program wrote the blob. */
  producer: string;
  rowType: number;
  /** k */
  embeddingDim: number;
  /** PART_LINEAR | PART_FM | PART_MLP: the terms that the logit sums. */
  parts: number;
  /** The constant term of the logit. */
  bias: number;
  /** h keys, ascending. */
  keys: Uint32Array;
  /** F + h rows: each field's OOV row, then the keys' rows in their order. */
  rows: Uint8Array;
  /** P × 16 bytes. */
  pageDigests: Uint8Array;
  /** Hidden layers of the MLP; the first one's inputs are the F·k embeddings. Empty without PART_MLP. */
  layers: DenseLayer[];
  /** Weights of the MLP's last layer, one a unit of the last hidden layer. */
  outputWeights: Float32Array;
}

/** Bits of a key's high word that choose its bucket: about two keys a bucket. */
export function bucketBits(keyCount: number): number {
  return Math.min(MAX_BUCKET_BITS, Math.max(1, Math.ceil(Math.log2(keyCount + 1)) - 1));
}

/** 2^bits + 1 positions: bucket i holds keys[starts[i], starts[i + 1]). */
export function bucketStarts(keys: Uint32Array, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits + 1);
  for (let i = 1; i < keys.length; i += 2) {
    const bucket = (keys[i] as number) >>> (32 - bits);
    starts[bucket + 1] = (starts[bucket + 1] as number) + 1;
  }
  for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
  return starts;
}
