// The engine in AssemblyScript against TensorFlow.js, element by element, at sizes that no tile divides.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { TERM_ALL } from "../../../format/constants.ts";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema, MODEL_TYPES, type ResolvedSpec } from "../../../format/spec.ts";
import { withFixedDefaults } from "../../../trainer/data/default-settings.ts";
import { Random } from "../../../trainer/data/random.ts";
import { trainingKernels } from "../../../trainer/engine/assembly/kernels.ts";
import { LinearMemory } from "../../../trainer/engine/assembly/memory.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import type { Batch, Engine, EngineFactory, Gradients } from "../../../trainer/model/engine.ts";
import { Model } from "../../../trainer/model/model.ts";
import { MODELS } from "../../../trainer/model/zoo/index.ts";

const FIELDS = 5;
const VARIANTS = ["relaxed", "simd", "scalar"] as const;
/** Of the largest element, or of 0.01: sums over some hundred products in float32, in another order. */
const TOLERANCE = 1e-5;

function specOf(model: object, training: object = {}): ResolvedSpec {
  const fields = Array.from({ length: FIELDS }, (_, f) => ({
    name: `f${f}`,
    type: "categorical",
    side: f % 2 === 0 ? "context" : "item",
  }));
  return withFixedDefaults(
    parseWith(FeatureSpecSchema, { name: "odd", fields, model: { embeddingDim: 6, ...model }, training }, "odd"),
  );
}

/** A model with random weights and statistics, always the same ones for a spec. */
function modelOf(spec: ResolvedSpec): Model {
  const random = new Random(5);
  const model = new Model(MODELS[spec.model.type](spec), random);
  const { parameters, runningStats } = model;
  parameters.values.forEach((x, i, list) => {
    list[i] = x + 0.1 * random.normal();
  });
  runningStats.values.forEach((x, i, list) => {
    list[i] = Math.abs(x + 0.3 * random.normal());
  });
  return model;
}

function batchOf(size: number, { definition }: Model, weighted: boolean): Batch {
  const random = new Random(size);
  const normals = (length: number): Float32Array => Float32Array.from({ length }, () => 0.4 * random.normal());
  const dim = definition.rowDim;
  const rows = Int32Array.from({ length: size }, () => random.integer(9) - 1);
  return {
    ...{ size, fields: FIELDS, dim },
    // Longer than they need to be, as a learner's are.
    embeddings: normals((size + 3) * FIELDS * dim),
    linear: normals((size + 2) * FIELDS),
    labels: Float32Array.from({ length: size + 1 }, () => random.integer(2)),
    weights: weighted ? Float32Array.from({ length: size + 4 }, () => random.uniform() * 3) : null,
    items: { rows, logShares: Float32Array.from(rows, (row) => -(row + 3) / 4) },
  };
}

/** Throws where an element differs by more than the tolerance. */
function expectEqual(place: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length, place).toBe(expected.length);
  let largest = 1e-2;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]));
  const wrong: string[] = [];
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(got[i] - expected[i]) <= TOLERANCE * largest))
      wrong.push(`${place}[${i}]: got ${got[i]}, expected ${expected[i]}`);
  expect(wrong.slice(0, 5)).toEqual([]);
}

function expectSameGradients(got: Gradients, expected: Gradients, but: { bias?: boolean } = {}): void {
  expect(Math.abs(got.loss - expected.loss)).toBeLessThan(1e-5);
  // By the in-batch loss w₀ has no gradient, of which TensorFlow.js gives the rounding errors.
  expectEqual("w₀", [got.dense[0]], [but.bias ? 0 : expected.dense[0]]);
  expectEqual("dense", got.dense.subarray(1), expected.dense.subarray(1));
  expectEqual("dEmbeddings", got.dEmbeddings, expected.dEmbeddings);
  expectEqual("dLinear", got.dLinear, expected.dLinear);
  expectEqual("batchStats", got.batchStats, expected.batchStats);
}

/** An engine's arrays hold until its next call. */
function copied({ loss, ...arrays }: Gradients): Gradients {
  const { dense, dEmbeddings, dLinear, batchStats } = arrays;
  const [a, b, c, d] = [dense, dEmbeddings, dLinear, batchStats].map((list) => Float32Array.from(list));
  return { loss, dense: a, dEmbeddings: b, dLinear: c, batchStats: d } as Gradients;
}

interface Made {
  engine: Engine;
  random: Random;
}

function make(engineOf: EngineFactory, model: Model): Made {
  const random = new Random(77);
  return { engine: engineOf(model, random), random };
}

const SHAPES = [
  { hidden: [1], batchNorm: false },
  { hidden: [33], batchNorm: false, dropout: 0.3, activation: "tanh" },
  { hidden: [9, 21, 1], batchNorm: true, dropout: 0.5, activation: "relu" },
  { hidden: [10, 7], batchNorm: true, dropout: 0, activation: "sigmoid" },
  { hidden: [10, 7], batchNorm: false, dropout: 0.1, activation: "relu" },
];

beforeAll(async () => {
  await startBackend("wasm");
});

describe.each(MODEL_TYPES)("%s", (type) => {
  const hasNetwork = !["LR", "FM"].includes(type);
  it.each(hasNetwork ? SHAPES : SHAPES.slice(0, 1))(
    "has TensorFlow.js's gradients, dropout's draws included: %o",
    (shape) => {
      const model = modelOf(specOf({ type, ...shape }));
      const reference = make(tfjsEngine, model);
      const made = VARIANTS.map((variant, i) => make(assemblyEngine(i + 1, variant, 1), model));
      // The second batch is larger than the first, the third is smaller; the last is one record.
      for (const [i, size] of [7, 37, 18, 1].entries()) {
        const batch = batchOf(size, model, i % 2 === 1);
        const expected = reference.engine.gradients(batch);
        for (const { engine, random } of made) {
          expectSameGradients(engine.gradients(batch), expected);
          expect(random.state()).toEqual(reference.random.state());
        }
      }
    },
  );

  it("has its logits, what goes into each layer, and its loss", () => {
    const model = modelOf(specOf({ type, hidden: [9, 21], batchNorm: true, dropout: 0.5 }));
    const batch = batchOf(23, model, true);
    const outcome = (engineOf: EngineFactory): { places: string[]; numbers: Float32Array[] } => {
      const { engine, random } = make(engineOf, model);
      const before = random.state();
      const [places, numbers] = [["logits", "loss"], [] as Float32Array[]];
      const logits = engine.logits(batch, (network, layer, input) => {
        places.push(`${network}.${layer}`);
        numbers.push(input);
      });
      expect(random.state()).toEqual(before);
      return { places, numbers: [logits, Float32Array.of(engine.ownLoss(batch)), ...numbers] };
    };
    const expected = outcome(tfjsEngine);
    for (const variant of VARIANTS) {
      const got = outcome(assemblyEngine(1, variant));
      expect(got.places).toEqual(expected.places);
      got.numbers.forEach((list, i) => {
        expectEqual(expected.places[i] as string, list, expected.numbers[i] as Float32Array);
      });
    }
  });
});

describe("two towers", () => {
  const spec = specOf({ type: "two-tower", hidden: [9], batchNorm: true, dropout: 0.2 }, { loss: "in-batch" });

  // 300 records are more than the loss takes at a time.
  it.each([1, 5, 300])("have the in-batch loss and its gradients over %i records", (size) => {
    const model = modelOf(spec);
    const batch = batchOf(size, model, false);
    const reference = make(tfjsEngine, model);
    const [expected, own] = [reference.engine.gradients(batch), reference.engine.ownLoss(batch)];
    for (const variant of VARIANTS) {
      const { engine, random } = make(assemblyEngine(1, variant), model);
      expectSameGradients(engine.gradients(batch), expected, { bias: true });
      expect(random.state()).toEqual(reference.random.state());
      expect(Math.abs(engine.ownLoss(batch) - own)).toBeLessThan(1e-5);
    }
  });

  it("have the same vectors", () => {
    const model = modelOf(spec);
    const batch = batchOf(19, model, false);
    const expected = make(tfjsEngine, model).engine.vectors(batch);
    for (const variant of VARIANTS) {
      const got = make(assemblyEngine(1, variant), model).engine.vectors(batch);
      expectEqual("context", got.context, expected.context);
      expectEqual("item", got.item, expected.item);
    }
  });

  it("refuse a batch without items, and a model without towers has no vectors", () => {
    const model = modelOf(spec);
    const batch = { ...batchOf(3, model, false), items: null };
    expect(() => make(assemblyEngine(), model).engine.gradients(batch)).toThrow("got a batch without items");
    const deep = modelOf(specOf({ type: "DeepFM" }));
    expect(() => make(assemblyEngine(), deep).engine.vectors(batchOf(3, deep, false))).toThrow("no towers");
  });
});

it("a model with a term that the engine does not have is refused", () => {
  const model = new Model({ rowDim: 0, terms: 2 * TERM_ALL }, new Random(1));
  expect(() => make(assemblyEngine(), model).engine.logits(batchOf(2, model, false))).toThrow("expected --engine tfjs");
});

describe("arrays in the engine's memory", () => {
  const model = modelOf(specOf({ type: "PNN*", hidden: [9], batchNorm: true }));

  it("give the bits that arrays elsewhere give, and stay when others are handed out", () => {
    const { engine } = make(assemblyEngine(), model);
    const expected = copied(engine.gradients(batchOf(30, model, true)));
    const small = engine.batchArrays?.(30, FIELDS);
    const large = engine.batchArrays?.(500, FIELDS);
    for (const arrays of [small, large, small]) {
      if (!arrays) throw new Error("got no arrays");
      const { embeddings, linear, labels, ...rest } = batchOf(30, model, true);
      arrays.embeddings.set(embeddings.subarray(0, 30 * FIELDS * 6));
      arrays.linear.set(linear.subarray(0, 30 * FIELDS));
      arrays.labels.set(labels.subarray(0, 30));
      expect(copied(engine.gradients({ ...rest, ...arrays }))).toEqual(expected);
      // A larger batch from elsewhere moves what lies behind them.
      engine.gradients(batchOf(700, model, false));
    }
  });

  it("are refused where 4 GiB do not hold them", () => {
    const { engine } = make(assemblyEngine(), model);
    expect(() => engine.batchArrays?.(2 ** 27, FIELDS)).toThrow(/got a training step of \d+ bytes, expected at most/);
  });
});

describe.each(VARIANTS)("the matrix product of the %s build", (variant) => {
  const FORMS = [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ] as const;
  // Vectors, and sizes below, at and above the tile (4 or 6 rows, 8 columns) and the blocks (96 rows, 512 deep).
  const SIZES = [
    ...[1, 2, 4, 5, 6, 8, 9, 13].flatMap((m) => [1, 3, 8, 9].flatMap((n) => [1, 5].map((k) => [m, n, k] as const))),
    ...([
      [95, 9, 33],
      [97, 17, 8],
      [5, 7, 511],
      [7, 9, 1025],
      [13, 33, 513],
      [1, 41, 30],
      [41, 1, 30],
    ] as const),
  ];

  it.each(FORMS)("is that of float64, transposeA %s, transposeB %s", (transposeA, transposeB) => {
    const memory = new LinearMemory();
    const kernels = trainingKernels(variant, memory.memory);
    const scratch = memory.allocate(kernels.teamScratchBytes(1, 0));
    kernels.lead(memory.allocate(kernels.blockBytes()), scratch, 0, 100);
    const random = new Random(9);
    const wrong: string[] = [];
    for (const [m, n, k] of SIZES) {
      const [a, b, c] = [m * k, k * n, m * n].map((length) => memory.allocateNumbers(length)) as [
        number,
        number,
        number,
      ];
      const [x, y] = [memory.floats(a, m * k), memory.floats(b, k * n)];
      for (const list of [x, y]) for (let i = 0; i < list.length; i++) list[i] = random.normal();
      kernels.gemm(a, b, c, m, n, k, transposeA, transposeB);
      const product = memory.floats(c, m * n);
      for (let i = 0; i < m * n; i++) {
        const [row, column] = [Math.floor(i / n), i % n];
        let [sum, size] = [0, 0];
        for (let d = 0; d < k; d++) {
          const term = x[transposeA ? d * m + row : row * k + d] * y[transposeB ? column * k + d : d * n + column];
          sum += term;
          size += Math.abs(term);
        }
        // Higham 2002, section 3.1: for any order of the sum, fused or not.
        if (!(Math.abs(product[i] - sum) <= k * 2 ** -23 * size)) wrong.push(`${[m, n, k]}: ${i}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

it.each(VARIANTS)("the %s build has no data, so that several instances may share a memory", (variant) => {
  const bytes = readFileSync(`build/train.${variant}.wasm`);
  const sections: number[] = [];
  for (let at = 8; at < bytes.length; ) {
    sections.push(bytes[at++]);
    let size = 0;
    for (let shift = 0, byte = 128; byte & 128; shift += 7) {
      byte = bytes[at++];
      size += (byte & 127) * 2 ** shift;
    }
    at += size;
  }
  const [CODE, DATA] = [10, 11];
  expect(sections).toContain(CODE);
  expect(sections).not.toContain(DATA);
});
