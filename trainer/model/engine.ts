import type { Random } from "../data/random.ts";
import type { Model } from "./model.ts";
import type { RowKernels } from "./row-kernels.ts";

/**
 * Records as an engine sees them: the rows of each field's entries are gathered from the tables, multiplied by the
 * entries' values x and summed. Arrays may be longer than the shapes say: only the beginning counts.
 */
export interface Batch {
  /** The number of records, B. */
  readonly size: number;
  /** The number of fields, F. */
  readonly fields: number;
  /** The length of a row's vector, D. */
  readonly dim: number;
  /** [B, F·D]: Σ x·v over the entries of each field. */
  readonly embeddings: Float32Array;
  /** [B, F]: Σ x·w over the entries of each field. */
  readonly linear: Float32Array;
  /** [B]: 0 or 1. */
  readonly labels: Float32Array;
  /** [B] sample weights; null where the log has none. */
  readonly weights: Float32Array | null;
  /** Each record's item, where the in-batch loss is asked for; otherwise null. */
  readonly items: BatchItems | null;
}

/** The items of a batch's records. */
export interface BatchItems {
  /** [B]: the row of the record's item, -1 where it has none. */
  rows: Int32Array;
  /** [B]: ln of the item's share among the positive records of the training log. */
  logShares: Float32Array;
}

/** Arrays that the rows and labels of a batch are gathered into, as those of a Batch. */
export type BatchArrays = Pick<Batch, "embeddings" | "linear" | "labels">;

/** The mean loss of a batch, and its gradients. The arrays may be the engine's own: they hold until its next call. */
export interface Gradients {
  loss: number;
  /** The gradient of the dense weights, laid out as `model.parameters.values`. */
  dense: Float32Array;
  /** [B, F·D] */
  dEmbeddings: Float32Array;
  /** [B, F] */
  dLinear: Float32Array;
  /** BatchNorm's mean and variance of each layer over this batch, laid out as `model.runningStats.values`. */
  batchStats: Float32Array;
}

/** Receives the input [B, K] of each layer of a network, of the output layer last, a batch at a time. */
export type OnActivations = (network: string, layer: number, input: Float32Array) => void;

/**
 * What computes with a model: arrays in, arrays out. It reads the dense weights from `model` at each call and changes
 * nothing; the learner owns rows, weights, optimizers and running statistics.
 */
export interface Engine {
  /**
   * The loss in training mode (dropout is on, BatchNorm uses the batch's own statistics), and its gradients. `onLoss`
   * is called once: when the loss is known, before the way back.
   */
  gradients(batch: Batch, onLoss?: () => void): Gradients;
  /** [B]. As in the two methods below, dropout is off and BatchNorm uses its running statistics. */
  logits(batch: Batch, onActivations?: OnActivations): Float32Array;
  /** A two-tower model's vectors, both [B, D + 1]. Their inner product is the logit but for what all items share. */
  vectors(batch: Batch): { context: Float32Array; item: Float32Array };
  /**
   * Arrays in the engine's own memory, into which a batch of up to `records` records is gathered so that none of it is
   * copied. An engine that has no such memory takes a batch from any arrays.
   */
  batchArrays?(records: number, fields: number): BatchArrays;
  /**
   * What the engine does with rows of a table of V = `rows`, if its memory has room for them; otherwise null. An engine
   * that does nothing with rows leaves them to the host.
   */
  rowKernels?(rows: number): RowKernels | null;
  /** The batch's mean of the loss that the model learns by (`model.definition.loss`). */
  ownLoss(batch: Batch): number;
}

/**
 * Makes an engine for a model. Dropout draws from `random`, the learner's generator, whose state a checkpoint keeps.
 */
export type EngineFactory = (model: Model, random: Random) => Engine;
