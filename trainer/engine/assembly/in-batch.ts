import type { Shared } from "./network.ts";

/** So many records' scores of all items of the batch are in memory at a time. */
const BLOCK = 256;

/** The addresses of what the loss is over, and of the gradients: [B, D] each, and [B]. */
export interface InBatchPlaces {
  u: number;
  i: number;
  dU: number;
  dI: number;
  /** That of Σ w·x over the items' fields. */
  dItems: number;
  /** [B]: i32 numbers of the items. */
  items: number;
  /** [B]: what is added to each item's scores. */
  shifts: number;
}

/**
 * The in-batch softmax loss of a two-tower model, as trainer/engine/graph.ts has it, a block of records at a time. w₀
 * and the context's weights are the same in all scores of a record, so they have no part in it, and no gradient.
 */
export class InBatchLoss {
  readonly #shared: Shared;
  readonly #dim: number;
  readonly #scores: number;
  readonly #part: number;
  readonly #columns: number;

  constructor(shared: Shared, dim: number) {
    const { memory, records } = shared;
    this.#shared = shared;
    this.#dim = dim;
    this.#scores = memory.allocateNumbers(BLOCK * records);
    this.#part = memory.allocateNumbers(records * dim);
    this.#columns = memory.allocateNumbers(records);
  }

  /** The mean loss of `count` records; with `training` also its gradients. */
  compute({ u, i, dU, dI, dItems, items, shifts }: InBatchPlaces, count: number, training: boolean): number {
    const { kernels } = this.#shared;
    const dim = this.#dim;
    let sum = 0;
    for (let first = 0; first < count; first += BLOCK) {
      const rows = Math.min(BLOCK, count - first);
      const own = 4 * first * dim;
      kernels.gemm(u + own, i, this.#scores, rows, count, dim, false, true);
      sum += kernels.softmaxLoss(this.#scores, shifts, items, first, rows, count, 1 / count);
      if (!training) continue;
      kernels.gemm(this.#scores, i, dU + own, rows, dim, count, false, false);
      // What the records of a block add to the items' gradients; the first block's is written where the sum is.
      const [part, columns] = first === 0 ? [dI, dItems] : [this.#part, this.#columns];
      kernels.gemm(this.#scores, u + own, part, count, dim, rows, true, false);
      kernels.columnSums(this.#scores, rows, count, columns);
      if (first === 0) continue;
      kernels.f32_add(part, dI, count * dim);
      kernels.f32_add(columns, dItems, count);
    }
    return sum / count;
  }
}
