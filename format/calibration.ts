import * as v from "valibot";
import { MAX_CALIBRATION_KNOTS } from "./constants.ts";

// The calibration map: what turns the sum of a model's terms, the raw logit, into the logit that is served. It ascends
// strictly, so that it changes probabilities and never the order of two records. FORMAT.md, "Calibration".

const finite = v.pipe(v.number(), v.finite());
const slope = v.pipe(finite, v.gtValue(0));
const knots = v.pipe(
  v.array(finite),
  v.minLength(1),
  v.maxLength(MAX_CALIBRATION_KNOTS),
  v.check((list) => list.every((x, i) => i === 0 || (list[i - 1] as number) < x), "expected ascending numbers"),
);

export const CalibrationMapSchema = v.pipe(
  v.strictObject({
    /** How it was fitted; scoring does not depend on it. */
    method: v.picklist(["platt", "isotonic"]),
    /** The raw logits of the n knots, ascending. */
    logits: knots,
    /** The calibrated logits of the n knots, ascending. */
    calibrated: knots,
    /** The map's slopes below the first knot and above the last, both above 0. */
    slopes: v.tuple([slope, slope]),
  }),
  v.check(
    ({ logits, calibrated }) => logits.length === calibrated.length,
    ({ input }) =>
      `got ${input.calibrated.length} calibrated logits, expected ${input.logits.length}, one for each logit`,
  ),
);

/** A piecewise linear function of n knots, continued beyond its ends with the slopes. */
export type CalibrationMap = v.InferOutput<typeof CalibrationMapSchema>;

/** The calibrated logit of a raw one, in float64. */
export function calibratedLogit({ logits, calibrated, slopes }: CalibrationMap, logit: number): number {
  const last = logits.length - 1;
  const x = (i: number): number => logits[i] as number;
  const y = (i: number): number => calibrated[i] as number;
  if (logit <= x(0)) return y(0) + slopes[0] * (logit - x(0));
  if (!(logit < x(last))) return y(last) + slopes[1] * (logit - x(last));
  // The knots i and i + 1 with x(i) ≤ logit < x(i + 1).
  let i = 0;
  for (let above = last; above - i > 1; ) {
    const middle = (i + above) >>> 1;
    if (logit < x(middle)) above = middle;
    else i = middle;
  }
  return y(i) + ((logit - x(i)) * (y(i + 1) - y(i))) / (x(i + 1) - x(i));
}

/** Replaces raw logits, [N], by calibrated ones, each rounded to float32. */
export function calibrateLogits(map: CalibrationMap, logits: Float32Array): void {
  for (let i = 0; i < logits.length; i++) logits[i] = calibratedLogit(map, logits[i] as number);
}

/** Below it, 1 / (1 + e^−x) is no normal float32. */
const LEAST_LOGIT = -88;

/** The score of a calibrated logit, above 0 for every finite one, as the kernel's is: 1 / (1 + e^−logit). */
export function scoreOfLogit(logit: number): number {
  return 1 / (1 + Math.exp(-Math.max(logit, LEAST_LOGIT)));
}
