import { Random } from "../../trainer/data/random.ts";
import { difference } from "./comparison.ts";
import { logGamma } from "./distributions/log-gamma.ts";
import { momentsOfSums } from "./moments.ts";

/** Statistics are alike where they differ by rounding. */
const ROUNDING = 1e-9;
const SEED = 1;

/** A value, and how many units of each of two arms have it. */
export interface ValueCount {
  value: number;
  units: readonly [a: number, b: number];
}

/**
 * The p-value of "two arms' means do not differ", for either side: the share of divisions of all units into arms as
 * large that would differ as much, by Welch's statistic. It is exact where arms have one distribution, however skewed
 * and of however few units, and right for large arms whose variances differ (Janssen 1997, "Studentized Permutation
 * Tests for Non-i.i.d. Hypotheses and the Generalized Behrens-Fisher Problem"). `values`: each once, in their order, on
 * which the draws depend. `draws`: divisions that are drawn, by a seed. What was seen is one more, so that p is
 * 1/(draws + 1) at least. How many units of a value come into an arm is drawn at once, so that a division costs as many
 * steps as there are values, and not units.
 */
export function permutationP(values: readonly ValueCount[], draws: number): number {
  const unitsOf = (arm: 0 | 1): number => values.reduce((sum, { units }) => sum + units[arm], 0);
  const small = unitsOf(0) < unitsOf(1) ? 0 : 1;
  const numbers = Float64Array.from(values, ({ value }) => value);
  const counts = Float64Array.from(values, ({ units: [a, b] }) => a + b);
  const part = Float64Array.from(values, ({ units }) => units[small]);
  const whole = sumsOf(numbers, counts);
  const size = unitsOf(small);
  const seen = distance(sumsOf(numbers, part), whole);
  const urn = new Urn(whole.units);
  let extreme = 1;
  for (let draw = 0; draw < draws; draw++) {
    urn.divide(counts, size, part);
    if (distance(sumsOf(numbers, part), whole) >= seen * (1 - ROUNDING)) extreme++;
  }
  return extreme / (draws + 1);
}

/** Numbers up to which each unit is drawn alone, which is faster. */
const FEW = 20;

/** Draws some of all units, without putting them back. */
class Urn {
  readonly #units: number;
  readonly #random = new Random(SEED);
  /** ln n!, of those that were asked for: draws ask for the same ones. */
  readonly #logFactorials: Float64Array;

  constructor(units: number) {
    this.#units = units;
    this.#logFactorials = new Float64Array(units + 1);
  }

  /** Draws `size` of all units, and writes into `part` how many of each count are among them. */
  divide(counts: Float64Array, size: number, part: Float64Array): void {
    let [wanted, left] = [size, this.#units];
    for (let i = 0; i < counts.length; i++) {
      part[i] = this.#marked(counts[i], wanted, left);
      wanted -= part[i];
      left -= counts[i];
    }
  }

  /** How many of `marked` units are among `taken` of `all`: a hypergeometric number. Both may change places. */
  #marked(marked: number, taken: number, all: number): number {
    const [less, more] = marked < taken ? [marked, taken] : [taken, marked];
    return less > FEW ? this.#inverted(less, more, all) : this.#oneByOne(less, more, all);
  }

  #oneByOne(marked: number, taken: number, all: number): number {
    let got = 0;
    for (let i = 0; i < marked; i++) if (this.#random.uniform() * (all - i) < taken - got) got++;
    return got;
  }

  /** By inversion, from the mode to both sides: that takes about as many steps as the standard deviation is large. */
  #inverted(marked: number, taken: number, all: number): number {
    const least = Math.max(0, marked + taken - all);
    const most = Math.min(marked, taken);
    let up = Math.floor(((marked + 1) * (taken + 1)) / (all + 2));
    let down = up;
    let above = Math.exp(
      this.#logWays(marked, up) + this.#logWays(all - marked, taken - up) - this.#logWays(all, taken),
    );
    let below = above;
    let rest = this.#random.uniform() - above;
    while (rest >= 0 && (up < most || down > least)) {
      if (up < most) {
        above *= ((marked - up) * (taken - up)) / ((up + 1) * (all - marked - taken + up + 1));
        up++;
        rest -= above;
        if (rest < 0) return up;
      }
      if (down > least) {
        below *= (down * (all - marked - taken + down)) / ((marked - down + 1) * (taken - down + 1));
        down--;
        rest -= below;
      }
    }
    return down;
  }

  /** ln of the number of ways to take k of n. */
  #logWays(n: number, k: number): number {
    return this.#logFactorial(n) - this.#logFactorial(k) - this.#logFactorial(n - k);
  }

  #logFactorial(n: number): number {
    if (this.#logFactorials[n] === 0) this.#logFactorials[n] = logGamma(n + 1);
    return this.#logFactorials[n];
  }
}

interface Sums {
  units: number;
  sum: number;
  squares: number;
}

function sumsOf(values: Float64Array, counts: Float64Array): Sums {
  let [units, sum, squares] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const own = counts[i] * values[i];
    units += counts[i];
    sum += own;
    squares += own * values[i];
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
