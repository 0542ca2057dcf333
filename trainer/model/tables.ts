import type { ResolvedSpec } from "../../format/spec.ts";
import type { Random } from "../data/random.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { rowOptimizer } from "./optimizers/of-spec.ts";
import type { RowOptimizer } from "./optimizers/row-optimizer.ts";
import type { RowKernels } from "./row-kernels.ts";

/** Rows start small and random, so that inner products of two vectors start near zero, and no two rows are the same. */
const INITIAL_DEVIATION = 0.01;

/** The rows that a batch uses, each once: unique[0, uniqueCount). */
export interface BatchRows {
  readonly unique: Int32Array;
  readonly uniqueCount: number;
}

/** The rows of all fields, with the optimizer that trains them. A row is [w, v₁ … v_D]. */
export class Tables {
  /** F */
  readonly fields: number;
  /** D */
  readonly dim: number;
  /** [V, D + 1] */
  readonly values: Float32Array;
  readonly optimizer: RowOptimizer;

  /** `kernels`: those of the engine in whose memory the rows are to be; null for rows on the host. */
  constructor(
    vocabulary: Vocabulary,
    dim: number,
    training: ResolvedSpec["training"],
    random: Random,
    kernels: RowKernels | null = null,
  ) {
    this.fields = vocabulary.fields;
    this.dim = dim;
    const length = vocabulary.size * (dim + 1);
    this.values = kernels?.floats(length) ?? new Float32Array(length);
    // OOV rows start at zero, so that one that is never trained adds nothing to a score.
    for (let row = vocabulary.fields; row < vocabulary.size; row++) {
      for (let j = 1; j <= dim; j++) this.values[row * (dim + 1) + j] = INITIAL_DEVIATION * random.normal();
    }
    this.optimizer = rowOptimizer(training, vocabulary.size, dim + 1, kernels);
    this.optimizer.reset(this.values);
  }

  /** V */
  get size(): number {
    return this.values.length / (this.dim + 1);
  }

  /** ‖gradient‖² of the whole table, L2 included. `gradients`: those of the batch's rows, [uniqueCount, D + 1]. */
  squaredNorm({ unique, uniqueCount }: BatchRows, gradients: Float32Array): number {
    return this.optimizer.squaredNorm(this.values, unique, uniqueCount, gradients);
  }

  /** One step on the batch's rows. `scale` multiplies their gradients. */
  step({ unique, uniqueCount }: BatchRows, gradients: Float32Array, learningRate: number, scale: number): void {
    this.optimizer.step(this.values, unique, uniqueCount, gradients, learningRate, scale);
  }

  /** Brings every row up to the last step. To be called before rows outside of a training step are read. */
  finish(): void {
    this.optimizer.finish(this.values);
  }

  /** Sets all rows. */
  replace(values: Float32Array): void {
    this.values.set(values);
    this.optimizer.reset(this.values);
  }
}
