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

/** Golden records that a blob gets: enough to meet every field's rows, and scored in well under a millisecond. */
export const GOLDEN_RECORDS = 32;

/**
 * How far another build of the kernel may be from a golden logit: several times as far as this machine's builds are from each
 * other, which an activation between two of its 7-bit steps decides; at least what f32 sums in another order can make.
 */
const SPREAD_FACTOR = 4;
const LEAST_TOLERANCE = 1e-3;
const VARIANTS: readonly KernelVariant[] = ["relaxed", "simd", "scalar"];

/** The last step of an export: evidence and golden records go in, and the blob gets its digest and version. */
export async function sealExport(
  { model, pages }: DraftExport,
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
