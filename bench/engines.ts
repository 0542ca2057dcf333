// Trains a spec's model on a log with each engine, early stopping and all, and compares their quality and time over
// seeds. The engines take turns, seed by seed; the logs are read once, before. Prints the table; gates nothing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJson, parseWith } from "../format/parse.ts";
import { FeatureSpecSchema } from "../format/spec.ts";
import { type RunResult, trainRun } from "../lab/sweeps/run.ts";
import { type Spread, spread, spreadText } from "../lab/sweeps/spread.ts";
import { ENGINES, type EngineName, MOST_THREADS } from "../trainer/engine/engines.ts";
import { readWhole, toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { within } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option, optional, required } from "./options.ts";
import { JSON_FILE, listOf, logPath, oneOf, readBy } from "./values.ts";

const readSpec = readBy((path) =>
  parseWith(FeatureSpecSchema, parseJson(readWhole(path).toString("utf8"), path), path),
);
const options = benchOptions({
  "--spec <file>": required("a feature spec", readSpec),
  "--train <path...>": required("the log to train on: files, folders or globs", logPath),
  "--valid <path...>": required("the log that decides when to stop", logPath),
  "--test <path...>": required("the log to test on", logPath),
  "--engines <name,…>": option("who takes part", listOf(oneOf(ENGINES)), [...ENGINES]),
  "--seeds <n>": option("trainings of each engine", integerWithin(1, 1000), 3),
  "--epochs <n>": optional(
    "end each training after so many at the latest, for a quick look (default: the spec's)",
    integerWithin(1, 10_000),
  ),
  "--threads <n>": optional("threads of assembly (default: one a core, up to 16)", integerWithin(1, MOST_THREADS)),
  "--json <file>": JSON_FILE,
});
const { spec: asked, engines, train, valid, test, json } = options;
const { epochs: maxEpochs = asked.training.maxEpochs } = options;

const cache = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-engines-"));
const logs = { train: { paths: train }, valid: { paths: valid }, test: { paths: test }, cache };
const runs = new Map(engines.map((engine): [EngineName, RunResult[]] => [engine, []]));
try {
  for (let seed = asked.training.seed; seed < asked.training.seed + options.seeds; seed++) {
    for (const engine of engines) {
      const spec = { ...asked, training: { ...asked.training, seed, maxEpochs } };
      const threads = engine === "tfjs" ? undefined : options.threads;
      const run = await within(`${engine}, seed ${seed}`, () => trainRun(spec, logs, { engine, threads }));
      if ("diverged" in run) throw new Error(`${engine}, seed ${seed}: ${run.diverged}`);
      const { epochs, seconds, test: metrics } = run;
      console.log(
        `${engine}, seed ${seed}: AUC ${metrics.auc.toFixed(5)}, ${epochs} epochs in ${seconds.toFixed(1)} s`,
      );
      runs.get(engine)?.push(run);
    }
  }
} finally {
  rmSync(cache, { recursive: true });
}

const results = engines.map((engine) => {
  const own = runs.get(engine) ?? [];
  const mean = (of: (run: RunResult) => number): number => spread(own.map(of)).mean;
  return {
    engine,
    auc: spread(own.map((run) => run.test.auc)),
    logloss: spread(own.map((run) => run.test.logloss)),
    epochs: mean((run) => run.epochs),
    seconds: mean((run) => run.seconds),
    secondsAnEpoch: mean((run) => run.seconds / run.epochs),
  };
});
const last = results.at(-1);
const text = (of: Spread): string => spreadText(of, options.seeds);
console.log(
  table(
    ["engine", "AUC", "logloss", "epochs", "seconds", "s an epoch", `AUC − ${last?.engine}`, "time", "an epoch"],
    results.map((result) => [
      result.engine,
      ...[text(result.auc), text(result.logloss), result.epochs.toFixed(1), result.seconds.toFixed(1)],
      result.secondsAnEpoch.toFixed(2),
      (result.auc.mean - (last?.auc.mean ?? 0)).toFixed(5),
      `${(result.seconds / (last?.seconds ?? 0)).toFixed(2)} ×`,
      `${(result.secondsAnEpoch / (last?.secondsAnEpoch ?? 0)).toFixed(2)} ×`,
    ]),
  ),
);
if (json) writeWhole(json, toJson({ results }));
