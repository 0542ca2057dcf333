import * as tf from "../../../trainer/engine/tfjs.ts";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../../../testing/format/random.ts";
import { installWasmMatMul } from "../../../trainer/engine/wasm-matmul.ts";

type Size = [m: number, n: number, k: number];

const FORMS = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

// Below, at and above the tile (4 or 6 rows, 8 columns) in every dimension; vectors are the kernels of gemv.ts.
const SMALL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13];

/** Each m with each n, twice with a k, so that each pair of two dimensions occurs twice. */
const SMALL_SIZES: Size[] = SMALL.flatMap((m, i) =>
  SMALL.flatMap((n, j): Size[] => [
    [m, n, SMALL[(i + j) % SMALL.length]],
    [m, n, SMALL[(i + 3 * j + 5) % SMALL.length]],
  ]),
);

// Below, at and above the blocks: 96 rows, 1024 columns, 512 k.
const LARGE: Size[] = [
  ...([31, 100, 401].flatMap((m) =>
    [31, 100, 401].flatMap((n) => [
      [m, n, 31],
      [m, n, 100],
    ]),
  ) as Size[]),
  [31, 100, 401],
  [1, 401, 401],
  [401, 1, 401],
  [100, 31, 1],
  ...([95, 96, 97, 193].map((m) => [m, 9, 33]) as Size[]),
  ...([1023, 1024, 1025, 2049].map((n) => [7, n, 9]) as Size[]),
  ...([511, 512, 513, 1024, 1025, 1537].map((k) => [13, 17, k]) as Size[]),
  [97, 1025, 513],
];

function randomMatrix(random: () => number, rows: number, columns: number): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: rows * columns }, () => 2 * random() - 1),
    [rows, columns],
  );
}

/** Largest |C − A·B| over its bound γ_k |A|·|B| (Higham 2002, section 3.1), which holds for any order, fused or not. */
function errorOverBound(random: () => number, [m, n, k]: Size, transposeA: boolean, transposeB: boolean): number {
  return tf.tidy(() => {
    const a = transposeA ? randomMatrix(random, k, m) : randomMatrix(random, m, k);
    const b = transposeB ? randomMatrix(random, n, k) : randomMatrix(random, k, n);
    const c = tf.matMul(a, b, transposeA, transposeB);
    expect(c.shape).toEqual([m, n]);
    const [x, y, product] = [a.dataSync(), b.dataSync(), c.dataSync()];
    const [xRow, xStep] = transposeA ? [1, m] : [k, 1];
    const [yColumn, yStep] = transposeB ? [k, 1] : [1, n];
    const gamma = (k * 2 ** -24) / (1 - k * 2 ** -24);
    let worst = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        let size = 0;
        for (let step = 0; step < k; step++) {
          const term = x[i * xRow + step * xStep] * y[j * yColumn + step * yStep];
          sum += term;
          size += Math.abs(term);
        }
        worst = Math.max(worst, Math.abs(product[i * n + j] - sum) / (gamma * size));
      }
    }
    return worst;
  });
}

const bits = (tensor: tf.Tensor): Uint32Array => new Uint32Array(tensor.dataSync().slice().buffer);

beforeAll(async () => {
  // Not startBackend, which would install our kernel already.
  await tf.setBackend("wasm");
  expect(tf.getBackend()).toBe("wasm");
});

test("another backend is left alone", async () => {
  tf.setBackend("cpu");
  expect(await installWasmMatMul()).toBe(false);
  tf.setBackend("wasm");
});

test("an engine without SIMD keeps the stock kernel", async () => {
  const stock = tf.getKernel("BatchMatMul", "wasm");
  expect(await installWasmMatMul("scalar")).toBe(false);
  expect(tf.getKernel("BatchMatMul", "wasm")).toBe(stock);
});

describe.each(["simd", "relaxed"] as const)("%s", (variant) => {
  const random = seeded(1);
  let stock: tf.KernelConfig | undefined;

  beforeAll(async () => {
    stock = tf.getKernel("BatchMatMul", "wasm");
    expect(await installWasmMatMul(variant)).toBe(true);
    expect(tf.getKernel("BatchMatMul", "wasm")?.kernelFunc).not.toBe(stock?.kernelFunc);
  });
  afterAll(() => {
    tf.unregisterKernel("BatchMatMul", "wasm");
    if (stock) tf.registerKernel(stock);
  });

  test.each(FORMS)("small sizes, transposeA %s, transposeB %s", (transposeA, transposeB) => {
    for (const size of SMALL_SIZES) {
      expect(errorOverBound(random, size, transposeA, transposeB), size.join(" × ")).toBeLessThanOrEqual(1);
    }
  });

  test.each(FORMS)("large sizes, transposeA %s, transposeB %s", (transposeA, transposeB) => {
    for (const size of LARGE) {
      expect(errorOverBound(random, size, transposeA, transposeB), size.join(" × ")).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    [1, 2, 7],
    [7, 1, 7],
    [7, 9, 5],
    [97, 31, 513],
  ])("equal inputs give equal bits: %i × %i × %i", (m, n, k) => {
    tf.tidy(() => {
      const [a, b] = [randomMatrix(random, m, k), randomMatrix(random, k, n)];
      const first = bits(tf.matMul(a, b));
      // What lies in the scratch memory, and where the tensors are, must not matter.
      tf.matMul(tf.fill([100, 600], Number.NaN), tf.fill([600, 100], Number.NaN));
      expect(bits(tf.matMul(a.clone(), b.clone()))).toEqual(first);
    });
  });

  test("NaN stays in its row", () => {
    tf.tidy(() => {
      const a = tf.buffer([7, 5], "float32", new Float32Array(35).fill(1));
      a.set(Number.NaN, 6, 4);
      const c = tf.matMul(a.toTensor(), tf.ones([5, 9])).arraySync() as number[][];
      for (const [i, row] of c.entries()) expect(row).toEqual(new Array(9).fill(i === 6 ? Number.NaN : 5));
    });
  });

  test("follows the memory when it grows", () => {
    const filled = tf.zeros([64, 1024, 1024]);
    expect(errorOverBound(random, [31, 33, 35], false, true)).toBeLessThanOrEqual(1);
    filled.dispose();
  });

  test("leading dimensions of 1 stay in the shape", () => {
    tf.tidy(() => {
      const c = tf.matMul(tf.ones([1, 1, 2, 3]), tf.ones([1, 1, 3, 4]));
      expect(c.shape).toEqual([1, 1, 2, 4]);
      expect([...c.dataSync()]).toEqual(new Array(8).fill(3));
    });
  });

  test("a batch, or an empty one, goes to the stock kernel", () => {
    tf.tidy(() => {
      const a = randomMatrix(random, 6, 4).reshape([2, 3, 4]);
      const b = randomMatrix(random, 8, 5).reshape([2, 4, 5]);
      const c = tf.matMul(a, b);
      expect(c.shape).toEqual([2, 3, 5]);
      const each = tf.unstack(a).map((x, i) => tf.matMul(x as tf.Tensor2D, tf.unstack(b)[i] as tf.Tensor2D));
      expect(
        tf
          .abs(c.sub(tf.stack(each)))
          .max()
          .dataSync()[0],
      ).toBeLessThan(1e-6);
      expect(tf.matMul(a, b.slice([1], [1])).shape).toEqual([2, 3, 5]);
      expect(tf.matMul(tf.ones([0, 3]), tf.ones([3, 2])).shape).toEqual([0, 2]);
    });
  });

  test("sizes that do not match, or other types, are the stock kernel's errors", () => {
    expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([4, 5]))).toThrow("inner shapes (3) and (4)");
    expect(() => tf.matMul(tf.ones([2, 3], "int32"), tf.ones([3, 2], "int32"))).toThrow("float32");
  });

  test.each(FORMS)("gradients are the cpu backend's, transposeA %s, transposeB %s", (transposeA, transposeB) => {
    const [m, n, k] = [31, 9, 20];
    const [x, y, upstream] = [m * k, k * n, m * n].map((size) =>
      Float32Array.from({ length: size }, () => random() - 0.5),
    );
    const gradients = (backend: string): number[][] => {
      tf.setBackend(backend);
      return tf.tidy(() => {
        const loss = (a: tf.Tensor, b: tf.Tensor): tf.Scalar =>
          tf
            .matMul(a, b, transposeA, transposeB)
            .mul(tf.tensor(upstream as Float32Array, [m, n]))
            .sum();
        const a = tf.tensor(x as Float32Array, transposeA ? [k, m] : [m, k]);
        const b = tf.tensor(y as Float32Array, transposeB ? [n, k] : [k, n]);
        return tf
          .grads(loss)([a, b])
          .map((gradient) => [...gradient.dataSync()]);
      });
    };
    const expected = gradients("cpu");
    const actual = gradients("wasm");
    for (const [i, gradient] of actual.entries()) {
      const difference = gradient.map((value, j) => Math.abs(value - expected[i]?.[j]));
      expect(Math.max(...difference)).toBeLessThan(1e-5);
    }
  });

  test("leaks nothing", () => {
    const { numTensors, numDataBuffers } = tf.memory();
    errorOverBound(random, [31, 33, 35], true, true);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
  });
});
