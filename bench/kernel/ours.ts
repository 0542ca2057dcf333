import { MAX_BATCH } from "../../format/constants.ts";
import { Kernel, type KernelVariant } from "../../format/kernel.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../trainer/kernel-module.ts";
import type { BenchCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** A variant of our kernel on a case's blob, in calls of at most MAX_BATCH records, as `Scorer` makes them. */
export function kernelContestant(one: BenchCase, variant: KernelVariant, type: "int8" | "f32"): Contestant {
  const { fields, rows, models } = one;
  const kernel = new Kernel(kernelModule(variant), writeBlob(models[type]), fields);
  const addresses = rows.map((row) => kernel.rowsAddress + row * kernel.rowBytes);
  const values = new Float32Array(MAX_BATCH * fields).fill(1);
  const offsets = Uint32Array.from({ length: MAX_BATCH * fields + 1 }, (_, i) => i);
  const scores = new Float32Array(MAX_BATCH);
  return {
    name: `${type} ${variant}`,
    score(first, records, logits) {
      for (let done = 0; done < records; done += MAX_BATCH) {
        const count = Math.min(MAX_BATCH, records - done);
        const start = (first + done) * fields;
        const batch = {
          offsets: offsets.subarray(0, count * fields + 1),
          addresses: addresses.subarray(start, start + count * fields),
          values: values.subarray(0, count * fields),
        };
        kernel.score(batch, logits.subarray(done, done + count), scores.subarray(0, count));
      }
    },
    close() {},
  };
}
