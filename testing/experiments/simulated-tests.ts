import { difference, fixedVerdict, lift } from "../../lab/analysis/comparison.ts";
import { momentsOfRatioSums, type RatioSums } from "../../lab/analysis/ratio.ts";
import { sequentialVerdict } from "../../lab/analysis/sequential.ts";
import { seeded } from "../format/random.ts";

// Experiments of two arms whose truth is known: units see one to ten lists each, and click with a taste of their own,
// so that the lists of a unit are alike. The metric is clicks per list.

export interface Simulation {
  tests: number;
  /** Units of each arm. */
  units: number;
  looks: number;
  /** Clicks per list in the control. */
  ctr: number;
  /** The true lift. */
  lift: number;
  seed: number;
}

const ALPHA = 0.05;

/** Shares of the tests. */
export interface Rates {
  /** The fixed test at the planned end finds a difference. */
  fixedAtEnd: number;
  /** The fixed test finds one at any look: what peeking makes of it. */
  fixedAtAnyLook: number;
  /** The sequential test does at any look. */
  sequentialAtAnyLook: number;
  /** The fixed interval of the lift, at the end, holds the true one. */
  covered: number;
}

export function simulateTests({ tests, units, looks, ctr, lift: trueLift, seed }: Simulation): Rates {
  const random = seeded(seed);
  const found = { fixedAtEnd: 0, fixedAtAnyLook: 0, sequentialAtAnyLook: 0, covered: 0 };
  for (let i = 0; i < tests; i++) {
    const [control, treatment] = [noUnits(), noUnits()];
    const seen = { fixed: false, sequential: false };
    for (let look = 1; look <= looks; look++) {
      const more = Math.round((look * units) / looks) - control.units;
      addUnits(control, more, ctr, random);
      addUnits(treatment, more, ctr * (1 + trueLift), random);
      const arms = [momentsOfRatioSums(control), momentsOfRatioSums(treatment)] as const;
      // Before the first clicks there is nothing to compare.
      if (control.n === 0 || treatment.n === 0) continue;
      const effect = difference(...arms);
      const fixed = fixedVerdict(effect, ALPHA);
      seen.fixed ||= fixed.p < ALPHA;
      seen.sequential ||= sequentialVerdict(effect, ALPHA, 2 * units).p < ALPHA;
      if (look < looks) continue;
      if (fixed.p < ALPHA) found.fixedAtEnd++;
      const { low, high } = fixedVerdict(lift(...arms), ALPHA);
      if (low <= trueLift && trueLift <= high) found.covered++;
    }
    if (seen.fixed) found.fixedAtAnyLook++;
    if (seen.sequential) found.sequentialAtAnyLook++;
  }
  return {
    fixedAtEnd: found.fixedAtEnd / tests,
    fixedAtAnyLook: found.fixedAtAnyLook / tests,
    sequentialAtAnyLook: found.sequentialAtAnyLook / tests,
    covered: found.covered / tests,
  };
}

function noUnits(): RatioSums {
  return { units: 0, n: 0, d: 0, nn: 0, nd: 0, dd: 0 };
}

/** Units whose click rates are exponentially distributed about `rate`, and that see more lists the less often. */
function addUnits(sums: RatioSums, count: number, rate: number, random: () => number): void {
  let { n, d, nn, nd, dd } = sums;
  for (let i = 0; i < count; i++) {
    const lists = 1 + Math.floor(10 * random() ** 2);
    const own = -rate * Math.log(1 - random());
    let clicks = 0;
    for (let list = 0; list < lists; list++) if (random() < own) clicks++;
    n += clicks;
    d += lists;
    nn += clicks * clicks;
    nd += clicks * lists;
    dd += lists * lists;
  }
  Object.assign(sums, { units: sums.units + count, n, d, nn, nd, dd });
}
