import { writeBlob } from "../../format/write-blob.ts";
import { Kernel } from "../../runtime/kernel.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import { Caller } from "./caller.ts";
import { type BenchCase, CONTEXT_FIELDS, type Precision } from "./cases.ts";
import { modelFor } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";

/** Our kernel in Node, on a case's row numbers. */
export function kernelContestant(
  one: BenchCase,
  variant: KernelVariant,
  precision: Precision,
  way: Way = "whole",
): Contestant {
  const { fields, rows } = one;
  const { model, numbers } = modelFor(one, precision, way);
  const kernel = new Kernel(placeBlob(kernelModule(variant), writeBlob(model)), fields);
  const caller = new Caller(kernel, fields, rows, Math.min(fields, CONTEXT_FIELDS));
  return {
    name: `${precision} ${variant}${wayText(way)}`,
    score: (first, records, logits) => caller.run(way, first, records, logits, numbers),
    close() {},
  };
}
