import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { readSafetensors, writeSafetensors } from "../../../trainer/io/safetensors.ts";
import { Adam } from "../../../trainer/model/optimizers/adam.ts";
import { Ftrl } from "../../../trainer/model/optimizers/ftrl.ts";
import { LazyRows } from "../../../trainer/model/optimizers/lazy-rows.ts";
import { rowOptimizer } from "../../../trainer/model/optimizers/of-spec.ts";
import { RowwiseAdagrad } from "../../../trainer/model/optimizers/rowwise-adagrad.ts";
import { denseAdagrad, denseAdam, randomTable, zipfBatches } from "./dense-optimizers.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-optimizers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = 200;
const WIDTH = 5;

const training = { optimizer: "adam", l1: 0, l2: 0.01, l2Scope: "batch" } as const;
const SETTINGS = [
  ["lazy Adam", training],
  ["Adam, whole table", { ...training, l2Scope: "table" }],
  ["row-wise Adagrad", { ...training, optimizer: "adagrad" }],
  ["row-wise Adagrad, whole table", { ...training, optimizer: "adagrad", l2Scope: "table" }],
  ["FTRL", { ...training, optimizer: "ftrl", l1: 0.001 }],
] as const;

/** Steps on random rows; everything that follows from the state of `random`. */
function train(optimizer: ReturnType<typeof rowOptimizer>, values: Float32Array, steps: number, random: Random): void {
  const nextBatch = zipfBatches(ROWS, 8, random);
  for (let step = 0; step < steps; step++) {
    const batch = nextBatch();
    for (const row of batch) optimizer.touch(values, row);
    const gradients = randomTable(batch.length * WIDTH, 0.01, random);
    const norm = Math.sqrt(optimizer.squaredNorm(values, batch, batch.length, gradients));
    optimizer.step(values, batch, batch.length, gradients, 0.01, Math.min(1, 0.05 / norm));
  }
}

describe.each(SETTINGS)("%s", (_name, setting) => {
  it("goes on from its saved state to the same bits", () => {
    const values = randomTable(ROWS * WIDTH, 0.1, new Random(1));
    const optimizer = rowOptimizer(setting, ROWS, WIDTH);
    train(optimizer, values, 120, new Random(2));
    const path = join(folder, "state.safetensors");
    writeSafetensors(path, optimizer.state(), {});
    const { tensors } = readSafetensors(path);
    const resumed = values.slice();
    const again = rowOptimizer(setting, ROWS, WIDTH);
    again.restore(tensors);
    train(optimizer, values, 120, new Random(3));
    train(again, resumed, 120, new Random(3));
    optimizer.finish(values);
    again.finish(resumed);
    expect(resumed).toEqual(values);
    expect(again.state()).toEqual(optimizer.state());
  });

  it("refuses the state of another optimizer or of another table", () => {
    const optimizer = rowOptimizer(setting, ROWS, WIDTH);
    expect(() => optimizer.restore({})).toThrow(/optimizer state: got nothing, expected \w+ in it/);
    expect(() => optimizer.restore(rowOptimizer(setting, 2 * ROWS, WIDTH).state())).toThrow(
      /optimizer state: \w+: got \d+ elements, expected \d+/,
    );
  });

  it("takes values that were replaced from outside", () => {
    const values = randomTable(ROWS * WIDTH, 0.1, new Random(1));
    const optimizer = rowOptimizer(setting, ROWS, WIDTH);
    train(optimizer, values, 50, new Random(2));
    values.fill(0.25);
    optimizer.reset(values);
    optimizer.finish(values);
    expect(values.every((x) => x === 0.25)).toBe(true);
    // A step of the size of the learning rate, from the new value.
    optimizer.step(values, Int32Array.of(3), 1, new Float32Array(WIDTH).fill(1), 0.01, 1);
    for (let j = 0; j < WIDTH; j++) expect(Math.abs(values[3 * WIDTH + j] - 0.25)).toBeLessThan(0.1);
  });
});

describe("of a batch alone", () => {
  it.each([
    ["lazy Adam", training, (values: Float64Array) => denseAdam(values, 0.01)],
    [
      "row-wise Adagrad",
      { ...training, optimizer: "adagrad" } as const,
      (values: Float64Array) => denseAdagrad(values, WIDTH, 0.01),
    ],
  ])("%s is the dense one where a batch has every row", (_name, setting, dense) => {
    const random = new Random(4);
    const values = randomTable(ROWS * WIDTH, 0.1, random);
    const expected = Float64Array.from(values);
    const optimizer = rowOptimizer(setting, ROWS, WIDTH);
    const reference = dense(expected);
    const all = Int32Array.from({ length: ROWS }, (_, row) => row);
    for (let step = 0; step < 30; step++) {
      const gradients = randomTable(ROWS * WIDTH, 1, random);
      reference.step(expected, Float64Array.from(gradients), 0.01, 0.5);
      optimizer.step(values, all, ROWS, gradients, 0.01, 0.5);
    }
    for (let i = 0; i < values.length; i++) expect(values[i]).toBeCloseTo(expected[i], 5);
  });

  it.each(SETTINGS.filter(([, { l2Scope }]) => l2Scope === "batch"))("%s changes no other row", (_name, setting) => {
    const values = randomTable(ROWS * WIDTH, 0.1, new Random(1));
    const before = values.slice();
    const optimizer = rowOptimizer(setting, ROWS, WIDTH);
    optimizer.step(values, Int32Array.of(9, 3), 2, new Float32Array(2 * WIDTH).fill(0.5), 0.01, 1);
    optimizer.finish(values);
    for (let row = 0; row < ROWS; row++) {
      const moved = values.subarray(row * WIDTH, (row + 1) * WIDTH).some((x, j) => x !== before[row * WIDTH + j]);
      expect(moved, `row ${row}`).toBe(row === 9 || row === 3);
    }
  });

  it("squaredNorm is that of gradient + λ·row", () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const rows = Int32Array.of(1);
    expect(rowOptimizer({ ...training, l2: 0.5 }, 2, 2).squaredNorm(values, rows, 1, Float32Array.of(1, -1))).toBe(
      2.5 ** 2 + 1,
    );
  });
});

describe("RowwiseAdagrad", () => {
  it("divides a row by the root of Σ mean(g²), w apart from v", () => {
    const values = Float32Array.of(1, 1, 1);
    const optimizer = new LazyRows(new RowwiseAdagrad(1, 3), 0);
    optimizer.step(values, Int32Array.of(0), 1, Float32Array.of(4, 3, 1), 0.1, 1);
    expect(values[0]).toBeCloseTo(1 - 0.1, 6);
    expect(values[1]).toBeCloseTo(1 - (0.1 * 3) / Math.sqrt(5), 6);
    expect(values[2]).toBeCloseTo(1 - 0.1 / Math.sqrt(5), 6);
  });
});

describe("Ftrl", () => {
  /** Algorithm 1 of McMahan et al. 2013, line by line, for one coordinate. */
  function algorithm1(gradients: number[], alpha: number, beta: number, l1: number, l2: number): number[] {
    let [z, n] = [0, 0];
    const weight = (): number =>
      Math.abs(z) <= l1 ? 0 : -(1 / ((beta + Math.sqrt(n)) / alpha + l2)) * (z - Math.sign(z) * l1);
    return gradients.map((g) => {
      const sigma = (1 / alpha) * (Math.sqrt(n + g ** 2) - Math.sqrt(n));
      z += g - sigma * weight();
      n += g ** 2;
      return weight();
    });
  }

  it.each([
    { l1: 0, l2: 0 },
    { l1: 1, l2: 0 },
    { l1: 0.5, l2: 3 },
  ])("takes the steps of algorithm 1, %o", ({ l1, l2 }) => {
    const random = new Random(6);
    const gradients = Array.from({ length: 60 }, () => random.normal());
    const expected = algorithm1(gradients, 0.1, 1, l1, l2);
    const values = new Float32Array(1);
    const optimizer = new LazyRows(new Ftrl(1, 1, l1, l2), 0);
    gradients.forEach((g, t) => {
      optimizer.step(values, Int32Array.of(0), 1, Float32Array.of(g), 0.1, 1);
      expect(values[0]).toBeCloseTo(expected[t], 5);
    });
    expect(expected.some((w) => w !== 0)).toBe(true);
    if (l1 > 0) expect(expected.includes(0)).toBe(true);
  });

  it("starts from the table's values, and goes on from there when α drops", () => {
    const values = Float32Array.of(0.3, -0.2, 0);
    const optimizer = new LazyRows(new Ftrl(1, 3, 0.1, 0.5), 0);
    const rows = Int32Array.of(0);
    optimizer.step(values, rows, 1, new Float32Array(3), 0.1, 1);
    expect(values).toEqual(Float32Array.of(Math.fround(0.3), Math.fround(-0.2), 0));
    for (let step = 0; step < 5; step++) optimizer.step(values, rows, 1, Float32Array.of(1, 1, 1), 0.1, 1);
    const before = values.slice();
    optimizer.step(values, rows, 1, new Float32Array(3), 0.001, 1);
    for (let j = 0; j < 3; j++) {
      // λ₂ = 0.5 weighs less against the new rate's proximal term: nothing else moves the weight.
      expect(Math.abs(values[j] - before[j])).toBeLessThan(0.05 * Math.abs(before[j]));
    }
  });
});

describe("Adam over a flat array", () => {
  it("is dense Adam, and resumes from its state", () => {
    const random = new Random(7);
    const values = randomTable(40, 1, random);
    const expected = values.slice();
    const reference = denseAdam(expected, 0.1);
    let adam = new Adam(1, 40);
    for (let step = 0; step < 20; step++) {
      const gradients = randomTable(40, 1, random);
      reference.step(expected, Float64Array.from(gradients), 0.01, 0.7);
      if (step === 10) {
        const state = adam.state();
        adam = new Adam(1, 40);
        adam.restore(state);
      }
      adam.begin(0.01, 0.7, 0.1);
      adam.update(values, 0, gradients, 0);
    }
    expect(values).toEqual(expected);
  });
});

describe("rowOptimizer", () => {
  it("refuses l1 where no optimizer heeds it", () => {
    expect(() => rowOptimizer({ ...training, l1: 0.1 }, 2, 2)).toThrow(
      "training.l1: got 0.1 with adam, expected 0, or the optimizer ftrl",
    );
  });
});
