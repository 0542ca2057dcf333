import { checkPayload } from "../../format/experiment.ts";
import { BUCKETS } from "../../format/exposure.ts";
import { Evaluator } from "../../worker/experiments/evaluator.ts";

// How units of experiments spread over buckets and arms, by the code that assigns them.

/** Cells of each of two experiments whose independence is tested. */
const CELLS = 20;

const ARMS = ["a", "b", "c"].map((arm) => ({ arm, model: null }));

/** An evaluator with one list for each rule, named by its place. */
async function evaluatorOf(rules: readonly object[]): Promise<Evaluator> {
  const features = rules.map((rule, i) => {
    const whole = { key: `experiment-${i}`, hashAttribute: "uid", hashVersion: 2, variations: ARMS, ...rule };
    return [String(i), { defaultValue: null, rules: [whole] }];
  });
  return new Evaluator(await checkPayload({ features: Object.fromEntries(features) }, "payload"));
}

/** What became of n ids. */
export interface Spread {
  /** For each seed: (χ² − its degrees)/√(2 × its degrees) over the 10,000 buckets, all but a standard normal number. */
  uniform: number[];
  /** For each pair of seeds, over 20 × 20 cells: the same of their independence. */
  independent: number[];
}

/** Hashes n ids by the seeds of as many experiments. Their names differ in one letter, as names do. */
export async function spread(n: number, seeds: readonly string[]): Promise<Spread> {
  const evaluator = await evaluatorOf(seeds.map((seed) => ({ seed })));
  const buckets = seeds.map(() => new Uint32Array(BUCKETS));
  const pairs = seeds.flatMap((_, a) => seeds.slice(a + 1).map((_, b) => [a, a + 1 + b] as const));
  const cells = pairs.map(() => new Uint32Array(CELLS * CELLS));
  const own = new Uint32Array(seeds.length);
  for (let unit = 0; unit < n; unit++) {
    const attributes = { uid: `visitor-${unit}` };
    for (let i = 0; i < seeds.length; i++) {
      own[i] = evaluator.assign(String(i), attributes, null)?.unit?.bucket ?? Number.NaN;
      (buckets[i] as Uint32Array)[own[i] as number] += 1;
    }
    for (const [p, [a, b]] of pairs.entries()) {
      const cell = CELLS * cellOf(own[a] as number) + cellOf(own[b] as number);
      (cells[p] as Uint32Array)[cell] += 1;
    }
  }
  return { uniform: buckets.map(chiSquareZ), independent: cells.map(chiSquareZ) };
}

function cellOf(bucket: number): number {
  return Math.floor((bucket * CELLS) / BUCKETS);
}

/** Against equal shares. Those of two hashes that are uniform are those of independence, too. */
function chiSquareZ(counts: Uint32Array): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const degrees = counts.length - 1;
  return (chiSquare - degrees) / Math.sqrt(2 * degrees);
}

/** How many of n units change their arm, or leave, while the coverage grows, and how many are in it at each. */
export async function ramp(n: number, coverages: readonly number[]): Promise<{ moved: number; inside: number[] }> {
  const rules = coverages.map((coverage) => ({ key: "ramped", seed: "ramped:1", coverage, weights: [0.5, 0.3, 0.2] }));
  const evaluator = await evaluatorOf(rules);
  const inside = coverages.map(() => 0);
  let moved = 0;
  for (let unit = 0; unit < n; unit++) {
    let before: string | null = null;
    for (let i = 0; i < coverages.length; i++) {
      const arm: string | null = evaluator.assign(String(i), { uid: `visitor-${unit}` }, null)?.arm.arm ?? null;
      if (arm !== null) inside[i] = (inside[i] ?? 0) + 1;
      if (before !== null && arm !== before) moved++;
      before = arm;
    }
  }
  return { moved, inside };
}
