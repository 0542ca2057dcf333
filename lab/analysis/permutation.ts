import { Random } from "../../trainer/data/random.ts";
import { difference } from "./comparison.ts";
import { momentsOfSums } from "./moments.ts";

/** Statistics are alike where they differ by rounding. */
const ROUNDING = 1e-9;
const SEED = 1;

/**
 * The p-value of "two arms' means do not differ", for either side: the share of divisions of all units into arms as
 * large that would differ as much, by Welch's statistic. It is exact where arms have one distribution, however skewed
 * and of however few units, and right for large arms whose variances differ (Janssen 1997, "Studentized Permutation
 * Tests for Non-i.i.d. Hypotheses and the Generalized Behrens-Fisher Problem"). `draws`: divisions that are drawn, by a
 * seed. What was seen is one more, so that p is 1/(draws + 1) at least.
 */
export function permutationP(a: Float64Array, b: Float64Array, draws: number): number {
  const [small, large] = a.length < b.length ? [a, b] : [b, a];
  // In their own order, so that p does not depend on that of the units.
  const all = Float64Array.from([...small, ...large]).sort();
  const whole = sumsOf(all, all.length);
  const seen = distance(sumsOf(small, small.length), whole);
  const random = new Random(SEED);
  let extreme = 1;
  for (let draw = 0; draw < draws; draw++) {
    // Each of the first places gets any of the units that are left, as probably.
    for (let i = 0; i < small.length; i++) {
      const j = i + random.integer(all.length - i);
      const kept = all[i];
      all[i] = all[j];
      all[j] = kept;
    }
    if (distance(sumsOf(all, small.length), whole) >= seen * (1 - ROUNDING)) extreme++;
  }
  return extreme / (draws + 1);
}

interface Sums {
  units: number;
  sum: number;
  squares: number;
}

function sumsOf(values: Float64Array, units: number): Sums {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < units; i++) {
    sum += values[i];
    squares += values[i] * values[i];
  }
  return { units, sum, squares };
}

/** Welch's statistic of a part of all units against the others, without its sign. */
function distance({ units, sum, squares }: Sums, whole: Sums): number {
  const { effect, error } = difference(
    momentsOfSums(whole.units - units, whole.sum - sum, whole.squares - squares),
    momentsOfSums(units, sum, squares),
  );
  return effect === 0 ? 0 : Math.abs(effect) / error;
}
