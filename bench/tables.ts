// Trains LR, FM and DeepFM on logs of yours by the spec that `init --yes` writes, with the settings that follow from
// each log, and LightGBM on the same fields' values, where Python has it. Prints AUC and logloss on the test part, the
// mean over the seeds, and how far the last of the models is from LightGBM, with the paired interval of 99.9 %.
//   pip install -r bench/messy/requirements.txt
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type FeatureSpec, MODEL_TYPES, parseFeatureSpec } from "../format/spec.ts";
import { spread } from "../lab/sweeps/spread.ts";
import { metricsOfLogits } from "../trainer/metrics/metrics.ts";
import { aucDifferenceInterval } from "../trainer/metrics/paired.ts";
import type { Predictions } from "../trainer/metrics/predictions.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { hasLightGbm, lightGbmLogits } from "./messy/lightgbm.ts";
import { specByInit } from "./messy/specs.ts";
import { testPredictions } from "./messy/test-predictions.ts";
import { benchOptions, option, optional, required } from "./options.ts";
import { listOf, logPath, oneOf } from "./values.ts";

const options = benchOptions({
  "--logs <path...>": required("the logs", logPath),
  "--label <name>": optional("the column of the labels (default: what init finds)", String),
  "--models <name,…>": option("what is trained", listOf(oneOf(MODEL_TYPES)), ["LR", "FM", "DeepFM"]),
  "--seeds <n>": option("trainings of each model", integerWithin(1, 1000), 1),
  "--python <program>": option("a Python that may have LightGBM", String, "python3"),
});
const { models } = options;
const seeds = Array.from({ length: options.seeds }, (_, i) => i + 1);

/** The spec that `init` writes, without its model and training, which follow from the log. */
async function specOf(path: string): Promise<FeatureSpec> {
  const { model: _, training: __, ...spec } = await specByInit({ name: "table", path }, options.label);
  return parseFeatureSpec(JSON.stringify(spec), path);
}

/** The mean AUC and logloss, as text. */
function qualityText(runs: readonly Predictions[]): string {
  const metrics = runs.map(({ logits, labels, weights }) => metricsOfLogits(logits, labels, weights));
  const mean = (of: "auc" | "logloss"): string => spread(metrics.map((one) => one[of])).mean.toFixed(4);
  return `${mean("auc")} / ${mean("logloss")}`;
}

/** How far a model is from another on the same records, with its interval. */
function differenceText({ logits, labels, weights }: Predictions, other: Float64Array): string {
  const [low, high] = aucDifferenceInterval(other, logits, labels, weights) ?? [Number.NaN, Number.NaN];
  return [(low + high) / 2, low, high].map((x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(4)}`).join(" ");
}

async function lineOf(path: string, folder: string, lightGbm: boolean): Promise<string[]> {
  const spec = await specOf(path);
  const runs: Predictions[][] = [];
  for (const type of models)
    runs.push(await testPredictions({ ...spec, model: { ...spec.model, type } }, path, join(folder, "cache"), seeds));
  const last = runs.at(-1)?.[0];
  const line = [basename(path), ...runs.map(qualityText)];
  if (!lightGbm || !last) return [...line, "–", "–"];
  const trees = await lightGbmLogits(spec, path, join(folder, basename(path)), options.python);
  return [...line, qualityText([{ ...last, logits: trees }]), differenceText(last, trees)];
}

using ended = new DisposableStack();
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-tables-"));
ended.defer(() => rmSync(folder, { recursive: true }));
const lightGbm = hasLightGbm(options.python);
if (!lightGbm) console.log(`LightGBM: skipped, as ${options.python} does not have it`);
const lines: string[][] = [];
for (const path of options.logs) lines.push(await lineOf(path, folder, lightGbm));
const head = ["test AUC / logloss", ...models, "LightGBM", `${models.at(-1)} − LightGBM (99.9 %)`];
console.log(table(head, lines));
