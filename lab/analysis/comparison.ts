import { studentQuantile, studentSurvival } from "./distributions/student.ts";
import type { Moments } from "./moments.ts";

/** An estimate of what a treatment changes, with its standard error. */
export interface Effect {
  effect: number;
  error: number;
  /** Welch and Satterthwaite's degrees of freedom of the error. */
  degrees: number;
  /** N: units of both arms. */
  units: number;
  /** Units of the arm that has fewer. */
  smallerArm: number;
}

/** The difference of two arms' means, treatment − control, by Welch (1947), or by Student where `judgeable` says so. */
export function difference(control: Moments, treatment: Moments): Effect {
  const [a, b, basis] = judgeable(control, treatment);
  const variance = a.variance / a.units + b.variance / b.units;
  return { effect: treatment.mean - control.mean, error: Math.sqrt(variance), ...basis };
}

/**
 * The lift: the difference over the control's level m_A without its sign, so that more than a loss is a lift above 0.
 * Its error is by the delta method (Deng, Knoblich and Lu 2018). Of (ȳ_B − ȳ_A)/|m_A|, where y is what is compared of a
 * unit's value x, and m the mean of x, the derivative by ȳ_B is 1/|m_A|, by ȳ_A −1/|m_A|, and by m_A −L/|m_A| with
 * L = (ȳ_B − ȳ_A)/m_A: the treatment's units have the variance of y/m_A, the control's that of (y + L·x)/m_A. Where
 * nothing is adjusted, y = x, that is v_B/(n_B m_A²) + m_B² v_A/(n_A m_A⁴). L is of what is compared, as the estimate
 * is: m_B/m_A − 1 has the same limit, but also the chance in it that CUPED takes out.
 */
export function lift(control: Moments, treatment: Moments): Effect {
  const [a, b, basis] = judgeable(control, treatment);
  const relative = (b.mean - a.mean) / a.level;
  const variance = a.variance + relative * (relative * a.levelVariance + 2 * a.covariance);
  return {
    effect: (b.mean - a.mean) / Math.abs(a.level),
    error: Math.sqrt(variance / a.units + b.variance / b.units) / Math.abs(a.level),
    ...basis,
  };
}

type Basis = Omit<Effect, "effect" | "error">;

/**
 * Both arms, and what their tests rest on. Where the units of the smaller arm are all alike, as of a few without a
 * click, nothing of its own says how far its mean is off, and Welch's error would be that of the larger arm alone. So
 * both have Student's variance then, which is pooled. Of arms of one size both errors are the same.
 */
function judgeable(control: Moments, treatment: Moments): [control: Moments, treatment: Moments, basis: Basis] {
  const [small, large] = control.units < treatment.units ? [control, treatment] : [treatment, control];
  if (!(small.units < large.units && small.variance === 0 && large.variance > 0))
    return [control, treatment, basisOf(control, treatment)];
  const degrees = small.units + large.units - 2;
  const share = (large.units - 1) / degrees;
  const pooled = {
    variance: share * large.variance,
    levelVariance: share * large.levelVariance,
    covariance: share * large.covariance,
  };
  const [a, b] = [
    { ...control, ...pooled },
    { ...treatment, ...pooled },
  ];
  return [a, b, { ...basisOf(a, b), degrees }];
}

function basisOf(control: Moments, treatment: Moments): Basis {
  const [a, b] = [control.variance / control.units, treatment.variance / treatment.units];
  // Of parts of the whole: squares of variances would be beyond what a number holds sooner than the variances are.
  const [ofControl, ofTreatment] = [a / (a + b), b / (a + b)];
  const degrees = 1 / (ofControl ** 2 / (control.units - 1) + ofTreatment ** 2 / (treatment.units - 1));
  const smallerArm = Math.min(control.units, treatment.units);
  return { degrees, units: control.units + treatment.units, smallerArm };
}

/** An interval, and the probability of an estimate at least as far from 0 where there is no effect. */
export interface Verdict {
  low: number;
  high: number;
  p: number;
}

/** The test at the planned end, once: Student's interval with confidence 1 − α. */
export function fixedVerdict({ effect, error, degrees }: Effect, alpha: number): Verdict {
  const reach = -studentQuantile(alpha / 2, degrees) * error;
  return { low: effect - reach, high: effect + reach, p: 2 * studentSurvival(Math.abs(effect / error), degrees) };
}

/**
 * A guard-rail's: the p-value of "it did not get worse", one-sided. `worse`: 1 where more is worse, as of latency,
 * otherwise −1.
 */
export function harmP({ effect, error, degrees }: Effect, worse: 1 | -1): number {
  return studentSurvival((worse * effect) / error, degrees);
}
