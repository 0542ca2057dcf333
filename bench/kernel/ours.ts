import { writeBlob } from "../../format/write-blob.ts";
import { Kernel } from "../../runtime/kernel.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import { Caller } from "./caller.ts";
import { type BenchCase, CONTEXT_FIELDS } from "./cases.ts";
import { withCatalogue } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";

/** A variant of our kernel on a case's blob. */
export function kernelContestant(
  one: BenchCase,
  variant: KernelVariant,
  type: "int8" | "f32",
  way: Way = "whole",
): Contestant {
  const { fields, rows, models } = one;
  const { model, numbers } =
    way === "catalogue" ? withCatalogue(one, type) : { model: models[type], numbers: new Uint32Array(0) };
  const kernel = new Kernel(placeBlob(kernelModule(variant), writeBlob(model)), fields);
  const caller = new Caller(kernel, fields, rows, Math.min(fields, CONTEXT_FIELDS));
  return {
    name: `${type} ${variant}${wayText(way)}`,
    score: (first, records, logits) => caller.run(way, first, records, logits, numbers),
    close() {},
  };
}
