// Measures how well LR, FM and DeepFM, with the settings that follow from the log, are calibrated where clicks are
// rare: on generated logs of click rates from 0.5 % to 1 in 10,000, with all negatives and with a twentieth of them.
// Each seed has a log and a training of its own. Predicted clicks are compared with those that the test log has, of
// which chance makes 80 or 120 where 100 are expected, and with the click rate that the model has learned from. Prints
// ratios, and gates nothing.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWith } from "../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema, MODEL_TYPES, type ModelType } from "../format/spec.ts";
import { generateLog, SMALL_WORLD } from "../trainer/data/generate.ts";
import { openHeldOutLog } from "../trainer/data/held-out-log.ts";
import { scoreHeldOut } from "../trainer/evaluation/held-out.ts";
import { TemporaryFolder } from "../trainer/io/temporary.ts";
import { evaluatePredictions } from "../trainer/metrics/evaluation.ts";
import { entropy } from "../trainer/metrics/information-gain.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { train } from "../trainer/training/train.ts";
import { benchOptions, option } from "./options.ts";
import { listOf, oneOf } from "./values.ts";

const options = benchOptions({
  "--rows <n>": option("records of a log", integerWithin(100, 1e8), 1_000_000),
  "--seeds <n>": option("logs of each click rate", integerWithin(1, 1000), 3),
  "--rates <x,…>": option("click rates", listOf(numberWithin(1e-6, 0.5)), [0.005, 0.002, 0.0001]),
  "--models <name,…>": option("what is trained", listOf(oneOf(MODEL_TYPES)), ["LR", "FM", "DeepFM"]),
  "--kept <x,…>": option("shares of the negatives that are kept", listOf(numberWithin(0.001, 1)), [1, 0.05]),
});

/** The settings that follow from the log, over the fields of a generated log with their default encodings. */
function specOf(type: ModelType, rate: number, seed: number): FeatureSpec {
  const names = ["user", "country", "device", "hour", "age", "item", "category", "price"];
  const fields = names.map((name) => ({ name, type: name === "price" || name === "age" ? "numeric" : "categorical" }));
  return parseWith(
    FeatureSpecSchema,
    {
      name: "rare",
      fields: [...fields, { name: "tags", type: "multi-categorical" }],
      ...(rate < 1 && { data: { negatives: { rate } } }),
      model: { type },
      training: { seed },
    },
    "rare",
  );
}

interface Run {
  predicted: number;
  observed: number;
  /** The mean prediction, divided by the click rate of the training log. */
  toLearned: number;
  logloss: number;
  entropy: number;
  best: number;
  epoch: number;
}

/** A log of its own, and the training of each model on it. */
async function runSeed(folder: string, clickRate: number, seed: number, runs: Map<string, Run[]>): Promise<void> {
  using task = startTask(`generate ${clickRate}, ${seed}`, options.rows, "row");
  const log = await generateLog(join(folder, "log"), options.rows, 100 + seed, task, { ...SMALL_WORLD, clickRate });
  task.done();
  const of = (path: string) => ({ paths: [path] });
  const cache = join(folder, "cache");
  for (const kept of options.kept) {
    for (const model of options.models) {
      const spec = specOf(model, kept, seed);
      const trained = await train(spec, { train: of(log.train), valid: of(log.valid), cache, backend: "wasm" });
      const { predictions } = await scoreHeldOut(trained, of(log.test), cache);
      const { logloss, calibrationRatio, clickRate: rate, records } = evaluatePredictions(predictions, null, 10);
      const { positives, negatives } = (await openHeldOutLog(spec, trained, of(log.train), cache)).labels;
      const learned = positives.records / (positives.records + negatives.records);
      const name = [`${100 * clickRate} %`, `${100 * kept} %`, model].join("\t");
      const run: Run = {
        predicted: calibrationRatio * rate * records,
        observed: rate * records,
        toLearned: (calibrationRatio * rate) / learned,
        logloss,
        entropy: entropy(rate),
        best: log.best.logloss,
        epoch: trained.valid.epoch,
      };
      runs.set(name, [...(runs.get(name) ?? []), run]);
      console.error(name, JSON.stringify(run));
    }
  }
}

function row([name, runs]: [string, Run[]]): string[] {
  const sum = (of: (run: Run) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const mean = (of: (run: Run) => number): string => (sum(of) / runs.length).toFixed(5);
  const range = (of: (run: Run) => number, digits: number): string =>
    `${Math.min(...runs.map(of)).toFixed(digits)} – ${Math.max(...runs.map(of)).toFixed(digits)}`;
  const observed = sum((run) => run.observed);
  const ratio = sum(({ predicted }) => predicted) / observed;
  return [
    ...name.split("\t"),
    Math.round(observed).toString(),
    `${ratio.toFixed(3)} ± ${(ratio / Math.sqrt(observed)).toFixed(3)}`,
    range(({ toLearned }) => toLearned, 3),
    mean(({ logloss }) => logloss),
    mean((run) => run.entropy),
    mean(({ best }) => best),
    range(({ epoch }) => epoch, 0),
  ];
}

const runs = new Map<string, Run[]>();
for (const clickRate of options.rates) {
  for (let seed = 1; seed <= options.seeds; seed++) {
    using folder = new TemporaryFolder(tmpdir(), "rare");
    await runSeed(folder.path, clickRate, seed, runs);
  }
}
console.log(
  table(
    [
      ...["click rate", "negatives kept", "model", "clicks of the tests", "predicted / observed"],
      ...["mean prediction / learned rate", "logloss", "entropy", "best logloss", "epoch kept"],
    ],
    [...runs].map(row),
  ),
);
