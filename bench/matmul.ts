// Compares tf.matMul on the wasm backend, stock and ours, in the three forms of a training step: the forward product
// and the two gradients. Prints, and gates nothing.
import * as tf from "../trainer/engine/tfjs.ts";
import "@tensorflow/tfjs-backend-wasm";
import { Random } from "../trainer/data/random.ts";
import { installWasmMatMul } from "../trainer/engine/wasm-matmul.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { benchOptions, option } from "./options.ts";

const { rounds } = benchOptions({
  "--rounds <n>": option("rounds, in each of which each kernel takes its turn", integerWithin(1, 1000), 9),
});
const SHAPES = [1024, 4096].flatMap((batch) => [
  { batch, inputs: 400, units: 400 },
  { batch, inputs: 100, units: 400 },
]);

type Product = () => tf.Tensor;

const random = new Random(1);

function randomMatrix(rows: number, columns: number): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: rows * columns }, () => 2 * random.uniform() - 1),
    [rows, columns],
  );
}

function use(kernel: tf.KernelConfig): void {
  tf.unregisterKernel(kernel.kernelName, "wasm");
  tf.registerKernel(kernel);
}

/** Milliseconds. The wasm backend computes the product inside matMul, so nothing has to be read back. */
function time(product: Product): number {
  const start = performance.now();
  product().dispose();
  return performance.now() - start;
}

function batchMatMul(): tf.KernelConfig {
  const kernel = tf.getKernel("BatchMatMul", "wasm");
  if (!kernel) throw new Error("the wasm backend has no BatchMatMul");
  return kernel;
}

// Not by startBackend, which would replace the stock kernel, one of those to be measured.
tf.enableProdMode();
await tf.setBackend("wasm");
if (tf.getBackend() !== "wasm") throw new Error(`got the backend ${tf.getBackend()}, expected wasm`);
const kernels = [batchMatMul()];
for (const variant of ["relaxed", "simd"] as const) {
  if (await installWasmMatMul(variant)) kernels.push(batchMatMul());
}

const rows = [];
for (const { batch, inputs, units } of SHAPES) {
  const [x, w, dy] = [randomMatrix(batch, inputs), randomMatrix(inputs, units), randomMatrix(batch, units)];
  const forms: Record<string, Product> = {
    forward: () => tf.matMul(x, w),
    dX: () => tf.matMul(dy, w, false, true),
    dW: () => tf.matMul(x, dy, true, false),
  };
  for (const [form, product] of Object.entries(forms)) {
    const times: number[][] = kernels.map(() => []);
    // The first round warms up. The kernels take turns, so that a slow moment of the machine falls on all of them.
    for (let round = 0; round <= rounds; round++) {
      for (const [i, kernel] of kernels.entries()) {
        use(kernel);
        const milliseconds = time(product);
        if (round > 0) times[i]?.push(milliseconds);
      }
    }
    const rates = times.map((list) => (2 * batch * inputs * units) / median(list) / 1e6);
    const [stock, relaxed, simd] = rates as [number, number?, number?];
    rows.push({
      form,
      M: batch,
      layer: `${inputs}→${units}`,
      "stock GFLOP/s": stock.toFixed(1),
      "relaxed GFLOP/s": relaxed?.toFixed(1),
      "simd GFLOP/s": simd?.toFixed(1),
      "relaxed/stock": relaxed && (relaxed / stock).toFixed(1),
    });
  }
  tf.dispose([x, w, dy]);
}
console.table(rows);
