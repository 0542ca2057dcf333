// What an engine does with rows in its memory, against the host's code.
import { describe, expect, it } from "vitest";
import type { ResolvedSpec } from "../../../format/spec.ts";
import { type Dataset, pickRecords } from "../../../trainer/data/dataset.ts";
import { hasPlainEntries, plainEntries } from "../../../trainer/data/plain-entries.ts";
import { Random } from "../../../trainer/data/random.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import type { EngineFactory } from "../../../trainer/model/engine.ts";
import { EntryStore } from "../../../trainer/model/entry-store.ts";
import { GatheredBatch } from "../../../trainer/model/gathered-batch.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { Model } from "../../../trainer/model/model.ts";
import { rowOptimizer } from "../../../trainer/model/optimizers/of-spec.ts";
import type { RowKernels } from "../../../trainer/model/row-kernels.ts";
import { Tables } from "../../../trainer/model/tables.ts";
import { MODELS } from "../../../trainer/model/zoo/index.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const VARIANTS = ["relaxed", "simd", "scalar"] as const;
const FIELDS = 3;
const spec = tinySpec({ type: "FM", embeddingDim: 4 });

function kernelsOf(variant: (typeof VARIANTS)[number], rows = 100): RowKernels | null {
  const random = new Random(1);
  const engine = assemblyEngine(1, variant)(new Model(MODELS.FM(spec), random), random);
  return engine.rowKernels?.(rows) ?? null;
}

function own(kernels: RowKernels, list: Float32Array): Float32Array {
  const copy = kernels.floats(list.length);
  copy.set(list);
  return copy;
}

describe.each(VARIANTS)("the %s build", (variant) => {
  // Widths below, at and above the four numbers of a vector, and rows without a vector.
  it.each([0, 1, 3, 4, 5, 11])("gathers and scatters rows as the host does, D = %i", (dim) => {
    const kernels = kernelsOf(variant);
    if (!kernels) throw new Error("got no room for the rows");
    const random = new Random(dim);
    const vocabulary = tinyVocabulary(FIELDS, 9, random);
    const host = new Tables(vocabulary, dim, spec.training, random);
    host.values.forEach((_, i, list) => {
      list[i] = random.normal();
    });
    const tables = new Tables(vocabulary, dim, spec.training, random, kernels);
    tables.replace(host.values);
    const store = new EntryStore(kernels, vocabulary.size, dim + 1);
    const { dataset } = randomDataset(40, FIELDS, vocabulary.size, random);
    // The second batch is larger than there is room for; a batch may have the same record twice.
    for (const records of [[3, 1], [5, 5, 8, 2, 39, 0, 11], [7]]) {
      const arrays = {
        embeddings: kernels.floats(7 * FIELDS * dim),
        linear: kernels.floats(7 * FIELDS),
        labels: kernels.floats(7),
      };
      const there = new GatheredBatch(7, FIELDS, dim, vocabulary.size, arrays, store);
      const here = new GatheredBatch(7, FIELDS, dim, vocabulary.size);
      for (const [batch, of] of [[there, tables] as const, [here, host] as const])
        batch.gather(dataset, Uint32Array.from(records), of, true);
      expect(there.unique.subarray(0, there.uniqueCount)).toEqual(here.unique.subarray(0, here.uniqueCount));
      expect(there.labels).toEqual(here.labels);
      expectClose(there.linear, here.linear);
      expectClose(there.embeddings, here.embeddings);
      const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
      const [dEmbeddings, dLinear] = [normals(7 * FIELDS * dim), normals(7 * FIELDS)];
      expectClose(there.scatter(own(kernels, dEmbeddings), own(kernels, dLinear)), here.scatter(dEmbeddings, dLinear));
    }
  });

  it.each([
    ["the batch's rows", "batch"],
    ["the whole table", "table"],
  ] as const)("takes Adam's steps on %s to the bit", (_name, l2Scope) => {
    const kernels = kernelsOf(variant);
    if (!kernels) throw new Error("got no room for the rows");
    const [rows, width] = [30, 5];
    const settings = { optimizer: "adam", l1: 0, l2: 0.01, l2Scope } as const;
    const random = new Random(3);
    const values = Float32Array.from({ length: rows * width }, () => random.normal());
    const [here, there] = [rowOptimizer(settings, rows, width), rowOptimizer(settings, rows, width, kernels)];
    const copy = own(kernels, values);
    for (let step = 0; step < 60; step++) {
      const batch = [...new Set(Array.from({ length: 6 }, () => random.integer(rows)))];
      const gradients = Float32Array.from({ length: batch.length * width }, () => 0.1 * random.normal());
      const numbers = kernels.integers(batch.length);
      numbers.set(batch);
      for (const row of batch) {
        here.touch(values, row);
        there.touch(copy, row);
      }
      here.step(values, Int32Array.from(batch), batch.length, gradients, 0.01, 0.7);
      there.step(copy, numbers, batch.length, own(kernels, gradients), 0.01, 0.7);
    }
    here.finish(values);
    there.finish(copy);
    expect(Array.from(copy)).toEqual(Array.from(values));
    const bits = (state: object): string => JSON.stringify(state);
    expect(bits(there.state())).toBe(bits(here.state()));
  });
});

/** An engine without its memory for rows, which then stay on the host. */
function onHost(engineOf: EngineFactory): EngineFactory {
  return (model, random) => Object.assign(engineOf(model, random), { rowKernels: () => null });
}

function train(engineOf: EngineFactory, of: ResolvedSpec, dataset: Dataset, vocabularySeed: number): Learner {
  const learner = new Learner(of, tinyVocabulary(FIELDS, 9, new Random(vocabularySeed)), engineOf);
  for (let step = 0; step < 12; step++)
    learner.step(
      dataset,
      Uint32Array.from({ length: 8 }, (_, i) => (step * 5 + i) % dataset.count),
      0.01,
    );
  return learner;
}

describe("a learner", () => {
  const random = new Random(8);
  const { dataset } = randomDataset(40, FIELDS, 30, random);

  it.each([
    { optimizer: "adam", l2Scope: "batch" },
    { optimizer: "adam", l2Scope: "table" },
    { optimizer: "adagrad", l2Scope: "batch" },
    { optimizer: "adagrad", l2Scope: "table" },
    { optimizer: "ftrl" },
  ])("learns the same with its rows in the engine's memory: %o", (training) => {
    const of = tinySpec(
      { type: "DeepFM", embeddingDim: 5, hidden: [7], dropout: 0.3, batchNorm: true },
      { ...training, l2: 0.01, denseL2: 0.01 },
    );
    const [there, here] = [train(assemblyEngine(), of, dataset, 4), train(onHost(assemblyEngine()), of, dataset, 4)];
    expectClose(there.predict(dataset), here.predict(dataset));
    const [weights, expected] = [there.weights(), here.weights()];
    expectClose(weights.rows, expected.rows);
    expectClose(weights.dense, expected.dense);

    // A learner that was restored goes on as this one does.
    const resumed = new Learner(of, tinyVocabulary(FIELDS, 9, new Random(4)), assemblyEngine());
    resumed.restoreState(there.state(), "state");
    resumed.random.restore(there.random.state());
    const records = Uint32Array.of(3, 9, 27, 0);
    expect(resumed.step(dataset, records, 0.01)).toBe(there.step(dataset, records, 0.01));
    expect(resumed.weights()).toEqual(there.weights());
  });
});

it("learns the same from records of one entry of value 1 a field, whether their lists are the kept ones or not", () => {
  const random = new Random(5);
  const of = tinySpec({ type: "FM", embeddingDim: 4 });
  const count = 60;
  const cells = count * FIELDS;
  const rows = Int32Array.from({ length: cells }, () => random.integer(30));
  const labels = Uint8Array.from({ length: count }, () => random.integer(2));
  const { offsets, values } = plainEntries(cells);
  const kept: Dataset = { count, labels, rows, offsets, values };
  const copied: Dataset = { ...kept, offsets: offsets.slice(), values: values.slice() };
  expect([hasPlainEntries(kept), hasPlainEntries(copied)]).toEqual([true, false]);
  const { dataset: others } = randomDataset(40, FIELDS, 30, random);
  const [one, two] = [1, 2].map(() => new Learner(of, tinyVocabulary(FIELDS, 9, new Random(4)), assemblyEngine()));
  // Batches that grow and shrink, shuffled and in a run, with others between them.
  const run = Uint32Array.from({ length: count }, (_, i) => i);
  for (const records of [[3, 1, 59], run.subarray(10, 30), [7], run, [58, 0, 0, 9], run.subarray(40)]) {
    const batch = Uint32Array.from(records);
    expect(one?.step(kept, batch, 0.01)).toBe(two?.step(copied, batch, 0.01));
    const other = Uint32Array.of(batch.length % 40, 5, 39);
    if (batch.length % 2 === 0) expect(one?.step(others, other, 0.01)).toBe(two?.step(others, other, 0.01));
    expect(pickRecords(kept, batch, FIELDS)).toEqual(pickRecords(copied, batch, FIELDS));
  }
  expect(one?.weights()).toEqual(two?.weights());
});

it("learns from and predicts records without any entry, before it has seen one with some", () => {
  const of = tinySpec({ type: "FM", embeddingDim: 4 });
  const { dataset: filled } = randomDataset(8, FIELDS, 30, new Random(5));
  const [count, all] = [8, Uint32Array.from({ length: 8 }, (_, i) => i)];
  const none = { offsets: new Uint32Array(count * FIELDS + 1), rows: new Int32Array(0), values: new Float32Array(0) };
  const empty: Dataset = { count, labels: filled.labels, ...none };
  const learners = [assemblyEngine(), onHost(assemblyEngine())].map(
    (engineOf) => new Learner(of, tinyVocabulary(FIELDS, 9, new Random(4)), engineOf),
  );
  const outcomes = learners.map((learner) => [
    [...learner.predict(empty)],
    ...[empty, filled, empty].map((dataset) => learner.step(dataset, all, 0.01)),
    [...learner.predict(filled)],
  ]);
  expect(outcomes[0]?.[0]).toEqual(new Array(count).fill(0));
  expect(outcomes[0]?.slice(1, 4)).toEqual(outcomes[1]?.slice(1, 4));
  expectClose(Float32Array.from(outcomes[0]?.[4] as number[]), Float32Array.from(outcomes[1]?.[4] as number[]));
});

it("rows that 4 GiB do not hold beside a step stay on the host", () => {
  expect(kernelsOf("simd", 1e8)).toBeNull();
});

it("an array of another memory is refused", () => {
  const [kernels, others] = [kernelsOf("simd"), kernelsOf("simd")];
  const foreign = others?.floats(8) as Float32Array;
  const step = { rate: 0.1, epsilon: 1e-8, scale: 1, decay: 0 };
  const rows = kernels?.integers(1) as Int32Array;
  expect(() => kernels?.adam({ values: foreign, m: foreign, v: foreign }, rows, 1, 1, foreign, step)).toThrow(
    "got an array of another memory",
  );
});

function expectClose(got: Float32Array, expected: Float32Array): void {
  expect(got.length).toBe(expected.length);
  const wrong: string[] = [];
  for (let i = 0; i < got.length; i++) {
    if (!(Math.abs(got[i] - expected[i]) <= 2e-5 * Math.max(1, Math.abs(expected[i]))))
      wrong.push(`${i}: got ${got[i]}, expected ${expected[i]}`);
  }
  expect(wrong).toEqual([]);
}
