import * as v from "valibot";
import { counted } from "../../format/counted.ts";
import { CalibrationEffectSchema } from "../calibration/fit.ts";
import { fixed } from "../metrics/evaluation.ts";

/** What a model's calibration map was fitted on, and what it does on the held-out log: plain data, for the blob. */
export const CalibrationEvidenceSchema = v.strictObject({
  method: v.picklist(["platt", "isotonic"]),
  fittedOn: CalibrationEffectSchema,
  heldOut: CalibrationEffectSchema,
});
export type CalibrationEvidence = v.InferOutput<typeof CalibrationEvidenceSchema>;

/** The evidence in a line, for the terminal. */
export function calibrationText({ method, heldOut }: CalibrationEvidence): string {
  const { before, after, bins, records } = heldOut;
  return (
    `calibration by ${method}, on ${counted(records, "record")}: ` +
    `logloss ${fixed(before.logloss, 5)} → ${fixed(after.logloss, 5)}, ` +
    `ECE of ${bins} bins of equal frequency ${fixed(before.ece, 5)} → ${fixed(after.ece, 5)}`
  );
}
