import type { FeatureSpec } from "../../format/spec.ts";
import { DivergedError } from "../errors.ts";
import { entropy } from "../metrics/information-gain.ts";
import type { Floats } from "../metrics/order.ts";
import { warn } from "../terminal/warning.ts";
import type { Learner } from "./learner.ts";

// When a model counts as diverged: its numbers have run away, so that it must neither be kept nor be served.

/** So many times the loss of a model that knows nothing, and the model has diverged. */
const TIMES = 10;

/**
 * No logloss below this is called diverged. Where clicks are rare, ten times their entropy is little: a model after few
 * steps still says 1/2, which costs ln 2. One that costs twice that gives what happens a mean probability of 1/4.
 */
const LEAST_LIMIT = 2 * Math.LN2;

/**
 * The largest logloss of a model that is exported, where the click rate that it has learned is not known: ten times
 * that of a model which gives all that happens a chance of 1 in 1000.
 */
export const LARGEST_LOGLOSS = TIMES * Math.log(1000);

/**
 * The largest weight. The FM term sums the squares of as many numbers as there are fields: those of 2⁶⁰ stay below
 * 2¹²⁸, where float32 ends, for up to 2⁸ fields.
 */
const LARGEST_WEIGHT = 2 ** 60;

/**
 * The largest logloss that a model may have on a held-out log of the click rate p: ten times that of a model which
 * always says the training log's click rate q, but at least 2 ln 2.
 */
export function loglossLimit(p: number, q: number): number {
  const term = (x: number, y: number): number => (x > 0 ? -x * Math.log(y) : 0);
  return Math.max(LEAST_LIMIT, TIMES * (term(p, q) + term(1 - p, 1 - q)));
}

/** The largest in-batch loss: ten times that of a model to which all items of a batch are alike. */
export function inBatchLossLimit(batchSize: number): number {
  return TIMES * Math.log(Math.max(2, batchSize));
}

/** Throws DivergedError where a logit is not finite. `log` names the log that the model has predicted. */
export function checkLogits(log: string, logits: Floats): void {
  for (let i = 0; i < logits.length; i++) {
    if (Number.isFinite(logits[i])) continue;
    throw new DivergedError(`the logit of record ${i + 1} of ${log} is ${logits[i]}, expected a finite number`);
  }
}

/** Throws DivergedError where a loss is above its limit, or NaN. */
export function checkLoss(name: string, loss: number, limit: number): void {
  if (loss <= limit) return;
  throw new DivergedError(`${name} is ${Number(loss.toPrecision(6))}, expected at most ${limit.toFixed(2)}`);
}

/** Throws DivergedError where a weight is so large that a float32 cannot hold what is computed with it. */
export function checkWeights({ tables, model }: Learner): void {
  tables.finish();
  for (const [name, values] of [
    ["of the rows", tables.values],
    ["of the dense layers", model.parameters.values],
    ["of BatchNorm's running statistics", model.runningStats.values],
  ] as const) {
    for (let i = 0; i < values.length; i++) {
      if (Math.abs(values[i]) <= LARGEST_WEIGHT) continue;
      throw new DivergedError(`a number ${name} is ${values[i]}, expected at most ${LARGEST_WEIGHT.toExponential(1)}`);
    }
  }
}

/** How many fields an advice names. */
const NAMED_FIELDS = 5;

/** What to change where a training diverges. `learningRate`: that of the training, where it is one. */
export function adviceFor(spec: FeatureSpec, learningRate = spec.training.learningRate): string {
  const scale = scaleAdvice(spec);
  const rate = learningRate === undefined ? "smaller learningRate" : `learningRate below ${learningRate}`;
  return `try ${scale === null ? "" : `${scale}, or `}a ${rate}`;
}

/** Advises another encoding for the numeric fields whose values are unscaled; null where there are none. */
function scaleAdvice({ fields }: FeatureSpec): string | null {
  const raw = fields.filter(({ encoding }) => encoding.kind === "value" && encoding.scale === "none");
  const names = raw.slice(0, NAMED_FIELDS).map(({ name }) => name);
  if (raw.length > NAMED_FIELDS) names.push(`${raw.length - NAMED_FIELDS} more`);
  return raw.length > 0 ? `the encoding {"kind": "spline"} for ${names.join(", ")}` : null;
}

/** Warns where a logloss is worse than that of always saying the click rate: relative information gain below 0. */
export function warnIfWorseThanRate(log: string, spec: FeatureSpec, logloss: number, rate: number): void {
  const limit = entropy(rate);
  if (limit === 0 || !(logloss > limit)) return;
  const scale = scaleAdvice(spec);
  warn(
    `${log}: THE MODEL IS WORSE THAN NONE: got a logloss of ${logloss.toFixed(5)}, expected less than the ` +
      `${limit.toFixed(5)} of always saying the click rate, ${rate.toFixed(5)}; try ${
        scale ?? "a smaller learningRate, l2, or fewer fields"
      }`,
  );
}
