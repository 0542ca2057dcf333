import { counted } from "../../format/counted.ts";
import { Random } from "../data/random.ts";
import type { RunningBackend } from "../engine/backends.ts";
import * as tf from "../engine/tfjs.ts";
import { NATIVE, type NativeBackend } from "../engine/tfjs-node.ts";
import { TENSORFLOW_VERSION } from "./installs.ts";

// What an installation must do before it is used: it has the version and the device that it says, computes a product
// and a gradient, and keeps no memory. The reference is float64 in JavaScript.

/** What was looked at, whether it is as it must be, and the figure that says so. */
export interface Check {
  name: string;
  passed: boolean;
  figure: string;
}

/** The largest error, by the largest value, of float32 sums of up to some hundred products. */
const TOLERANCE = 1e-5;

export function checkVersion({ versions }: RunningBackend): Check {
  const passed = versions.tensorflow === TENSORFLOW_VERSION;
  return { name: "version", passed, figure: `TensorFlow ${versions.tensorflow}, expected ${TENSORFLOW_VERSION}` };
}

/** The backend's own word, and the library's. */
export function checkDevice({ device, threads }: RunningBackend, expected: RunningBackend["device"]): Check {
  const { isUsingGpuDevice } = tf.findBackend(NATIVE) as NativeBackend;
  const passed = device === expected && isUsingGpuDevice === (expected === "gpu");
  const where = threads === null ? "" : `, ${counted(threads, "thread")}`;
  return { name: "device", passed, figure: `${device}${where}, isUsingGpuDevice ${isUsingGpuDevice}` };
}

/** Products of odd sizes, as of a layer's input, of its gradient by the input, and by the weights. */
export function checkProduct(): Check {
  const random = new Random(1);
  const [m, k, n] = [67, 301, 129];
  const error = Math.max(
    ...[
      [false, false],
      [false, true],
      [true, false],
    ].map(([transposeA, transposeB]) => {
      const a = matrix(random, transposeA ? k : m, transposeA ? m : k);
      const b = matrix(random, transposeB ? n : k, transposeB ? k : n);
      const got = valuesOf(() => tf.matMul(tensorOf(a), tensorOf(b), transposeA, transposeB));
      return errorOf(got, product(transposeA ? transposed(a) : a, transposeB ? transposed(b) : b).values);
    }),
  );
  return { name: "product", passed: error < TOLERANCE, figure: `error ${error.toExponential(1)} of the largest value` };
}

/** The gradients of a layer with ReLU and one with the logistic loss. */
export function checkGradient(): Check {
  const random = new Random(2);
  const [records, inputs, hidden] = [61, 37, 19];
  const x = matrix(random, records, inputs);
  const w = matrix(random, inputs, hidden);
  const u = matrix(random, hidden, 1);
  const labels = Float32Array.from({ length: records }, () => random.integer(2));
  const input = tensorOf(x);
  const target = tf.tensor2d(labels, [records, 1]);
  const loss = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => {
    const logits = tf.matMul(tf.relu(tf.matMul(input, a as tf.Tensor2D)), b as tf.Tensor2D);
    return tf.mean(tf.sub(tf.softplus(logits), tf.mul(target, logits)));
  };
  const dW = valuesOf(() => tf.grad((a) => loss(a, tensorOf(u)))(tensorOf(w)));
  const dU = valuesOf(() => tf.grad((b) => loss(tensorOf(w), b))(tensorOf(u)));
  tf.dispose([input, target]);

  const sums = product(x, w);
  const active = sums.values.map((sum) => (sum > 0 ? 1 : 0));
  const h = { ...sums, values: sums.values.map((sum, i) => sum * active[i]) };
  const logits = product(h, u).values;
  const dLogits = {
    rows: records,
    columns: 1,
    values: logits.map((z, i) => (1 / (1 + Math.exp(-z)) - labels[i]) / records),
  };
  const dH = product(dLogits, transposed(u));
  const dSums = { ...dH, values: dH.values.map((value, i) => value * active[i]) };
  const error = Math.max(
    errorOf(dU, product(transposed(h), dLogits).values),
    errorOf(dW, product(transposed(x), dSums).values),
  );
  return {
    name: "gradient",
    passed: error < TOLERANCE,
    figure: `error ${error.toExponential(1)} of the largest value`,
  };
}

const STEPS = 500;
/** Steps before the first look: the library's pools and JavaScript's heap grow to what a step needs. */
const WARM_UP = 200;
/** Bytes by which the process may grow in STEPS steps. One forgotten tensor a step were 256 MB. */
const MAX_GROWTH = 64e6;

/** Takes steps of a product and its gradient: no tensor may be left, and the process may not grow. */
export function checkMemory(): Check {
  const random = new Random(3);
  const [records, width] = [256, 512];
  const x = tensorOf(matrix(random, records, width));
  const w = tensorOf(matrix(random, width, width));
  const gradient = tf.grad((a) => tf.sum(tf.relu(tf.matMul(x, a as tf.Tensor2D))));
  const step = (): unknown => valuesOf(() => gradient(w));
  for (let i = 0; i < WARM_UP; i++) step();
  const [tensors, bytes] = [tf.memory().numTensors, process.memoryUsage.rss()];
  for (let i = 0; i < STEPS; i++) step();
  const [left, growth] = [tf.memory().numTensors - tensors, process.memoryUsage.rss() - bytes];
  tf.dispose([x, w]);
  const figure = `${STEPS} steps left ${left} tensors and ${(growth / 1e6).toFixed(1)} MB`;
  return { name: "memory", passed: left === 0 && growth < MAX_GROWTH, figure };
}

/** How fast the largest product of a step is: a figure to compare machines by. */
export function measureProduct(): Check {
  const [m, k, n] = [2048, 624, 400];
  const random = new Random(4);
  const [a, b] = [tensorOf(matrix(random, m, k)), tensorOf(matrix(random, k, n))];
  const run = (): number => {
    const begin = performance.now();
    valuesOf(() => tf.sum(tf.matMul(a, b)));
    return performance.now() - begin;
  };
  for (let i = 0; i < 5; i++) run();
  const times = Array.from({ length: 21 }, run).toSorted((one, other) => one - other);
  tf.dispose([a, b]);
  const rate = (2 * m * k * n) / ((times[10] as number) * 1e6);
  return {
    name: "speed",
    passed: true,
    figure: `${rate.toFixed(0)} GFLOP/s, product [${m}, ${k}] · [${k}, ${n}] and its sum`,
  };
}

interface Matrix {
  rows: number;
  columns: number;
  values: Float64Array;
}

/** Values that float32 has too, so that the input is no source of error. */
function matrix(random: Random, rows: number, columns: number): Matrix {
  return {
    rows,
    columns,
    values: Float64Array.from({ length: rows * columns }, () => Math.fround(random.normal() / 8)),
  };
}

function tensorOf({ rows, columns, values }: Matrix): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(values), [rows, columns]);
}

/** Computes a tensor, and takes its values. They do not pass `tidy`, which would look for tensors among them. */
function valuesOf(compute: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(compute);
  const values = tensor.dataSync<"float32">();
  tensor.dispose();
  return values;
}

function transposed({ rows, columns, values }: Matrix): Matrix {
  const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
  return { rows: columns, columns: rows, values: turned };
}

function product(a: Matrix, b: Matrix): Matrix {
  const values = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++)
    for (let l = 0; l < a.columns; l++) {
      const x = a.values[i * a.columns + l];
      for (let j = 0; j < b.columns; j++) values[i * b.columns + j] += x * b.values[l * b.columns + j];
    }
  return { rows: a.rows, columns: b.columns, values };
}

/** The largest difference, by the largest value that is expected. */
function errorOf(got: ArrayLike<number>, expected: Float64Array): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs((got[i] ?? Number.NaN) - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference / largest;
}
