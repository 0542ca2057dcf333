import type { Evidence } from "../../format/blob.ts";
import type { GoldenRecords } from "../../format/golden.ts";
import { sealBlob } from "../../format/seal.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { goldenLogits } from "../../runtime/golden.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import type { RawRecord } from "../data/raw-record.ts";
import type { DraftExport, ExportedModel } from "./export.ts";

/** How many golden records a blob gets: enough to use rows of every field, and scored in well under a millisecond. */
export const GOLDEN_RECORDS = 32;

/**
 * The tolerance of golden logits is this many times the largest difference between this machine's builds of the kernel.
 * Builds differ where an activation falls between two 7-bit steps and is rounded up by one and down by another.
 */
const SPREAD_FACTOR = 4;
/** A smaller tolerance would not allow for float32 sums in another order. */
const LEAST_TOLERANCE = 1e-3;
const VARIANTS: readonly KernelVariant[] = ["relaxed", "simd", "scalar"];

/** The last step of an export: the blob gets its evidence, its golden records, its digest and its version. */
export async function sealExport(
  { model, pages }: Pick<DraftExport, "model" | "pages">,
  evidence: Evidence,
  records: readonly RawRecord[],
): Promise<ExportedModel> {
  const draft = writeBlob(model);
  const logits = VARIANTS.map((variant) => goldenLogits(new Scorer(placeBlob(kernelModule(variant), draft)), records));
  const spread = records.reduce((most, _, i) => {
    const all = logits.map((list) => list[i]);
    return Math.max(most, Math.max(...all) - Math.min(...all));
  }, 0);
  const golden: GoldenRecords = {
    tolerance: Math.max(LEAST_TOLERANCE, SPREAD_FACTOR * spread),
    records: records.map((record, i) => ({ record, logit: logits[0]?.[i] })),
  };
  const blob = writeBlob({ ...model, evidence, golden });
  return { model: model.spec.name, version: await sealBlob(blob), blob, pages };
}
