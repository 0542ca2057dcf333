// Measures training steps on each engine, on synthetic records in memory: records/s, and ms of a step by part. The
// engines take turns on the same batches, so that a slow moment of the machine falls on all; prints medians of
// rounds, and gates nothing. It first checks that all compute the same loss.
//   npm run bench -- train [--case NAME] [--rounds N] [--json FILE]
import { parseArgs } from "node:util";
import { parseWith } from "../format/parse.ts";
import { FeatureSpecSchema, type ResolvedSpec } from "../format/spec.ts";
import type { Dataset } from "../trainer/data/dataset.ts";
import { withFixedDefaults } from "../trainer/data/default-settings.ts";
import { Random } from "../trainer/data/random.ts";
import { Vocabulary } from "../trainer/data/vocabulary.ts";
import { Zipf } from "../trainer/data/zipf.ts";
import { assemblyEngine } from "../trainer/engine/assembly-engine.ts";
import { startBackend } from "../trainer/engine/backend.ts";
import { tfjsEngine } from "../trainer/engine/tfjs-engine.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import type { EngineFactory } from "../trainer/model/engine.ts";
import { Learner } from "../trainer/model/learner.ts";
import { table } from "../trainer/terminal/table.ts";
import { medianRatio } from "./ratio.ts";

interface Case {
  fields: number;
  rows: number;
  batch: number;
  model: { embeddingDim: number; hidden: number[]; dropout: number; batchNorm?: boolean };
  training: object;
}

const DEEP = [400, 400, 400];
const LAZY = { l2: 1e-5, l2Scope: "batch" };
const CRITEO = { fields: 39, batch: 2048, training: LAZY };
const CASES: Record<string, Case> = {
  // Frappe's DeepFM by the settings of BARS.
  frappe: {
    ...{ fields: 10, rows: 5_400, batch: 4096, training: { l2: 0.05, l2Scope: "table", clipNorm: 10 } },
    model: { embeddingDim: 10, hidden: DEEP, dropout: 0.2, batchNorm: true },
  },
  // The net of examples/generated.json.
  small: {
    ...{ fields: 9, rows: 20_000, batch: 2048, training: { l2: 0.001, l2Scope: "batch" } },
    model: { embeddingDim: 8, hidden: [128, 64], dropout: 0.1 },
  },
  "criteo-k10": { ...CRITEO, rows: 1_000_000, model: { embeddingDim: 10, hidden: DEEP, dropout: 0.5 } },
  "criteo-k16": { ...CRITEO, rows: 1_000_000, model: { embeddingDim: 16, hidden: DEEP, dropout: 0.5 } },
};

/** Steps of one turn. */
const STEPS = 3;

const { values: flags } = parseArgs({
  options: { case: { type: "string" }, rounds: { type: "string", default: "7" }, json: { type: "string" } },
});
const rounds = Number(flags.rounds);
const names = flags.case === undefined ? Object.keys(CASES) : [flags.case];

function specOf({ fields, batch, model, training }: Case): ResolvedSpec {
  const spec = {
    name: "bench",
    fields: Array.from({ length: fields }, (_, f) => ({ name: `f${f}`, type: "categorical" })),
    model,
    training: { batchSize: batch, learningRate: 1e-3, ...training },
  };
  return withFixedDefaults(parseWith(FeatureSpecSchema, spec, "bench"));
}

/** Rows of all fields under distinct random keys. */
function vocabularyOf({ fields, rows }: Case, random: Random): Vocabulary {
  const keys = Uint32Array.from({ length: 2 * rows }, (_, i) => (i < 2 * fields ? 0 : random.bits()));
  const fieldOf = Uint16Array.from({ length: rows }, (_, row) => row % fields);
  return new Vocabulary(fields, keys, fieldOf, new Uint32Array(rows).fill(1));
}

/** Records with one entry a field, whose rows are drawn by Zipf's law. */
function datasetOf({ fields, rows, batch }: Case, random: Random): Dataset {
  const count = STEPS * batch;
  const zipf = new Zipf(Math.floor(rows / fields) - 1, 1);
  return {
    count,
    labels: Uint8Array.from({ length: count }, () => random.integer(2)),
    offsets: Uint32Array.from({ length: count * fields + 1 }, (_, i) => i),
    rows: Int32Array.from({ length: count * fields }, (_, i) => (i % fields) + fields * (1 + zipf.draw(random))),
    values: new Float32Array(count * fields).fill(1),
  };
}

interface Runner {
  name: string;
  learner: Learner;
  /** Milliseconds of a step, and those of it in the engine; one number a round. */
  steps: number[];
  engine: number[];
  /** Milliseconds in the engine since they were last asked for. */
  spent: number;
}

/** An engine whose time is counted. */
function counted(runner: { spent: number }, engineOf: EngineFactory): EngineFactory {
  return (model, random) => {
    const engine = engineOf(model, random);
    const { gradients } = engine;
    engine.gradients = (batch) => {
      const started = performance.now();
      const result = gradients.call(engine, batch);
      runner.spent += performance.now() - started;
      return result;
    };
    return engine;
  };
}

await startBackend("wasm");
const lines: (string | number)[][] = [];
const results: object[] = [];
for (const name of names) {
  const of = CASES[name];
  if (!of) throw new Error(`got the case ${name}, expected one of ${Object.keys(CASES).join(", ")}`);
  const random = new Random(1);
  const spec = specOf(of);
  const vocabulary = vocabularyOf(of, random);
  const dataset = datasetOf(of, random);
  const makers: Record<string, EngineFactory> = { tfjs: tfjsEngine, assembly: assemblyEngine() };
  const runners = Object.entries(makers).map(([engine, engineOf]): Runner => {
    const runner = { name: engine, steps: [] as number[], engine: [] as number[], spent: 0 };
    return Object.assign(runner, { learner: new Learner(spec, vocabulary, counted(runner, engineOf)) });
  });
  const batches = Array.from({ length: STEPS }, (_, step) =>
    Uint32Array.from({ length: of.batch }, (_, i) => step * of.batch + i),
  );
  // Two rounds warm up, as the compiler of WebAssembly takes its time.
  for (let round = -2; round < rounds; round++) {
    const losses: number[] = [];
    for (const runner of runners) {
      runner.spent = 0;
      const started = performance.now();
      for (const records of batches) losses.push(runner.learner.step(dataset, records, 1e-3));
      const milliseconds = performance.now() - started;
      if (round < 0) continue;
      runner.steps.push(milliseconds / STEPS);
      runner.engine.push(runner.spent / STEPS);
    }
    const [loss, ...others] = [losses[0], losses[STEPS]] as [number, number];
    if (round === -2 && others.some((other) => Math.abs(other - loss) > 1e-4))
      throw new Error(`the engines' first losses differ: ${losses.join(", ")}`);
  }
  const first = runners[0] as Runner;
  for (const { name: engine, steps, engine: inEngine } of runners) {
    const [step, own] = [median(steps), median(inEngine)];
    const recordsPerSecond = (1000 * of.batch) / step;
    lines.push([
      name,
      engine,
      Math.round(recordsPerSecond),
      ...[step, own, step - own].map((ms) => ms.toFixed(1)),
      medianRatio(first.steps, steps).toFixed(2),
      medianRatio(first.engine, inEngine).toFixed(2),
    ]);
    const { rows, batch, model } = of;
    results.push({
      ...{ case: name, k: model.embeddingDim, rows, batch, threads: 1, engine },
      ...{ recordsPerSecond, parts: { engine: own, rows: step - own } },
    });
  }
}
console.log(table(["case", "engine", "records/s", "ms a step", "engine", "rows", "faster", "engine faster"], lines));
if (flags.json) writeWhole(flags.json, toJson({ results }));
