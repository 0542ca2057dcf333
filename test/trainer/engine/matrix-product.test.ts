import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { type DenseMatrix, MatrixProduct } from "../../../trainer/engine/assembly/matrix-product.ts";

const random = new Random(5);

function randomMatrix(rows: number, columns: number): DenseMatrix {
  return { values: Float32Array.from({ length: rows * columns }, () => random.normal()), rows, columns };
}

const at = ({ values, columns }: DenseMatrix, i: number, j: number, turned: boolean): number =>
  turned ? values[j * columns + i] : values[i * columns + j];

describe.each(["scalar", "simd", "relaxed"] as const)("a product of matrices, %s", (variant) => {
  const product = new MatrixProduct(variant);

  // One row, one column, one addend; sizes beside those of a tile; a sum of more than one block.
  it.each([
    [1, 1, 1],
    [1, 9, 33],
    [9, 1, 33],
    [5, 7, 1],
    [13, 17, 31],
    [40, 24, 900],
  ])("[%i, %i] over %i is that of float64", (rows, columns, inner) => {
    for (const [a, b] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const left = a ? randomMatrix(inner, rows) : randomMatrix(rows, inner);
      const right = b ? randomMatrix(columns, inner) : randomMatrix(inner, columns);
      const got = product.multiply(left, right, { a, b });
      expect([got.rows, got.columns, got.values.length]).toEqual([rows, columns, rows * columns]);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          let size = 0;
          for (let k = 0; k < inner; k++) {
            const addend = at(left, i, k, a) * at(right, k, j, b);
            sum += addend;
            size += Math.abs(addend);
          }
          expect(Math.abs(at(got, i, j, false) - sum)).toBeLessThanOrEqual(size * inner * 2 ** -23);
        }
      }
    }
  });

  it("refuses matrices that do not fit", () => {
    expect(() => product.multiply(randomMatrix(2, 3), randomMatrix(2, 3))).toThrow(
      "got a product of [2, 3] and [2, 3], expected as many columns of the first as rows of the second",
    );
  });
});
