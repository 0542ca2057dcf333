import { sigmoid } from "../metrics/metrics.ts";
import type { Predictions } from "../metrics/predictions.ts";

/** calibrated logit = slope · raw logit + intercept. */
export interface PlattFit {
  slope: number;
  intercept: number;
}

/**
 * The least slope. A model whose logits say nothing, or the opposite, of the clicks would get one of 0 or below, and
 * the map has to keep the order of records: it then says the click rate, nearly, of every record.
 */
export const MIN_SLOPE = 0.01;

/** Newton's steps converge quadratically: logs of 100 to a million records took 4 to 9. */
const MAX_STEPS = 100;
/** A step is taken where the loss falls by this share of what its gradient promises (Armijo 1966). */
const SUFFICIENT = 1e-4;
const MIN_STEP = 1e-10;
/** The gradient of the mean loss at which the fit has converged. */
const CONVERGED = 1e-12;

/**
 * Platt scaling: the line through the logits of least logloss, with targets that a prior of one click and one other
 * record moves away from 0 and 1 (Platt 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2), found
 * by Newton's method with backtracking (Lin, Lin and Weng 2007). Where the slope would be below MIN_SLOPE, it is that,
 * and the intercept is fitted alone. The log has both labels, of weights above 0.
 */
export function fitPlatt(predictions: Predictions): PlattFit {
  const problem = new PlattLoss(predictions);
  const fit = minimize(problem, { slope: 1, intercept: 0 }, true);
  if (fit.slope >= MIN_SLOPE) return problem.uncentered(fit);
  return problem.uncentered(minimize(problem, { slope: MIN_SLOPE, intercept: 0 }, false));
}

/** The loss with its derivatives by slope and intercept. */
interface Derivatives {
  gradient: [slope: number, intercept: number];
  /** The second derivatives: by the slope twice, by slope and intercept, by the intercept twice. */
  hessian: [number, number, number];
}

/** The mean loss of a line over centered logits, whose Hessian is far from singular whatever their mean is. */
class PlattLoss {
  readonly #centered: Float64Array;
  readonly #targets: readonly [of0: number, of1: number];
  readonly #labels: Uint8Array;
  readonly #weights: Predictions["weights"];
  readonly #mean: number;
  readonly #total: number;

  constructor({ logits, labels, weights }: Predictions) {
    const sums = [0, 1].map(() => ({ weight: 0, squares: 0 }));
    let logitSum = 0;
    for (let i = 0; i < labels.length; i++) {
      const weight = weights ? weights[i] : 1;
      const of = sums[labels[i]];
      of.weight += weight;
      of.squares += weight * weight;
      logitSum += weight * logits[i];
    }
    // Weighted records count as so many of equal weight (Kish 1965), whatever the weights' unit is.
    const [negatives, positives] = sums.map(({ weight, squares }) => (weight * weight) / squares);
    this.#targets = [1 / (negatives + 2), (positives + 1) / (positives + 2)];
    this.#total = sums[0].weight + sums[1].weight;
    this.#mean = logitSum / this.#total;
    this.#centered = Float64Array.from(logits, (z) => z - this.#mean);
    this.#labels = labels;
    this.#weights = weights;
  }

  value({ slope, intercept }: PlattFit): number {
    let sum = 0;
    for (let i = 0; i < this.#centered.length; i++) {
      const u = slope * this.#centered[i] + intercept;
      const loss = Math.max(u, 0) - u * this.#targets[this.#labels[i]] + Math.log1p(Math.exp(-Math.abs(u)));
      sum += (this.#weights ? this.#weights[i] : 1) * loss;
    }
    return sum / this.#total;
  }

  derivatives({ slope, intercept }: PlattFit): Derivatives {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (let i = 0; i < this.#centered.length; i++) {
      const z = this.#centered[i];
      const weight = (this.#weights ? this.#weights[i] : 1) / this.#total;
      const p = sigmoid(slope * z + intercept);
      const first = weight * (p - this.#targets[this.#labels[i]]);
      const second = weight * p * (1 - p);
      g0 += first * z;
      g1 += first;
      h00 += second * z * z;
      h01 += second * z;
      h11 += second;
    }
    return { gradient: [g0, g1], hessian: [h00, h01, h11] };
  }

  /** The same line over the logits as they were. */
  uncentered({ slope, intercept }: PlattFit): PlattFit {
    return { slope, intercept: intercept - slope * this.#mean };
  }
}

function minimize(loss: PlattLoss, start: PlattFit, both: boolean): PlattFit {
  let at = start;
  let value = loss.value(at);
  for (let step = 0; step < MAX_STEPS; step++) {
    const derivatives = loss.derivatives(at);
    const [dSlope, dIntercept] = newtonStep(derivatives, both);
    const [gSlope, gIntercept] = derivatives.gradient;
    const promised = (both ? gSlope * dSlope : 0) + gIntercept * dIntercept;
    if (-promised < CONVERGED) break;
    let size = 1;
    for (; size >= MIN_STEP; size /= 2) {
      const next = { slope: at.slope + size * dSlope, intercept: at.intercept + size * dIntercept };
      const nextValue = loss.value(next);
      if (nextValue > value + SUFFICIENT * size * promised) continue;
      at = next;
      value = nextValue;
      break;
    }
    if (size < MIN_STEP) break;
  }
  return at;
}

/** Keeps the Hessian of saturated probabilities, or of logits that are all one number, from being singular. */
const RIDGE = 1e-12;

function newtonStep({ gradient: [g0, g1], hessian }: Derivatives, both: boolean): [number, number] {
  const [h00, h01, h11] = [hessian[0] + RIDGE, hessian[1], hessian[2] + RIDGE];
  if (!both) return [0, -g1 / h11];
  const determinant = h00 * h11 - h01 * h01;
  return [-(h11 * g0 - h01 * g1) / determinant, -(h00 * g1 - h01 * g0) / determinant];
}
