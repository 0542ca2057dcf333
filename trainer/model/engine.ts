import type { Random } from "../data/random.ts";
import type { Model } from "./model.ts";

/**
 * Records as an engine sees them: the rows of each field are already gathered from the tables, multiplied by the values of
 * their entries and summed. B records of F fields with vectors of D numbers; arrays may be longer than these shapes say.
 */
export interface Batch {
  /** B */
  readonly size: number;
  /** F */
  readonly fields: number;
  /** D */
  readonly dim: number;
  /** [B, F·D]: each field's Σ x·v over its entries. */
  readonly embeddings: Float32Array;
  /** [B, F]: each field's Σ x·w over its entries. */
  readonly linear: Float32Array;
  /** [B]: 0 or 1. */
  readonly labels: Float32Array;
  /** [B] sample weights; null where the log has none. */
  readonly weights: Float32Array | null;
  /** For the in-batch loss only: the items that the records draw. */
  readonly items: BatchItems | null;
}

/** The item of each record of a batch. */
export interface BatchItems {
  /** [B]: the row of the record's item, -1 where it has none. */
  rows: Int32Array;
  /** [B]: ln of the item's share among the positive records of the training log. */
  logShares: Float32Array;
}

/** The mean loss of a batch, and its gradients. */
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

/** Receives the input of each layer of a network, a batch at a time: [B, K] of layer `layer`, the output layer last. */
export type OnActivations = (network: string, layer: number, input: Float32Array) => void;

/**
 * What computes with a model: arrays in, arrays out. It reads the dense weights from `model` at each call and changes nothing;
 * the learner owns rows, weights, optimizers and running statistics.
 */
export interface Engine {
  /** The loss in training mode (dropout is on, BatchNorm uses the batch's own statistics), and its gradients. */
  gradients(batch: Batch): Gradients;
  /** [B], with dropout off and BatchNorm's running statistics, as are the two below. */
  logits(batch: Batch, onActivations?: OnActivations): Float32Array;
  /** A two-tower model's vectors, [B, D + 1] both, whose inner product is the logit but for what all items share. */
  vectors(batch: Batch): { context: Float32Array; item: Float32Array };
  /** The mean over the batch of the model's own loss (`model.definition.loss`). */
  ownLoss(batch: Batch): number;
}

/** Makes an engine for a model. Dropout draws from `random`, the learner's generator, whose state a checkpoint keeps. */
export type EngineFactory = (model: Model, random: Random) => Engine;
