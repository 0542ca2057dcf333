import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { GatheredBatch } from "../../../trainer/model/gathered-batch.ts";
import { Adam } from "../../../trainer/model/optimizers/adam.ts";
import { Tables } from "../../../trainer/model/tables.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const FIELDS = 3;
const K = 4;
const TRAINING = tinySpec({}).training;

function setUp(records: number) {
  const random = new Random(21);
  const vocabulary = tinyVocabulary(FIELDS, 5, random);
  const tables = new Tables(vocabulary, K, TRAINING, random);
  tables.replace(tables.values.map(() => random.normal()));
  return { random, vocabulary, tables, ...randomDataset(records, FIELDS, vocabulary.size, random) };
}

describe("GatheredBatch", () => {
  it("gathers Σ x·row a field, and lists each row once", () => {
    const { tables, vocabulary, records, dataset } = setUp(30);
    const batch = new GatheredBatch(8, FIELDS, K, vocabulary.size);
    for (const chosen of [Uint32Array.of(3, 29, 3, 0), Uint32Array.of(5)]) {
      batch.gather(dataset, chosen, tables, true);
      chosen.forEach((record, b) => {
        records[record]?.forEach((entries, f) => {
          const linear = entries.reduce((s, { row, x }) => s + x * tables.values[row * (K + 1)], 0);
          expect(batch.linear[b * FIELDS + f]).toBeCloseTo(linear, 5);
          for (let j = 0; j < K; j++) {
            const sum = entries.reduce((s, { row, x }) => s + x * tables.values[row * (K + 1) + 1 + j], 0);
            expect(batch.embeddings[(b * FIELDS + f) * K + j]).toBeCloseTo(sum, 5);
          }
        });
        expect(batch.labels[b]).toBe(dataset.labels[record]);
      });
      const used = new Set([...chosen].flatMap((record) => records[record]?.flat().map(({ row }) => row) ?? []));
      expect([...batch.unique.subarray(0, batch.uniqueCount)].sort()).toEqual([...used].sort());
    }
  });

  it("refuses more records than it has room for", () => {
    const { tables, vocabulary, dataset } = setUp(10);
    const batch = new GatheredBatch(2, FIELDS, K, vocabulary.size);
    expect(() => batch.gather(dataset, Uint32Array.of(1, 2, 3), tables, true)).toThrow(
      "got 3 records, expected at most 2",
    );
  });
});

describe("Tables", () => {
  it("start OOV rows at zero and the others near it", () => {
    const random = new Random(1);
    const { values } = new Tables(tinyVocabulary(FIELDS, 50, random), K, TRAINING, random);
    expect(values.subarray(0, FIELDS * (K + 1)).every((x) => x === 0)).toBe(true);
    const rest = values.subarray(FIELDS * (K + 1));
    expect(rest.some((x) => x !== 0)).toBe(true);
    expect(Math.max(...rest.map(Math.abs))).toBeLessThan(0.1);
  });

  it("change only the rows of the batch", () => {
    const { tables, vocabulary, records, dataset } = setUp(30);
    const before = tables.values.slice();
    const batch = new GatheredBatch(2, FIELDS, K, vocabulary.size);
    batch.gather(dataset, Uint32Array.of(4, 9), tables, true);
    const gradients = new Float32Array(batch.uniqueCount * (K + 1)).fill(0.5);
    tables.step(batch, gradients, 0.01, 1);
    const used = new Set([4, 9].flatMap((record) => records[record]?.flat().map(({ row }) => row) ?? []));
    for (let row = 0; row < vocabulary.size; row++) {
      for (let j = 0; j <= K; j++) {
        const moved = tables.values[row * (K + 1) + j] !== before[row * (K + 1) + j];
        expect(moved, `row ${row}`).toBe(used.has(row));
      }
    }
  });
});

describe("Adam", () => {
  it("takes the steps of algorithm 1 of Kingma and Ba", () => {
    const random = new Random(9);
    const gradients = Array.from({ length: 5 }, () => Float32Array.from({ length: 3 }, () => random.normal()));
    const values = Float32Array.of(1, -2, 0.5);
    const adam = new Adam(1, 3);
    const expected = [1, -2, 0.5];
    const m = [0, 0, 0];
    const v = [0, 0, 0];
    gradients.forEach((gradient, t) => {
      adam.begin(0.1, 1, 0);
      adam.update(values, 0, gradient, 0);
      gradient.forEach((g, i) => {
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.999 * v[i] + 0.001 * g * g;
        const mHat = m[i] / (1 - 0.9 ** (t + 1));
        const vHat = v[i] / (1 - 0.999 ** (t + 1));
        expected[i] = expected[i] - (0.1 * mHat) / (Math.sqrt(vHat) + 1e-8);
      });
    });
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  });
});
