import { bestKernelVariant, type KernelVariant } from "../../runtime/variant.ts";
import type { Random } from "../data/random.ts";
import type { Batch, BatchArrays, BatchItems, Engine, Gradients, OnActivations } from "../model/engine.ts";
import type { Model } from "../model/model.ts";
import type { RowKernels } from "../model/row-kernels.ts";
import type { TrainingKernels } from "./assembly/kernels.ts";
import type { OnInput } from "./assembly/logit.ts";
import { LinearMemory } from "./assembly/memory.ts";
import { rowKernels } from "./assembly/row-kernels.ts";
import { Team } from "./assembly/team.ts";
import { type BatchPlaces, batchPlaces, Workspace } from "./assembly/workspace.ts";

/** Copies of a table that an optimizer may need: the rows, and two of moments or sums. */
const ROW_COPIES = 3;
/** Numbers a row besides: its stamp and its place in a batch. */
const ROW_NUMBERS = 2;
/** Operations that take some ten microseconds: to share fewer costs more than it gains. */
const LEAST_WORK = 16384;
/** Rows that take more stay on the host: a step needs some of the 4 GiB too. */
const MOST_ROW_BYTES = 3 * 2 ** 30;

/**
 * The engine in AssemblyScript on so many threads, in the build that this process runs best, or in the one asked for.
 * What it computes does not depend on the number of threads. `leastWork`: the operations that a thread computes at a
 * time at least, if there are so many; other parts are other orders of sums.
 */
export function assemblyEngine(
  threads = 1,
  variant: KernelVariant = bestKernelVariant(),
  leastWork = LEAST_WORK,
): (model: Model, random: Random) => AssemblyEngine {
  return (model, random) => new AssemblyEngine(model, random, { threads, variant, leastWork });
}

interface AssemblySettings {
  threads: number;
  variant: KernelVariant;
  leastWork: number;
}

export class AssemblyEngine implements Engine {
  readonly #model: Model;
  readonly #random: Random;
  readonly #memory = new LinearMemory();
  readonly #team: Team;
  readonly #kernels: TrainingKernels;
  /** Where the arrays are that were handed out. They stay, so that a batch in older ones is never misread. */
  readonly #handedOut = new WeakMap<Float32Array, BatchPlaces>();
  #workspace: Workspace | null = null;
  /** Where the workspace begins. */
  #begin: number;

  constructor(model: Model, random: Random, { threads, variant, leastWork }: AssemblySettings) {
    this.#model = model;
    this.#random = random;
    const widest = Math.max(0, ...model.definition.networks.flatMap(({ hidden }) => hidden));
    this.#team = new Team(this.#memory, variant, threads, widest, leastWork);
    this.#kernels = this.#team.kernels;
    this.#begin = this.#memory.end;
  }

  /** Parts of kernels' work that other threads than the calling one have computed. */
  get partsByHelpers(): number {
    return this.#kernels.partsByHelpers();
  }

  rowKernels(rows: number): RowKernels | null {
    const numbers = rows * (ROW_COPIES * (this.#model.definition.rowDim + 1) + ROW_NUMBERS);
    if (4 * numbers > MOST_ROW_BYTES) return null;
    return rowKernels(this.#memory, this.#team, (bytes) => this.#keep(() => this.#memory.allocateZeros(bytes)));
  }

  /** Allocates what stays: before the workspace, which is made anew when it is next needed. */
  #keep<T>(allocate: () => T): T {
    this.#memory.release(this.#begin);
    this.#workspace = null;
    const allocated = allocate();
    this.#begin = this.#memory.end;
    return allocated;
  }

  batchArrays(records: number, fields: number): BatchArrays {
    const { rowDim } = this.#model.definition;
    const places = this.#keep(() => batchPlaces(this.#memory, records, fields, rowDim));
    const embeddings = this.#memory.floats(places.embeddings, records * fields * rowDim);
    this.#handedOut.set(embeddings, places);
    return {
      embeddings,
      linear: this.#memory.floats(places.linear, records * fields),
      labels: this.#memory.floats(places.labels, records),
    };
  }

  gradients(batch: Batch, onLoss?: () => void): Gradients {
    const { size, fields, dim } = batch;
    // Not where the rows are made: whoever only scores never writes to their state.
    this.#memory.populate();
    const workspace = this.#prepare(batch, true);
    const at = this.#placesOf(batch, workspace);
    const { d, weights } = workspace;
    const loss = workspace.inBatch
      ? this.#inBatchLoss(batch, at, workspace, true, onLoss)
      : this.#logisticGradients(batch, at, workspace, onLoss);
    this.#team.check();
    return {
      loss,
      dense: weights.gradients,
      dEmbeddings: this.#memory.floats(d.embeddings, size * fields * dim),
      dLinear: this.#memory.floats(d.linear, size * fields),
      batchStats: weights.batchStats,
    };
  }

  #logisticGradients(batch: Batch, at: BatchPlaces, workspace: Workspace, onLoss?: () => void): number {
    const { logit, dLogits, weights, d } = workspace;
    this.#logits(batch.size, at, workspace, true);
    const loss = this.#logisticLoss(batch, at, workspace);
    onLoss?.();
    logit.backward(at, dLogits, d, batch.size);
    this.#kernels.columnSums(dLogits, batch.size, 1, weights.gradient("bias"));
    return loss;
  }

  /** Writes the logits of a batch. */
  #logits(size: number, at: BatchPlaces, { logit, logits }: Workspace, training: boolean, onInput?: OnInput): void {
    this.#memory.floats(logits, size).fill(this.#model.parameters.view("bias")[0]);
    logit.forward(at, logits, size, training, onInput);
  }

  /** The mean loss of the logits that are there; writes their gradients. */
  #logisticLoss({ size, weights }: Batch, at: BatchPlaces, { logits, dLogits, recordWeights }: Workspace): number {
    if (weights) this.#memory.floats(recordWeights, size).set(weights.subarray(0, size));
    return this.#kernels.logisticLoss(logits, at.labels, weights ? recordWeights : 0, dLogits, size);
  }

  /** The in-batch loss of a batch, with `training` also its gradients. */
  #inBatchLoss(
    { size, fields, items }: Batch,
    at: BatchPlaces,
    workspace: Workspace,
    training: boolean,
    onLoss?: () => void,
  ): number {
    const { logit, inBatch, logits: shifts, dLogits: dItems, d, items: numbers } = workspace;
    if (items === null) throw new Error("got a batch without items, expected them for the in-batch loss");
    if (inBatch === null) throw new Error("the model does not learn by the in-batch loss");
    const { u, i, towers } = logit.vectors(at, size, training);
    const { itemFields, context, item } = towers;
    this.#writeItems(items, size, workspace);
    this.#kernels.addLinear(at.linear, shifts, size, fields, itemFields.address, itemFields.count);
    const places = { u, i, dU: context.gradient, dI: item.gradient, dItems, items: numbers, shifts };
    const loss = inBatch.compute(places, size, training);
    if (!training) return loss;
    onLoss?.();
    this.#kernels.addLinearBackward(d.linear, dItems, size, fields, itemFields.address, itemFields.count);
    this.#memory.floats(d.embeddings, size * fields * this.#model.definition.rowDim).fill(0);
    logit.towersBackward(d, size);
    this.#memory.floats(workspace.weights.gradient("bias"), 1).fill(0);
    return loss;
  }

  /** Writes the items' numbers, and −ln of their shares as the beginning of what is added to their scores. */
  #writeItems({ rows, logShares }: BatchItems, size: number, { items, logits: shifts }: Workspace): void {
    this.#memory.integers(items, size).set(rows.subarray(0, size));
    const to = this.#memory.floats(shifts, size);
    for (let b = 0; b < size; b++) to[b] = -logShares[b];
  }

  logits(batch: Batch, onActivations?: OnActivations): Float32Array {
    const { size } = batch;
    const workspace = this.#prepare(batch, false);
    const onInput: OnInput | undefined =
      onActivations &&
      ((network, layer, address, width) =>
        onActivations(network, layer, this.#memory.floats(address, size * width).slice()));
    this.#logits(size, this.#placesOf(batch, workspace), workspace, false, onInput);
    this.#team.check();
    return this.#memory.floats(workspace.logits, size).slice();
  }

  vectors(batch: Batch): { context: Float32Array; item: Float32Array } {
    const { size, fields, dim } = batch;
    const workspace = this.#prepare(batch, false);
    const at = this.#placesOf(batch, workspace);
    const { u, i, towers } = workspace.logit.vectors(at, size, false);
    const weights = this.#memory.floats(workspace.logits, size).fill(0);
    const { address, count } = towers.itemFields;
    this.#kernels.addLinear(at.linear, workspace.logits, size, fields, address, count);
    this.#team.check();
    return {
      context: withLast(this.#memory.floats(u, size * dim), dim, () => 1),
      item: withLast(this.#memory.floats(i, size * dim), dim, (b) => weights[b]),
    };
  }

  ownLoss(batch: Batch): number {
    const workspace = this.#prepare(batch, false);
    const at = this.#placesOf(batch, workspace);
    if (!workspace.inBatch) this.#logits(batch.size, at, workspace, false);
    const loss = workspace.inBatch
      ? this.#inBatchLoss(batch, at, workspace, false)
      : this.#logisticLoss(batch, at, workspace);
    this.#team.check();
    return loss;
  }

  /** The workspace with the model's weights, and room for the batch. */
  #prepare({ size, fields, dim }: Batch, training: boolean): Workspace {
    const has = this.#workspace?.capacity ?? { records: 0, trained: 0, fields };
    let workspace = this.#workspace;
    if (!workspace || size > has.records || (training && size > has.trained)) {
      const capacity = {
        records: Math.max(size, has.records),
        trained: training ? Math.max(size, has.trained) : has.trained,
        fields,
      };
      this.#memory.release(this.#begin);
      this.#workspace = null;
      workspace = new Workspace(this.#model, capacity, this.#memory, this.#kernels, this.#random);
      this.#workspace = workspace;
    }
    workspace.weights.load();
    this.#team.enter(size * (fields * dim + this.#model.parameters.values.length));
    return workspace;
  }

  #placesOf(batch: Batch, workspace: Workspace): BatchPlaces {
    return this.#handedOut.get(batch.embeddings) ?? workspace.copy(batch);
  }
}

/** Vectors [B, D] with a number behind each: [B, D + 1]. */
function withLast(vectors: Float32Array, dim: number, last: (b: number) => number): Float32Array {
  const longer = new Float32Array((vectors.length / dim) * (dim + 1));
  for (let b = 0; b * dim < vectors.length; b++) {
    longer.set(vectors.subarray(b * dim, (b + 1) * dim), b * (dim + 1));
    longer[b * (dim + 1) + dim] = last(b);
  }
  return longer;
}
