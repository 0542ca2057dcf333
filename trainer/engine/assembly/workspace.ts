import type { Random } from "../../data/random.ts";
import type { Batch } from "../../model/engine.ts";
import type { Model } from "../../model/model.ts";
import { DenseWeights } from "./dense-weights.ts";
import { InBatchLoss } from "./in-batch.ts";
import type { TrainingKernels } from "./kernels.ts";
import { Logit, type RowPlaces } from "./logit.ts";
import type { LinearMemory } from "./memory.ts";
import type { Shared } from "./network.ts";

/** The most records of a pass, and of a step of training, that there is room for. */
export interface Capacity {
  records: number;
  trained: number;
  /** F */
  fields: number;
}

/** The addresses of a batch's arrays. */
export interface BatchPlaces extends RowPlaces {
  /** [B] */
  labels: number;
}

/** All that an engine computes in for batches of up to some size. Nothing in it outlives a call. */
export class Workspace {
  readonly capacity: Capacity;
  readonly weights: DenseWeights;
  readonly logit: Logit;
  /** Null for a model that does not learn by it. */
  readonly inBatch: InBatchLoss | null;
  /** [records] each: the logits, or what the in-batch loss adds to scores; and their gradients. */
  readonly logits: number;
  readonly dLogits: number;
  /** [records] each: sample weights and the items' numbers. */
  readonly recordWeights: number;
  readonly items: number;
  /** The gradients of the rows, of `trained` records. */
  readonly d: RowPlaces;
  /** Room for a batch whose arrays are elsewhere; null until there is one. */
  #copies: BatchPlaces | null = null;
  readonly #memory: LinearMemory;

  constructor(model: Model, capacity: Capacity, memory: LinearMemory, kernels: TrainingKernels, random: Random) {
    const { records, trained, fields } = capacity;
    const { definition } = model;
    const { rowDim: dim, networks } = definition;
    const widest = Math.max(0, ...networks.flatMap(({ hidden }) => hidden));
    this.capacity = capacity;
    this.#memory = memory;
    this.weights = new DenseWeights(memory, model);
    const turn = (): number => memory.allocateNumbers(trained * widest);
    const shared: Shared = {
      ...{ memory, kernels, random, records, trained, weights: this.weights },
      turns: [turn(), turn()],
    };
    this.logit = new Logit(definition, fields, shared);
    this.inBatch = definition.loss === "in-batch" ? new InBatchLoss(shared, dim) : null;
    [this.logits, this.dLogits, this.recordWeights, this.items] = Array.from({ length: 4 }, () =>
      memory.allocateNumbers(records),
    ) as [number, number, number, number];
    this.d = {
      embeddings: memory.allocateNumbers(trained * fields * dim),
      linear: memory.allocateNumbers(trained * fields),
    };
  }

  /** Copies a batch whose arrays are elsewhere. Returns where they are now. */
  copy({ size, fields, dim, embeddings, linear, labels }: Batch): BatchPlaces {
    const memory = this.#memory;
    const { records } = this.capacity;
    this.#copies ??= batchPlaces(memory, records, fields, dim);
    memory.floats(this.#copies.embeddings, size * fields * dim).set(embeddings.subarray(0, size * fields * dim));
    memory.floats(this.#copies.linear, size * fields).set(linear.subarray(0, size * fields));
    memory.floats(this.#copies.labels, size).set(labels.subarray(0, size));
    return this.#copies;
  }
}

/** Room for the arrays of a batch of up to so many records. */
export function batchPlaces(memory: LinearMemory, records: number, fields: number, dim: number): BatchPlaces {
  return {
    embeddings: memory.allocateNumbers(records * fields * dim),
    linear: memory.allocateNumbers(records * fields),
    labels: memory.allocateNumbers(records),
  };
}
