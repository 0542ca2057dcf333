// The trainer's own engine on several threads.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { MODEL_TYPES, type ResolvedSpec } from "../../../format/spec.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import { type AssemblyEngine, assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import type { Weights } from "../../../trainer/model/weights.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const FIELDS = 3;
/** Odd ones, one that is smaller than the number of threads, and one with more records than a part has at most. */
const BATCHES = [37, 1, 64, 2, 130];

function trained(threads: number, spec: ResolvedSpec, dataset: Dataset): Weights & { logits: Float32Array } {
  // Parts so small that every command has many.
  const engineOf = assemblyEngine(threads, "relaxed", 1);
  const engines: AssemblyEngine[] = [];
  const learner = new Learner(spec, tinyVocabulary(FIELDS, 30, new Random(4)), (model, random) => {
    const engine = engineOf(model, random);
    engines.push(engine);
    return engine;
  });
  // Until the other threads are there: they take a moment to start.
  for (const end = Date.now() + 120_000; threads > 1 && engines[0]?.partsByHelpers === 0 && Date.now() < end; )
    learner.predict(dataset);
  if (spec.training.loss === "in-batch") learner.startFromPopularity(new Float32Array(93).fill(-2));
  let at = 0;
  for (const size of BATCHES) {
    const records = Uint32Array.from({ length: size }, (_, i) => (at + i) % dataset.count);
    learner.step(dataset, records, 0.01);
    at += size;
  }
  expect(threads === 1 || (engines[0] as AssemblyEngine).partsByHelpers > 0).toBe(true);
  return { ...learner.weights(), logits: learner.predict(dataset) };
}

const CASES = [
  ...MODEL_TYPES.map((type) => [type, { type }, {}] as const),
  ["two-tower, in-batch", { type: "two-tower" }, { loss: "in-batch" }] as const,
  ["without BatchNorm", { batchNorm: false, activation: "tanh" }, { l2Scope: "table", clipNorm: 0.1 }] as const,
];

describe.each(CASES)("%s", (_name, model, training) => {
  const { dataset } = randomDataset(150, FIELDS, 93, new Random(8));
  const shape = { embeddingDim: 5, hidden: [33, 9], dropout: 0.3, batchNorm: true };
  const spec = tinySpec({ ...shape, ...model }, { l2: 0.01, denseL2: 0.01, ...training });

  it("has the same weights to the bit on any number of threads", () => {
    const [one, ...others] = [1, 2, 3, 2].map((threads) => trained(threads, spec, dataset));
    for (const other of others) expect(other).toEqual(one);
  });
});

/** What a process of its own says and how it ends, as nothing that is started here may outlive it. */
function runScript(body: string): { status: number | null; output: string } {
  const script = `
    import { Random } from "./trainer/data/random.ts";
    import { assemblyEngine } from "./trainer/engine/assembly-engine.ts";
    import { Learner } from "./trainer/model/learner.ts";
    import { randomDataset, tinySpec, tinyVocabulary } from "./test/trainer/tiny.ts";
    const { dataset } = randomDataset(150, 3, 93, new Random(8));
    const records = Uint32Array.from({ length: 150 }, (_, i) => i);
    const spec = tinySpec({ hidden: [64, 64] });
    const start = () => new Learner(spec, tinyVocabulary(3, 30, new Random(4)), assemblyEngine(3, "relaxed", 1));
    ${body}`;
  const args = ["--input-type=module-typescript", "--eval", script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 280_000 });
  return { status, output: stdout + stderr };
}

describe("a process", () => {
  it("ends by itself while its threads wait for work", () => {
    const ended = runScript('console.log(typeof start().step(dataset, records, 0.01), "then the end");');
    expect(ended.output).toContain("number then the end");
    expect(ended.status).toBe(0);
  });

  it("says that a thread has ended, at the next step", () => {
    const ended = runScript(`
      const [workers, begun] = [[], []];
      process.on("worker", (worker) => {
        workers.push(worker);
        worker.ref(); // which alone keeps the process waiting for it
        begun.push(new Promise((resolve) => worker.once("online", resolve)));
      });
      const learner = start();
      learner.step(dataset, records, 0.01);
      await new Promise((resolve) => setImmediate(resolve)); // until the process has been told of its threads
      await Promise.all(begun); // one that is ended before it has begun has another code
      await Promise.all(workers.map((worker) => worker.terminate()));
      console.log(workers.length, "threads");
      learner.step(dataset, records, 0.01);`);
    expect(ended.output).toContain("2 threads");
    expect(ended.output).toContain("a thread of the engine failed: it ended with code 1");
    expect(ended.status).toBe(1);
  });

  it("computes with several engines in turns, whose memories grow", () => {
    const ended = runScript(`
      const [a, b, c] = [start(), start(), start()];
      const losses = [];
      for (const size of [2, 20, 70, 150])
        for (const learner of [a, b, c]) losses.push(learner.step(dataset, records.subarray(0, size), 0.01));
      console.log(new Set(losses).size, "losses");`);
    expect(ended.output).toContain("4 losses");
    expect(ended.status).toBe(0);
  });
});
