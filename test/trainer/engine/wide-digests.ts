// Trains every model with the relaxed build of assembly/train on some threads, and computes products at sizes that its
// tiles do not divide. Prints digests of all bits: wide.test.ts runs it with flags of V8.
import { createHash } from "node:crypto";
import { MODEL_TYPES } from "../../../format/spec.ts";
import { Random } from "../../../trainer/data/random.ts";
import { trainingKernels } from "../../../trainer/engine/assembly/kernels.ts";
import { LinearMemory } from "../../../trainer/engine/assembly/memory.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const FIELDS = 3;
const BATCHES = [37, 1, 64, 2, 130];
/** Below, at and above the tiles, and deeper than the blocks by which sums are cut. */
const SIZES = [
  [97, 17, 8],
  [12, 32, 30],
  [13, 33, 513],
  [41, 40, 700],
  [300, 31, 65],
] as const;

function digest(lists: readonly Float32Array[]): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of lists) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}

function trained(model: object, threads: number): string {
  const { dataset } = randomDataset(150, FIELDS, 93, new Random(8));
  const shape = { embeddingDim: 5, hidden: [72, 37, 9], dropout: 0.3, batchNorm: true };
  const spec = tinySpec({ ...shape, ...model }, { l2: 0.01, denseL2: 0.01 });
  // Parts so small that every command has many.
  const learner = new Learner(spec, tinyVocabulary(FIELDS, 30, new Random(4)), assemblyEngine(threads, "relaxed", 1));
  let at = 0;
  for (const size of BATCHES) {
    const records = Uint32Array.from({ length: size }, (_, i) => (at + i) % dataset.count);
    learner.step(dataset, records, 0.01);
    at += size;
  }
  const { rows, dense, runningStats } = learner.weights();
  return digest([rows, dense, runningStats, learner.predict(dataset)]);
}

function products(): Record<string, string> {
  const memory = new LinearMemory();
  const kernels = trainingKernels("relaxed", memory.memory);
  const scratch = memory.allocate(kernels.teamScratchBytes(1, 0));
  kernels.lead(memory.allocate(kernels.blockBytes()), scratch, 0, 100);
  const random = new Random(9);
  const matrix = (length: number, share: number): number => {
    const address = memory.allocateNumbers(length);
    const list = memory.floats(address, length);
    for (let i = 0; i < length; i++) list[i] = random.uniform() < share ? random.normal() : 0;
    return address;
  };
  const digests: Record<string, string> = {};
  for (const [m, n, k] of SIZES) {
    const [a, b, c, s] = [matrix(m * k, 1), matrix(k * n, 1), matrix(m * n, 1), matrix(m * k, 0.4)];
    const add = (name: string): void => {
      digests[`${name} ${[m, n, k]}`] = digest([memory.floats(c, m * n)]);
    };
    for (const [tA, tB] of [0, 1, 2, 3].map((bits) => [(bits & 1) > 0, (bits & 2) > 0] as const)) {
      kernels.gemm(a, b, c, m, n, k, tA, tB);
      add(`dense ${tA} ${tB}`);
    }
    for (const transposed of [false, true]) {
      kernels.multiplySparseRows(s, b, c, m, n, k, transposed);
      add(`rows ${transposed}`);
      kernels.multiplySparseColumns(s, b, c, m, n, k, transposed);
      add(`columns ${transposed}`);
    }
  }
  return digests;
}

const models = [...MODEL_TYPES.map((type) => ({ type })), { batchNorm: false, activation: "tanh" }];
const trainings = models.flatMap((model) =>
  [1, 3].map((threads) => [`${JSON.stringify(model)} on ${threads}`, trained(model, threads)]),
);
console.log(JSON.stringify({ ...Object.fromEntries(trainings), ...products() }));
