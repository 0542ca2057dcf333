// Products of a matrix that is mostly zeros, against float64.
import { expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { type TrainingKernels, trainingKernels } from "../../../trainer/engine/assembly/kernels.ts";
import { LinearMemory } from "../../../trainer/engine/assembly/memory.ts";

const VARIANTS = ["relaxed", "simd", "scalar"] as const;

interface Place {
  address: number;
  list: Float32Array;
}

function setUp(variant: (typeof VARIANTS)[number]): {
  kernels: TrainingKernels;
  matrix: (length: number, share: number) => Place;
} {
  const memory = new LinearMemory();
  const kernels = trainingKernels(variant, memory.memory);
  const scratch = memory.allocate(kernels.teamScratchBytes(1, 0));
  kernels.lead(memory.allocate(kernels.blockBytes()), scratch, 0, 1000);
  const random = new Random(4);
  const matrix = (length: number, share: number): Place => {
    const address = memory.allocateNumbers(length);
    const list = memory.floats(address, length);
    for (let i = 0; i < length; i++) list[i] = random.uniform() < share ? random.normal() : 0;
    return { address, list };
  };
  return { kernels, matrix };
}

/** What differs of a result [m, n] from sums over `depth` products. `factors`: the two numbers of a product. */
function differences(
  got: Float32Array,
  [m, n, depth]: readonly [number, number, number],
  factors: (row: number, column: number, d: number) => readonly [number, number],
): string[] {
  const wrong: string[] = [];
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      let [sum, size] = [0, 0];
      for (let d = 0; d < depth; d++) {
        const [x, y] = factors(row, column, d);
        sum += x * y;
        size += Math.abs(x * y);
      }
      const place = row * n + column;
      if (!(Math.abs(got[place] - sum) <= depth * 2 ** -23 * size)) wrong.push(`${[m, n, depth]}: ${row}, ${column}`);
    }
  }
  return wrong;
}

// Sizes below, at and above the panel (32 columns), the lists made at a time (32), and the records listed (256).
const SIZES = [
  [1, 1, 1],
  [3, 5, 7],
  [31, 32, 33],
  [33, 65, 32],
  [70, 40, 257],
  [16, 36, 600],
] as const;

it.each(VARIANTS)("the %s build multiplies rows that are mostly zeros", (variant) => {
  const wrong: string[] = [];
  for (const [m, n, k] of SIZES) {
    for (const transposed of [false, true]) {
      const { kernels, matrix } = setUp(variant);
      const [s, b, c] = [matrix(m * k, 0.3), matrix(k * n, 1), matrix(m * n, 1)];
      expect(kernels.multiplySparseRows(s.address, b.address, c.address, m, n, k, transposed)).toBeTruthy();
      const at = (d: number, column: number): number => b.list[transposed ? column * k + d : d * n + column];
      wrong.push(...differences(c.list, [m, n, k], (row, column, d) => [s.list[row * k + d], at(d, column)]));
    }
  }
  expect(wrong).toEqual([]);
});

it.each(VARIANTS)("the %s build multiplies columns that are mostly zeros", (variant) => {
  const wrong: string[] = [];
  for (const [m, n, rows] of SIZES) {
    const { kernels, matrix } = setUp(variant);
    const [s, b, c, turned] = [matrix(rows * m, 0.3), matrix(rows * n, 1), matrix(m * n, 1), matrix(m * n, 1)];
    expect(kernels.multiplySparseColumns(s.address, b.address, c.address, m, n, rows, false)).toBeTruthy();
    expect(kernels.multiplySparseColumns(s.address, b.address, turned.address, m, n, rows, true)).toBeTruthy();
    const factors = (row: number, column: number, d: number) => [s.list[d * m + row], b.list[d * n + column]] as const;
    wrong.push(...differences(c.list, [m, n, rows], factors));
    wrong.push(...differences(turned.list, [n, m, rows], (row, column, d) => factors(column, row, d)));
  }
  expect(wrong).toEqual([]);
});

it("leaves to the dense product what it has no room for", () => {
  const { kernels } = setUp("simd");
  expect(kernels.multiplySparseRows(0, 0, 0, 4, 4, 100_000, false)).toBeFalsy();
  expect(kernels.multiplySparseColumns(0, 0, 0, 4, 100_000, 4, false)).toBeFalsy();
});
