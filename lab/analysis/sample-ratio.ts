import { FormatError } from "../../format/errors.ts";
import { chiSquareSurvival } from "./distributions/chi-square.ts";
import { logGamma } from "./distributions/log-gamma.ts";

// Sample ratio mismatch: an experiment whose arms have units in other proportions than it gave them has lost some, and
// its metrics compare what is left (Fabijan et al. 2019, "Diagnosing Sample Ratio Mismatch in Online Controlled
// Experiments").

/** A mismatch is called one below this p. */
export const MISMATCH_P = 0.001;

export interface RatioTest {
  chiSquare: number;
  degrees: number;
  p: number;
  /** p < MISMATCH_P: no metric is to be believed. */
  mismatch: boolean;
}

/** Whether units are in proportions that can be tested: it takes two arms with a weight. */
export function hasRatio(weights: readonly number[]): boolean {
  return weights.filter((weight) => weight > 0).length > 1;
}

/** Units that an arm is expected to have at least, so that χ² may be asked (Cochran 1954). */
const LEAST_EXPECTED = 5;

/**
 * Pearson's χ² of the units that each arm has against its weight. Arms of weight 0 are left out. Arms that are expected
 * to have fewer than 5 units count together, and with the next larger ones until they are expected to have 5: the only
 * unit of an arm that is expected to have a twentieth of one comes by chance 50 times as often as χ² says. Of so few
 * units that all arms count together nothing is out of proportion: χ² is 0, and p 1.
 */
export function sampleRatioTest(units: readonly number[], weights: readonly number[]): RatioTest {
  const shares = sharesOf(weights, units.length);
  const total = units.reduce((sum, count, i) => sum + (shares[i] > 0 ? count : 0), 0);
  const cells = cellsOf(shares.map((share, i) => ({ got: units[i], expected: share * total })));
  const degrees = Math.max(0, cells.length - 1);
  if (degrees === 0) return { chiSquare: 0, degrees, p: 1, mismatch: false };
  const chiSquare = cells.reduce((sum, { got, expected }) => sum + (got - expected) ** 2 / expected, 0);
  const p = chiSquareSurvival(chiSquare, degrees);
  return { chiSquare, degrees, p, mismatch: p < MISMATCH_P };
}

interface Cell {
  got: number;
  expected: number;
}

/** Arms, the smallest of which count together. */
function cellsOf(arms: readonly Cell[]): Cell[] {
  const [first, ...others] = arms.filter(({ expected }) => expected > 0).sort((a, b) => a.expected - b.expected);
  if (first === undefined) return [];
  const cells = [first];
  for (const arm of others) {
    const last = cells[cells.length - 1];
    if (last.expected >= LEAST_EXPECTED) cells.push(arm);
    else cells[cells.length - 1] = { got: last.got + arm.got, expected: last.expected + arm.expected };
  }
  return cells;
}

/** The Dirichlet distribution's concentration about the weights: proportions that differ by some 1 % are in it. */
const CONCENTRATION = 10_000;

/**
 * The test that may look after every batch (Lindon and Malek 2022, "Anytime-Valid Inference for Multinomial Count
 * Data"): M₀ is the likelihood of the counts so far with the weights, M₁ with weights from a Dirichlet distribution.
 * p_t = min(1, the least M₀/M₁ so far) is below α at any time with probability at most α.
 */
export class SequentialRatioTest {
  readonly #shares: number[];
  readonly #alphas: number[];
  logM0 = 0;
  logM1 = 0;
  p = 1;

  /** `alphas`: the Dirichlet distribution's parameters. By default the weights' shares of 10,000. */
  constructor(weights: readonly number[], alphas?: readonly number[]) {
    this.#shares = sharesOf(weights, weights.length);
    this.#alphas = [...(alphas ?? this.#shares.map((share) => CONCENTRATION * share))];
  }

  /**
   * Takes the units that each arm has got since the last look, and returns p. Those of an arm of weight 0 are left out.
   */
  add(units: readonly number[]): number {
    if (units.length !== this.#shares.length)
      throw new FormatError("units", `got ${units.length} arms, expected ${this.#shares.length}`);
    let [batch, before] = [0, 0];
    for (const [i, share] of this.#shares.entries()) {
      if (share === 0) continue;
      const [count, alpha] = [units[i], this.#alphas[i]];
      const ways = logGamma(count + 1);
      this.logM0 += count * Math.log(share) - ways;
      this.logM1 += logGamma(alpha + count) - logGamma(alpha) - ways;
      batch += count;
      before += alpha;
      this.#alphas[i] = alpha + count;
    }
    const ways = logGamma(batch + 1);
    this.logM0 += ways;
    this.logM1 += ways + logGamma(before) - logGamma(before + batch);
    this.p = Math.min(this.p, Math.exp(this.logM0 - this.logM1));
    return this.p;
  }
}

function sharesOf(weights: readonly number[], arms: number): number[] {
  if (weights.length !== arms)
    throw new FormatError("weights", `got ${weights.length}, expected one for each of ${arms} arms`);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const positive = weights.filter((weight) => weight > 0).length;
  if (!(weights.every((weight) => weight >= 0) && Number.isFinite(total) && positive >= 2))
    throw new FormatError("weights", `got ${weights.join(", ")}, expected two or more above 0, and none below`);
  return weights.map((weight) => weight / total);
}
