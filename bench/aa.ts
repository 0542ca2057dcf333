// Experiments without an effect, through all of it: visitors of a shop, the Worker in front of it, queue, R2 and
// `experiment analyze`. Both arms leave the shop's order. Each run has a new experiment, which assigns the visitors
// anew. No test may say that units or lines are missing; of the intervals of the lift, some 95 % hold 0. Exits with 1
// where a run is not sound, or a list that was shown is not in the log.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArm } from "../format/arm.ts";
import { analyzeExperiment } from "../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../lab/analysis/experiment/plan.ts";
import { startExperiment } from "../testing/shop/experiment.ts";
import { Shop } from "../testing/shop/shop.ts";
import { visitShop } from "../testing/shop/visit-shop.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";
import { JSON_FILE } from "./values.ts";

interface Run {
  /** Of the sample ratio: χ² at the end, and the test that may look at any time. */
  ratioP: number;
  sequentialP: number;
  sound: boolean;
  /** The lift of clicks per list, and its interval with 95 %. */
  lift: number;
  low: number;
  high: number;
  /** Lists that were shown and are not in the log. */
  lost: number;
}

const options = benchOptions({
  "--runs <n>": option("experiments, one after another", integerWithin(1, 1000), 20),
  "--visitors <n>": option("visitors of each", integerWithin(1, 10_000_000), 2000),
  "--seed <n>": option("seed of the shop and its visitors", integerWithin(1, 2 ** 31 - 1), 1),
  "--json <file>": JSON_FILE,
});
const { visitors, seed, json } = options;
const ARMS = ["a", "b"].map((arm) => parseArm({ arm, model: null }));
const SHELVES_EACH = 2;
const CONNECTIONS = 16;
const shop = new Shop(seed);
const runs: Run[] = [];
for (let run = 0; run < options.runs; run++) {
  const one = await runOnce(run);
  runs.push(one);
  // Twenty runs take a quarter of an hour.
  console.log(
    `run ${run + 1}: units p ${one.ratioP.toFixed(3)}, ${one.sound ? "sound" : "not sound"}, ${one.lost} lists lost`,
  );
}
console.log(
  table(
    ["run", "units p", "at any look p", "", "lift of b", "95 % interval", "lists lost"],
    runs.map(({ ratioP, sequentialP, sound, lift, low, high, lost }, run) => [
      run + 1,
      ratioP.toFixed(3),
      sequentialP.toFixed(3),
      sound ? "sound" : "not sound",
      percent(lift),
      `${percent(low)} to ${percent(high)}`,
      lost,
    ]),
  ),
);
const holds = runs.filter(({ low, high }) => low <= 0 && high >= 0).length;
console.log(`${holds} of ${runs.length} intervals hold 0`);
if (json) writeWhole(json, toJson({ results: runs }));
if (runs.some(({ sound, lost }) => !sound || lost > 0)) process.exitCode = 1;

async function runOnce(run: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-aa-"));
  try {
    const [store, logs] = [join(folder, "kv"), join(folder, "logs")];
    const experiment = `aa-${seed}-${run}`;
    await startExperiment(store, experiment, ARMS);
    const visits = { visitors, shelves: SHELVES_EACH, seed: seed + run, connections: CONNECTIONS };
    const asked = await visitShop(shop, store, logs, visits);
    const plan = parsePlan({ experiment, control: "a", plannedUnits: visitors });
    const [phase] = (await analyzeExperiment({ logs: [logs], plan, inSpiteOfMismatch: true })).phases;
    const lift = phase?.metrics?.find(({ primary }) => primary)?.comparisons[0]?.raw.lift;
    return {
      ratioP: phase?.soundness.ratio?.p ?? Number.NaN,
      sequentialP: phase?.soundness.sequentialP ?? Number.NaN,
      sound: phase?.soundness.sound ?? false,
      lift: lift?.effect ?? Number.NaN,
      low: lift?.fixed?.low ?? Number.NaN,
      high: lift?.fixed?.high ?? Number.NaN,
      lost: asked.length - (phase?.funnel.counted ?? 0),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
