// µs a record of the whole forward pass, one thread. The variants take turns in every round, so that a slow moment of
// the machine falls on all of them; medians. Prints; gates nothing.
//   node bench/kernel.ts [rounds]
import type { KernelVariant } from "../format/kernel.ts";
import { Kernel } from "../format/kernel.ts";
import { rowStride } from "../format/row.ts";
import { writeBlob } from "../format/write-blob.ts";
import { kernelModule } from "../trainer/kernel-module.ts";
import { Random } from "../trainer/random.ts";
import { table } from "../trainer/table.ts";
import { randomModel } from "./random-blob.ts";

const ROUNDS = Number(process.argv[2] ?? 15);
const FIELDS = 39;
const K = 16;
const HIDDEN = [400, 400, 400];
const BATCHES = [1, 16, 64];
const VARIANTS: KernelVariant[] = ["relaxed", "simd", "scalar"];
const RECORDS_PER_ROUND = 128;

const random = new Random(1);
const models = (["int8", "f32"] as const).map((type) => ({
  type,
  model: randomModel(FIELDS, K, HIDDEN, type, random),
}));
const cases = models.flatMap(({ type, model }) => {
  const blob = writeBlob(model);
  const rows = model.rows.length / rowStride(model.rowType, K);
  return VARIANTS.map((variant) => ({ type, variant, rows, kernel: new Kernel(kernelModule(variant), blob, FIELDS) }));
});

/** Milliseconds for RECORDS_PER_ROUND records, `batch` a call. */
function timeRound(kernel: Kernel, rows: number, batch: number): number {
  const offsets = Uint32Array.from({ length: batch * FIELDS + 1 }, (_, i) => i);
  const addresses = Uint32Array.from(
    { length: batch * FIELDS },
    () => kernel.rowsAddress + random.integer(rows) * kernel.rowBytes,
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

const lines = BATCHES.flatMap((batch) => {
  const times = cases.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    cases.forEach(({ kernel, rows }, i) => {
      times[i]?.push(timeRound(kernel, rows, batch));
    });
  }
  const micros = times.map((list) => (1000 * median(list)) / RECORDS_PER_ROUND);
  const best = micros[0] ?? Number.NaN;
  return cases.map(({ type, variant }, i) => {
    const own = micros[i] ?? Number.NaN;
    return [`${type}, ${variant}`, batch, own.toFixed(1), `${(own / best).toFixed(2)} ×`];
  });
});
console.log(`DeepFM, ${FIELDS} fields × k ${K}, MLP ${HIDDEN.join("-")}, one thread, Node ${process.version}`);
console.log(table(["kernel", "batch", "µs a record", "to int8, relaxed"], lines));
