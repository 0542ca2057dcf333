// Trains on messy logs by the spec that `init --yes` writes and by one made by hand (bench/messy/*.json), and LightGBM
// on the columns of the latter, prepared as it says. Prints the AUC on the test part, the mean over the seeds, and how
// far init's spec is from the others, with the paired interval of 99.9 %. Exits with status 1 where init's is more
// than .01 below the one by hand, or more than .005 below LightGBM, which is skipped where Python does not have it,
// as the log of the folder `--cases` is where that is not there.
//   pip install -r bench/messy/requirements.txt
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spread } from "../lab/sweeps/spread.ts";
import { PROJECT } from "../trainer/io/project.ts";
import { auc } from "../trainer/metrics/auc.ts";
import { aucDifferenceInterval } from "../trainer/metrics/paired.ts";
import type { Predictions } from "../trainer/metrics/predictions.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { hasLightGbm, lightGbmLogits } from "./messy/lightgbm.ts";
import { MESSY_LOGS, type MessyLog, messyLogs } from "./messy/logs.ts";
import { specByHand, specByInit } from "./messy/specs.ts";
import { testPredictions } from "./messy/test-predictions.ts";
import { benchOptions, option } from "./options.ts";
import { listOf, oneOf } from "./values.ts";

/** How far init's spec may be below the one by hand, and below LightGBM. */
const BELOW_HAND = 0.01;
const BELOW_LIGHTGBM = 0.005;

const options = benchOptions({
  "--records <n>": option("records of each generated log", integerWithin(100, 1e8), 50_000),
  "--seeds <n>": option("trainings of each spec", integerWithin(1, 1000), 1),
  "--logs <name,…>": option("which logs", listOf(oneOf(MESSY_LOGS)), [...MESSY_LOGS]),
  "--python <program>": option("a Python that may have LightGBM", String, "python3"),
  "--cases <folder>": option("where messy.csv.gz may be", String, join(PROJECT, "..", "shared", "cases")),
});
const seeds = Array.from({ length: options.seeds }, (_, i) => i + 1);

interface Difference {
  mean: number;
  text: string;
}

/** The AUC of `ours` less that of `others`, seed by seed. */
function difference(ours: readonly Predictions[], others: readonly Predictions[]): Difference {
  const intervals = ours.map(({ logits, labels, weights }, i) => {
    const other = others[i] ?? others[0];
    if (!other || other.labels.some((label, r) => label !== labels[r])) throw new Error("two tests of other records");
    const [low, high] = aucDifferenceInterval(other.logits, logits, labels, weights) ?? [Number.NaN, Number.NaN];
    return { low, high, middle: (low + high) / 2 };
  });
  const [mean, low, high] = (["middle", "low", "high"] as const).map(
    (end) => spread(intervals.map((i) => i[end])).mean,
  );
  return { mean: mean ?? Number.NaN, text: `${signed(mean)} (${signed(low)} to ${signed(high)})` };
}

function signed(x = Number.NaN): string {
  return `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(4)}`;
}

function aucText(runs: readonly Predictions[]): string {
  return spread(runs.map(({ logits, labels, weights }) => auc(logits, labels, weights))).mean.toFixed(4);
}

/** A line of the table, and whether init's spec is good enough. */
async function compare(log: MessyLog, folder: string, lightGbm: boolean): Promise<{ line: string[]; passes: boolean }> {
  const cache = join(folder, "cache");
  const hand = specByHand(log);
  const byInit = await testPredictions(await specByInit(log), log.path, cache, seeds);
  const byHand = await testPredictions(hand, log.path, cache, seeds);
  const toHand = difference(byInit, byHand);
  const [first] = byHand;
  const clicks = first?.labels.reduce((sum, label) => sum + label, 0) ?? 0;
  const line = [log.name, `${first?.labels.length} / ${clicks}`, aucText(byInit), aucText(byHand)];
  let passes = toHand.mean >= -BELOW_HAND;
  if (!lightGbm || !first) return { line: [...line, "–", toHand.text, "–"], passes };
  const trees = { ...first, logits: await lightGbmLogits(hand, log.path, join(folder, "lightgbm"), options.python) };
  const toTrees = difference(byInit, [trees]);
  passes &&= toTrees.mean >= -BELOW_LIGHTGBM;
  return { line: [...line, aucText([trees]), toHand.text, toTrees.text], passes };
}

using ended = new DisposableStack();
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-messy-"));
ended.defer(() => rmSync(folder, { recursive: true }));
const lightGbm = hasLightGbm(options.python);
if (!lightGbm) console.log(`LightGBM: skipped, as ${options.python} does not have it`);
const lines: string[][] = [];
for (const log of messyLogs(folder, options.records, options.cases)) {
  if (!options.logs.includes(log.name)) continue;
  if (!log.write()) {
    console.log(`${log.name}: skipped, as it is not in ${options.cases}`);
    continue;
  }
  const own = join(folder, log.name);
  mkdirSync(own);
  const { line, passes } = await compare(log, own, lightGbm);
  lines.push(line);
  if (passes) continue;
  console.error(`${log.name}: init's spec is too low`);
  process.exitCode = 1;
}
const head = ["log", "test / clicks", "init", "by hand", "LightGBM", "init − by hand", "init − LightGBM"];
console.log(table(head, lines));
