import { bestKernelVariant, type KernelVariant } from "../../../runtime/variant.ts";
import { LinearMemory } from "./memory.ts";
import { Team } from "./team.ts";

/** Numbers [rows, columns] in row-major order. */
export interface DenseMatrix {
  values: Float32Array;
  rows: number;
  columns: number;
}

/** Which operands are to be transposed. */
export interface Transposed {
  a?: boolean;
  b?: boolean;
}

/** Operations of a part of a product: one thread computes them all, and a larger part packs its operands less often. */
const LEAST_WORK = 2 ** 20;

/** Multiplies matrices that lie anywhere with the training kernels, on the calling thread. */
export class MatrixProduct {
  readonly #memory = new LinearMemory();
  readonly #team: Team;
  readonly #begin: number;

  constructor(variant: KernelVariant = bestKernelVariant()) {
    this.#team = new Team(this.#memory, variant, 1, 0, LEAST_WORK);
    this.#begin = this.#memory.end;
  }

  /** op(a) · op(b), where `transposed` says which of the two is. Sums are float32, in an order of the sizes alone. */
  multiply(a: DenseMatrix, b: DenseMatrix, transposed: Transposed = {}): DenseMatrix {
    const { a: transposeA = false, b: transposeB = false } = transposed;
    const [rows, inner] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
    const [second, columns] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns];
    if (inner !== second)
      throw new Error(
        `got a product of [${rows}, ${inner}] and [${second}, ${columns}], expected as many columns of the first as rows ` +
          "of the second",
      );
    const memory = this.#memory;
    const [left, right] = [this.#place(a), this.#place(b)];
    const to = memory.allocateNumbers(rows * columns);
    this.#team.kernels.gemm(left, right, to, rows, columns, inner, transposeA, transposeB);
    const values = memory.floats(to, rows * columns).slice();
    memory.release(this.#begin);
    return { values, rows, columns };
  }

  /** The address of a copy. */
  #place({ values, rows, columns }: DenseMatrix): number {
    const address = this.#memory.allocateNumbers(rows * columns);
    this.#memory.floats(address, rows * columns).set(values);
    return address;
  }
}
