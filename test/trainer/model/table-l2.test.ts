import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { TableAdagrad } from "../../../trainer/model/optimizers/table-adagrad.ts";
import { TableAdam } from "../../../trainer/model/optimizers/table-adam.ts";
import { EXACT_STEPS, stride, type WholeTable } from "../../../trainer/model/optimizers/whole-table.ts";
import { type DenseOptimizer, denseAdagrad, denseAdam, randomTable, zipfBatches } from "./dense-optimizers.ts";

// Compares the optimizers that have L2 over the whole table without a pass over it with those that pass over it at
// every step.

const WIDTH = 3;

interface Setting {
  lambda: number;
  learningRate: number;
  rows?: number;
  steps?: number;
  clipNorm?: number;
  /** The learning rate falls to a tenth after 60 % of the steps. */
  drop?: boolean;
  /** What a weight's distance from its target is multiplied by in its gradient. */
  gradient?: number;
}

interface Deviation {
  /** Largest and root mean square difference of a weight from dense float64, in units of the learning rate. */
  most: number;
  rms: number;
  /** Largest and root mean square relative difference of the gradient's norm from the dense one. */
  norm: number;
  normRms: number;
  /** The longest idle time. */
  idle: number;
  /** Steps whose gradient was clipped. */
  clipped: number;
}

/**
 * Trains a lazy and a dense optimizer on the same batches, each by the gradients at its own weights. The gradients, of
 * the batch's rows only, point away from a random target and are noisy. Compares each row as it is touched, and all
 * rows at the end.
 */
function train(
  lazy: (values: Float32Array) => WholeTable,
  dense: (values: Float32Array | Float64Array) => DenseOptimizer,
  { lambda, learningRate, rows = 1000, steps = 2000, clipNorm = 0, drop = false, gradient = 1e-3 }: Setting,
): Deviation {
  const random = new Random(5);
  const nextBatch = zipfBatches(rows, 40, random);
  const target = randomTable(rows * WIDTH, 0.3, random);
  const start = randomTable(rows * WIDTH, 0.01, random);
  const own = start.slice();
  const optimizer = lazy(own);
  const exact = Float64Array.from(start);
  const reference = dense(exact);
  const noise = new Float64Array(rows * WIDTH);
  const gradient64 = new Float64Array(rows * WIDTH);
  const result = { most: 0, rms: 0, norm: 0, normRms: 0, idle: 0, clipped: 0 };
  const last = new Int32Array(rows);
  let compared = 0;
  const compare = (row: number, rate: number): void => {
    for (let i = row * WIDTH; i < (row + 1) * WIDTH; i++) {
      const difference = Math.abs(own[i] - exact[i]) / rate;
      result.most = Math.max(result.most, difference);
      result.rms += difference ** 2;
      compared++;
    }
  };
  for (let step = 1; step <= steps; step++) {
    const rate = drop && step > 0.6 * steps ? learningRate / 10 : learningRate;
    const batch = nextBatch();
    for (const row of batch) {
      optimizer.touch(own, row);
      compare(row, rate);
      result.idle = Math.max(result.idle, step - 1 - last[row]);
      last[row] = step;
      for (let i = row * WIDTH; i < (row + 1) * WIDTH; i++) noise[i] = random.normal();
    }
    const slope = (values: Float32Array | Float64Array, i: number): number =>
      gradient * (values[i] - target[i] + noise[i]);
    gradient64.fill(0);
    for (const row of batch) for (let i = row * WIDTH; i < (row + 1) * WIDTH; i++) gradient64[i] = slope(exact, i);
    let squares = 0;
    for (let i = 0; i < exact.length; i++) {
      squares += (gradient64[i] + lambda * exact[i]) ** 2;
    }
    const clip = (norm: number): number => (clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1);
    reference.step(exact, gradient64, rate, clip(Math.sqrt(squares)));
    const gradients = new Float32Array(batch.length * WIDTH);
    batch.forEach((row, local) => {
      for (let j = 0; j < WIDTH; j++) gradients[local * WIDTH + j] = slope(own, row * WIDTH + j);
    });
    const norm = Math.sqrt(optimizer.squaredNorm(own, batch, batch.length, gradients));
    result.norm = Math.max(result.norm, Math.abs(norm / Math.sqrt(squares) - 1));
    result.normRms += (norm / Math.sqrt(squares) - 1) ** 2 / steps;
    if (clip(norm) < 1) result.clipped++;
    optimizer.step(own, batch, batch.length, gradients, rate, clip(norm));
  }
  optimizer.finish(own);
  for (let row = 0; row < rows; row++) compare(row, drop ? learningRate / 10 : learningRate);
  result.rms = Math.sqrt(result.rms / compared);
  result.normRms = Math.sqrt(result.normRms);
  return result;
}

const LAMBDAS = [1e-5, 1e-3, 0.05, 0.1];
const SMALLEST_AND_LARGEST = [1e-5, 0.1];
const adam = (
  lambda: number,
): [(v: Float32Array) => WholeTable, (v: Float32Array | Float64Array) => DenseOptimizer] => [
  (values) => new TableAdam(values.length / WIDTH, WIDTH, lambda),
  (values) => denseAdam(values, lambda),
];
const adagrad = (
  lambda: number,
): [(v: Float32Array) => WholeTable, (v: Float32Array | Float64Array) => DenseOptimizer] => [
  (values) => new TableAdagrad(values.length / WIDTH, WIDTH, lambda),
  (values) => denseAdagrad(values, WIDTH, lambda),
];

describe.each([
  ["TableAdam", adam],
  ["TableAdagrad", adagrad],
])("%s stays by its dense optimizer in float64, over 2000 steps", (_name, pair) => {
  it.each(LAMBDAS)("λ %f", (lambda) => {
    const result = train(...pair(lambda), { lambda, learningRate: 1e-3 });
    expect(result.idle).toBeGreaterThan(1000);
    expect(result.most).toBeLessThan(0.15);
    expect(result.rms).toBeLessThan(0.015);
  });

  it.each(SMALLEST_AND_LARGEST)("λ %f, where the learning rate drops in the middle of idle times", (lambda) => {
    const result = train(...pair(lambda), { lambda, learningRate: 1e-2, drop: true });
    expect(result.most).toBeLessThan(1);
    expect(result.rms).toBeLessThan(0.03);
  });

  it.each(SMALLEST_AND_LARGEST)("λ %f, where every step is clipped, by a norm that is in part estimated", (lambda) => {
    const result = train(...pair(lambda), { lambda, learningRate: 1e-3, clipNorm: 0.003 });
    expect(result.clipped).toBeGreaterThan(1900);
    expect(result.normRms).toBeLessThan(0.06);
    expect(result.most).toBeLessThan(1);
    expect(result.rms).toBeLessThan(0.05);
  });

  it("does not without the steps of idle rows: the measure can tell", () => {
    const [lazy, dense] = pair(0.01);
    const forgetful = (values: Float32Array): WholeTable => {
      const optimizer = lazy(values);
      optimizer.touch = () => {};
      return optimizer;
    };
    expect(train(forgetful, dense, { lambda: 0.01, learningRate: 1e-3, steps: 300 }).most).toBeGreaterThan(2);
  });
});

describe("TableAdam", () => {
  const ROWS = 96;

  it(`has dense Adam's weights bit for bit while no row is idle for more than ${EXACT_STEPS} steps`, () => {
    const random = new Random(8);
    const own = randomTable(ROWS * WIDTH, 0.1, random);
    const dense = own.slice();
    const optimizer = new TableAdam(ROWS, WIDTH, 0.05);
    const reference = denseAdam(dense, 0.05);
    let longest = 0;
    const last = new Int32Array(ROWS);
    for (let step = 1; step <= 400; step++) {
      const batch = Int32Array.from({ length: ROWS }, (_, row) => row).filter(
        (row) => step - last[row] > EXACT_STEPS || random.uniform() < 0.05,
      );
      const gradients = Float32Array.from({ length: batch.length * WIDTH }, () => 0.01 * random.normal());
      const all = new Float64Array(ROWS * WIDTH);
      batch.forEach((row, i) => {
        optimizer.touch(own, row);
        longest = Math.max(longest, step - 1 - last[row]);
        last[row] = step;
        for (let j = 0; j < WIDTH; j++) all[row * WIDTH + j] = gradients[i * WIDTH + j];
      });
      const learningRate = 0.01 * random.uniform();
      const scale = random.uniform();
      reference.step(dense, all, learningRate, scale);
      optimizer.step(own, batch, batch.length, gradients, learningRate, scale);
    }
    optimizer.finish(own);
    expect(longest).toBe(EXACT_STEPS);
    expect(own).toEqual(dense);
  });

  it("knows the dense norm after finish", () => {
    const random = new Random(3);
    const values = randomTable(ROWS * WIDTH, 0.1, random);
    const optimizer = new TableAdam(ROWS, WIDTH, 0.05);
    const batch = Int32Array.of(7, 90);
    const gradients = randomTable(batch.length * WIDTH, 1, random);
    for (let step = 0; step < 50; step++) {
      for (const row of batch) optimizer.touch(values, row);
      optimizer.step(values, batch, batch.length, gradients, 1e-3, 1);
    }
    optimizer.finish(values);
    let squares = 0;
    for (let i = 0; i < values.length; i++) {
      const local = batch.indexOf(Math.floor(i / WIDTH));
      const g = local < 0 ? 0 : gradients[local * WIDTH + (i % WIDTH)];
      squares += (g + 0.05 * values[i]) ** 2;
    }
    expect(optimizer.squaredNorm(values, batch, batch.length, gradients) / squares).toBeCloseTo(1, 9);
  });

  it("leaves rows of zeros alone until a batch uses them", () => {
    const values = new Float32Array(ROWS * WIDTH);
    const optimizer = new TableAdam(ROWS, WIDTH, 0.05);
    for (let step = 0; step < 100; step++) optimizer.step(values, new Int32Array(0), 0, new Float32Array(0), 1e-3, 1);
    optimizer.finish(values);
    expect(values.every((x) => x === 0)).toBe(true);
    expect(optimizer.work).toBe(0);
  });

  it("moves idle rows by their momentum alone where λ is 0, as dense Adam", () => {
    const values = new Float32Array(2 * WIDTH);
    const optimizer = new TableAdam(2, WIDTH, 0);
    const dense = new Float32Array(2 * WIDTH);
    const reference = denseAdam(dense, 0);
    for (let step = 0; step < 12; step++) {
      const batch = step === 0 ? Int32Array.of(1) : new Int32Array(0);
      const gradient = step === 0 ? 1 : 0;
      optimizer.step(values, batch, batch.length, new Float32Array(batch.length * WIDTH).fill(1), 0.1, 1);
      reference.step(dense, Float64Array.of(0, 0, 0, gradient, gradient, gradient), 0.1, 1);
    }
    optimizer.finish(values);
    expect(values).toEqual(dense);
    expect(values[WIDTH]).toBeLessThan(-0.1);
  });
});

describe("The work of a step", () => {
  /** Steps and strides over 300 steps on rows below 1000 of a table of `rows`. */
  function work(rows: number): number {
    const random = new Random(2);
    const values = new Float32Array(rows * WIDTH).fill(0.01);
    const optimizer = new TableAdam(rows, WIDTH, 0.01);
    const nextBatch = zipfBatches(1000, 50, random);
    for (let step = 0; step < 300; step++) {
      const batch = nextBatch();
      for (const row of batch) optimizer.touch(values, row);
      const gradients = new Float32Array(batch.length * WIDTH).fill(1e-3);
      optimizer.squaredNorm(values, batch, batch.length, gradients);
      optimizer.step(values, batch, batch.length, gradients, 1e-3, 1);
    }
    return optimizer.work;
  }

  it("does not grow with the table", () => {
    const [small, large] = [work(20_000), work(2_000_000)];
    expect(large / small).toBeCloseTo(1, 2);
  });

  it("is bounded however long a row was idle", () => {
    const steps = (idle: number): number => {
      let work = EXACT_STEPS;
      for (let done = EXACT_STEPS; done < idle; work++) done += stride(done, idle - done, done, 0);
      return work;
    };
    expect([100, 10_000, 1_000_000, 2 ** 31].map(steps)).toEqual([21, 36, 67, 86]);
  });

  it("a stride ends where the learning rate changed", () => {
    expect(stride(100, 1000, 5000, 5011)).toBe(10);
    expect(stride(100, 1000, 5010, 5011)).toBe(50);
  });
});
