import type { Model } from "../../model/model.ts";
import type { Parameters } from "../../model/parameters.ts";
import type { LinearMemory } from "./memory.ts";

/** Where the dense weights of a model lie in an engine's memory, with their gradients and BatchNorm's statistics. */
export class DenseWeights {
  readonly #memory: LinearMemory;
  readonly #model: Model;
  /** Whether the model's weights are in this memory, and need not be copied. */
  readonly #isOwn: boolean;
  readonly #values: number;
  readonly #gradients: number;
  readonly #stats: number;
  readonly #batchStats: number;

  constructor(memory: LinearMemory, model: Model) {
    this.#memory = memory;
    this.#model = model;
    const { parameters, runningStats } = model;
    this.#isOwn = memory.owns(parameters.values);
    this.#values = this.#isOwn ? parameters.values.byteOffset : memory.allocateNumbers(parameters.values.length);
    this.#gradients = memory.allocateNumbers(parameters.values.length);
    this.#stats = memory.allocateNumbers(runningStats.values.length);
    this.#batchStats = memory.allocateNumbers(runningStats.values.length);
  }

  /** Copies the model's weights and running statistics, which change between two calls of an engine. */
  load(): void {
    const { parameters, runningStats } = this.#model;
    if (!this.#isOwn) this.#memory.floats(this.#values, parameters.values.length).set(parameters.values);
    this.#memory.floats(this.#stats, runningStats.values.length).set(runningStats.values);
  }

  /** The address of a weight's values. */
  value(name: string): number {
    return this.#values + offset(this.#model.parameters, name);
  }

  /** The address of a weight's gradients. */
  gradient(name: string): number {
    return this.#gradients + offset(this.#model.parameters, name);
  }

  /** The address of a running statistic. */
  stat(name: string): number {
    return this.#stats + offset(this.#model.runningStats, name);
  }

  /** The address of a statistic over the batch. */
  batchStat(name: string): number {
    return this.#batchStats + offset(this.#model.runningStats, name);
  }

  /** All gradients, laid out as `model.parameters.values`. */
  get gradients(): Float32Array {
    return this.#memory.floats(this.#gradients, this.#model.parameters.values.length);
  }

  /** All statistics over the batch, laid out as `model.runningStats.values`. */
  get batchStats(): Float32Array {
    return this.#memory.floats(this.#batchStats, this.#model.runningStats.values.length);
  }
}

/** In bytes. */
function offset(parameters: Parameters, name: string): number {
  return parameters.view(name).byteOffset - parameters.values.byteOffset;
}
