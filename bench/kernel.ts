// µs a record of the whole forward pass, one thread: DeepFM in every variant of the kernel and both types of weights, and
// every model in int8. All take turns in every round, so that a slow moment of the machine falls on all of them; medians.
// Prints; gates nothing.
//   node bench/kernel.ts [rounds]
import * as c from "../format/constants.ts";
import { Kernel, type KernelVariant } from "../format/kernel.ts";
import { MODEL_TYPES, type ModelType } from "../format/spec.ts";
import { writeBlob } from "../format/write-blob.ts";
import { shapeOfType } from "../test/format/shapes.ts";
import { randomModel } from "../test/kernel/random-model.ts";
import { kernelModule } from "../trainer/kernel-module.ts";
import { Random } from "../trainer/random.ts";
import { table } from "../trainer/table.ts";

const ROUNDS = Number(process.argv[2] ?? 15);
const FIELDS = 39;
const K = 16;
const HIDDEN = [400, 400, 400];
const HOT_ROWS = 20_000;
const BATCHES = [1, 16, 64];
const VARIANTS: KernelVariant[] = ["relaxed", "simd", "scalar"];
const RECORDS_PER_ROUND = 128;

const random = new Random(1);

interface Contestant {
  name: string[];
  kernel: Kernel;
}

function contestant(name: string[], variant: KernelVariant, model: ModelType, type: number, activation: number) {
  const shape = { fields: FIELDS, hidden: HIDDEN, layerTypes: [type], activations: [activation], rowType: type };
  const blob = writeBlob(randomModel({ ...shapeOfType(model, K), ...shape, hotRows: HOT_ROWS }));
  return { name, kernel: new Kernel(kernelModule(variant), blob, FIELDS) };
}

/** Milliseconds for RECORDS_PER_ROUND records, `batch` a call. */
function timeRound(kernel: Kernel, batch: number): number {
  const offsets = Uint32Array.from({ length: batch * FIELDS + 1 }, (_, i) => i);
  const addresses = Uint32Array.from(
    { length: batch * FIELDS },
    () => kernel.rowsAddress + random.integer(HOT_ROWS) * kernel.rowBytes,
  );
  const values = new Float32Array(batch * FIELDS).fill(1);
  const [logits, scores] = [new Float32Array(batch), new Float32Array(batch)];
  const started = performance.now();
  for (let done = 0; done < RECORDS_PER_ROUND; done += batch)
    kernel.score(batch, offsets, addresses, values, logits, scores);
  return performance.now() - started;
}

function median(list: number[]): number {
  return list.sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
}

/** Each contestant's name, batch size, µs a record, and how many times those of the first in the list. */
function race(contestants: readonly Contestant[], batch: number): (string | number)[][] {
  const times = contestants.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    contestants.forEach(({ kernel }, i) => {
      times[i]?.push(timeRound(kernel, batch));
    });
  }
  const micros = times.map((list) => (1000 * median(list)) / RECORDS_PER_ROUND);
  const first = micros[0] ?? Number.NaN;
  return contestants.map(({ name }, i) => {
    const own = micros[i] ?? Number.NaN;
    return [...name, batch, own.toFixed(1), `${(own / first).toFixed(2)} ×`];
  });
}

const variants = [c.TYPE_I8, c.TYPE_F32].flatMap((type) =>
  VARIANTS.map((variant) =>
    contestant([`${type === c.TYPE_I8 ? "int8" : "f32"}, ${variant}`], variant, "DeepFM", type, c.ACTIVATION_RELU),
  ),
);
console.log(`${FIELDS} fields × k ${K}, hidden layers ${HIDDEN.join("-")}, one thread, Node ${process.version}`);
console.log(
  table(
    ["DeepFM", "batch", "µs a record", "to the first"],
    BATCHES.flatMap((batch) => race(variants, batch)),
  ),
);

const models = [
  contestant(["DeepFM", "ReLU"], "relaxed", "DeepFM", c.TYPE_I8, c.ACTIVATION_RELU),
  contestant(["DeepFM", "tanh"], "relaxed", "DeepFM", c.TYPE_I8, c.ACTIVATION_TANH),
  contestant(["DeepFM", "sigmoid"], "relaxed", "DeepFM", c.TYPE_I8, c.ACTIVATION_SIGMOID),
  ...MODEL_TYPES.filter((model) => model !== "DeepFM").map((model) =>
    contestant([model, model === "LR" || model === "FM" ? "" : "ReLU"], "relaxed", model, c.TYPE_I8, c.ACTIVATION_RELU),
  ),
];
console.log(table(["int8, relaxed", "activation", "batch", "µs a record", "to the first"], race(models, 64)));
