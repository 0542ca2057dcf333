import type { CalibrationMap } from "../../format/calibration.ts";
import { MAX_CALIBRATION_KNOTS } from "../../format/constants.ts";
import { sigmoid } from "../metrics/metrics.ts";
import { endOfTie, orderByScore } from "../metrics/order.ts";
import type { Predictions } from "../metrics/predictions.ts";
import type { PlattFit } from "./platt.ts";

/**
 * The least number of clicks, and of other records, that a step is made of: one of few follows chance, and a first or
 * last one without either would say 0 or 1. On a simulated log of 550 clicks, whose model needs no map, the map made
 * the logloss worse by 0.19 %; with steps of 5 and without the prior by 0.31 %. Where a bent map was needed, it took
 * 3.04 % down to 0.32 %, and steps of 5 down to 0.27 %.
 */
export const STEP_RECORDS = 25;

/** Each step takes Platt's line for as much as so many clicks of its own. */
const PRIOR_CLICKS = 5;

/** Records next to each other by logit. */
interface Step {
  /** The sum of weights, and that of the records with label 1. */
  weight: number;
  clicks: number;
  /** Σ weight · probability by Platt's line. */
  expected: number;
}

/**
 * The monotone map of least loss in the click rates of the records, by pool-adjacent-violators (Ayer et al. 1955;
 * Zadrozny and Elkan 2002). Its flat parts are drawn together to their centers and joined by lines (Oron and Flournoy
 * 2017, "Centered Isotonic Regression"), so that it ascends strictly. Each step is shrunk towards Platt's line, which
 * also gives the slope beyond the ends.
 */
export function fitIsotonic(predictions: Predictions, platt: PlattFit): CalibrationMap {
  const { slope, intercept } = platt;
  const steps = pooled(stepsOf(predictions, platt));
  const map: CalibrationMap = { method: "isotonic", logits: [], calibrated: [], slopes: [slope, slope] };
  const meanWeight = averageWeight(predictions);
  for (const { weight, clicks, expected } of steps) {
    const q = expected / weight;
    const prior = (meanWeight * PRIOR_CLICKS) / (q * (1 - q));
    const p = (clicks + prior * q) / (weight + prior);
    // Where Platt's line has the step's mean probability.
    const x = (logitOf(q) - intercept) / slope;
    const y = logitOf(p);
    const lastX = map.logits.at(-1) ?? Number.NEGATIVE_INFINITY;
    const lastY = map.calibrated.at(-1) ?? Number.NEGATIVE_INFINITY;
    // Shrinking and rounding may bring two steps' rates together, or turn them round by a little.
    if (!(x > lastX && y > lastY)) continue;
    map.logits.push(x);
    map.calibrated.push(y);
  }
  return map;
}

function logitOf(p: number): number {
  return Math.log(p) - Math.log1p(-p);
}

/** The mean weight of a record. */
function averageWeight({ weights, labels }: Predictions): number {
  if (!weights) return 1;
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum / labels.length;
}

/** Cuts the records, in the order of their logits, into steps that have enough of both labels. */
function stepsOf({ logits, labels, weights }: Predictions, { slope, intercept }: PlattFit): Step[] {
  const order = orderByScore(logits);
  const counted = [0, 0];
  for (let i = 0; i < labels.length; i++) if (!weights || weights[i] > 0) counted[labels[i]]++;
  const least = Math.max(STEP_RECORDS, Math.ceil(Math.min(...counted) / MAX_CALIBRATION_KNOTS));
  const steps: Step[] = [];
  let step: Step = { weight: 0, clicks: 0, expected: 0 };
  let records = [0, 0];
  for (let start = 0; start < order.length; ) {
    const end = endOfTie(logits, order, start, order.length);
    for (; start < end; start++) {
      const i = order[start];
      const weight = weights ? weights[i] : 1;
      if (weight === 0) continue;
      step.weight += weight;
      step.clicks += weight * labels[i];
      step.expected += weight * sigmoid(slope * logits[i] + intercept);
      records[labels[i]]++;
    }
    if (records[0] < least || records[1] < least) continue;
    steps.push(step);
    step = { weight: 0, clicks: 0, expected: 0 };
    records = [0, 0];
  }
  const last = steps.pop();
  return [...steps, last ? joined(last, step) : step];
}

/** Pools neighbors until the click rates ascend strictly. */
function pooled(steps: readonly Step[]): Step[] {
  const pools: Step[] = [];
  for (const step of steps) {
    let pool = step;
    for (let before = pools.at(-1); before && rate(before) >= rate(pool); before = pools.at(-1)) {
      pool = joined(before, pool);
      pools.pop();
    }
    pools.push(pool);
  }
  return pools;
}

function rate({ clicks, weight }: Step): number {
  return clicks / weight;
}

function joined(a: Step, b: Step): Step {
  return { weight: a.weight + b.weight, clicks: a.clicks + b.clicks, expected: a.expected + b.expected };
}
