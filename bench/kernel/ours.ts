import { Kernel, type KernelVariant } from "../../format/kernel.ts";
import { placeBlob } from "../../format/placed-blob.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../trainer/kernel-module.ts";
import { Caller } from "./caller.ts";
import { type BenchCase, CONTEXT_FIELDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** A variant of our kernel on a case's blob; `rank`: with the context computed once a call. */
export function kernelContestant(
  { fields, rows, models }: BenchCase,
  variant: KernelVariant,
  type: "int8" | "f32",
  rank = false,
): Contestant {
  const kernel = new Kernel(placeBlob(kernelModule(variant), writeBlob(models[type])), fields);
  const caller = new Caller(kernel, fields, rows, Math.min(fields, CONTEXT_FIELDS));
  return {
    name: `${type} ${variant}${rank ? ", context once" : ""}`,
    score: (first, records, logits) => (rank ? caller.rank : caller.score).call(caller, first, records, logits),
    close() {},
  };
}
