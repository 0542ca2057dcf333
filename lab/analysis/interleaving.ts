import { signTest } from "./distributions/binomial.ts";
import { studentQuantile } from "./distributions/student.ts";
import { momentsOf } from "./moments.ts";
import { linearized } from "./ratio.ts";

/** Clicks on the items that each team picked, summed over a unit's interleaved lists. */
export interface TeamClicks {
  own: number;
  rival: number;
}

/** Which model a unit prefers: that of the team with more of its clicks. */
export function preference({ own, rival }: TeamClicks): "own" | "rival" | "tie" {
  return own === rival ? "tie" : own > rival ? "own" : "rival";
}

export interface InterleavingTest {
  /** Units that prefer each model, and those that prefer none. */
  own: number;
  rival: number;
  ties: number;
  /** The exact sign test over the units that are no ties, for either side. 1 where all are. */
  p: number;
  /** The rival's share of all clicks less the arm's own: 0 where none is better. NaN without clicks. */
  credit: number;
  /** NaN, too, where no unit differs from another, as of two that prefer the same model: that is no certainty. */
  low: number;
  high: number;
}

/**
 * Which of two interleaved models is better, by unit: a unit counts once, however much it clicks (Chapelle, Joachims,
 * Radlinski and Yue 2012, "Large-Scale Validation and Analysis of Interleaved Search Evaluation"). The mean credit is a
 * ratio over units, with Student's interval by the delta method.
 */
export function interleavingTest(units: readonly TeamClicks[], alpha: number): InterleavingTest {
  const count = (side: string): number => units.filter((unit) => preference(unit) === side).length;
  const [own, rival] = [count("own"), count("rival")];
  const clicks = Float64Array.from(units, (unit) => unit.own + unit.rival);
  const decided = { own, rival, ties: units.length - own - rival, p: signTest(rival, own + rival) };
  if (!clicks.some((n) => n > 0)) return { ...decided, credit: Number.NaN, low: Number.NaN, high: Number.NaN };
  const { mean, variance } = momentsOf(
    linearized(
      Float64Array.from(units, (unit) => unit.rival - unit.own),
      clicks,
    ),
  );
  const reach =
    variance > 0 ? -studentQuantile(alpha / 2, units.length - 1) * Math.sqrt(variance / units.length) : Number.NaN;
  return { ...decided, credit: mean, low: mean - reach, high: mean + reach };
}
