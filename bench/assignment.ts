// Units of experiments, by the code that assigns them: a million ids under four seeds that differ in a letter, over
// 10,000 buckets and, for each pair of seeds, over 20 × 20 cells; and the same ids while the coverage of an experiment
// grows. A z beyond ±4 would be one of 16,000 by chance. Exits with 1 where there is one, or where a unit has moved.
import { ramp, spread } from "../testing/experiments/assignments.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";

const { ids } = benchOptions({ "--ids <n>": option("ids that are assigned", integerWithin(1, 1e9), 1e6) });

const SEEDS = ["ranker:1", "ranker:2", "ranker:3", "ranker:4"];
const COVERAGES = [0.1, 0.2, 0.5];
const MOST_Z = 4;

const { uniform, independent } = await spread(ids, SEEDS);
const text = (numbers: readonly number[]): string => numbers.map((z) => z.toFixed(2)).join("  ");
console.log(`${ids} ids, seeds ${SEEDS.join(", ")}`);
console.log(
  table(
    ["z of", "", ""],
    [
      ["10,000 buckets", `${uniform.length} seeds`, text(uniform)],
      ["20 × 20 cells", `${independent.length} pairs of seeds`, text(independent)],
    ],
  ),
);
const { moved, inside } = await ramp(ids, COVERAGES);
const shares = COVERAGES.map((coverage, i) => `${100 * coverage} %: ${inside[i]}`).join(", ");
console.log(`ramp: ${shares}; ${moved} of ${ids} moved`);
if (moved > 0 || [...uniform, ...independent].some((z) => Math.abs(z) > MOST_Z)) process.exitCode = 1;
