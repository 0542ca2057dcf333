// Measures how well LR, FM and DeepFM with default settings are calibrated where clicks are rare: on generated logs of
// click rates from 0.5 % to 1 in 10,000, with all negatives and with a twentieth of them. The probabilities that the
// clicks were drawn with are known, so that predictions are compared with them, too: of 100 clicks that are expected,
// chance alone makes 80 or 120. Prints ratios, and gates nothing.
//   npm run bench -- rare [--rows N] [--seeds N] [--rates 0.002,0.005] [--models LR,FM] [--kept 1,0.05] [--l2 0]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseWith } from "../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../format/spec.ts";
import { modelType } from "../lab/sweeps/model-specs.ts";
import { generateLog, SMALL_WORLD } from "../trainer/data/generate.ts";
import { scoreHeldOut } from "../trainer/evaluation/held-out.ts";
import { TemporaryFolder } from "../trainer/io/temporary.ts";
import { evaluatePredictions } from "../trainer/metrics/evaluation.ts";
import { entropy } from "../trainer/metrics/information-gain.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { train } from "../trainer/training/train.ts";

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    seeds: { type: "string", default: "3" },
    rates: { type: "string", default: "0.005,0.002,0.0001" },
    models: { type: "string", default: "LR,FM,DeepFM" },
    kept: { type: "string", default: "1,0.05" },
    l2: { type: "string", default: "0" },
    data: { type: "string", default: "7" },
  },
});

const numbers = (text: string): number[] => text.split(",").map(Number);

/** The default settings, over the fields of a generated log with their default encodings. */
function specOf(model: string, rate: number, seed: number): FeatureSpec {
  const names = ["user", "country", "device", "hour", "age", "item", "category", "price"];
  const fields = names.map((name) => ({ name, type: name === "price" || name === "age" ? "numeric" : "categorical" }));
  const log2 = { kind: "log2" };
  return parseWith(
    FeatureSpecSchema,
    {
      name: "rare",
      fields: [
        ...fields.map((field) => (field.type === "numeric" ? { ...field, encoding: log2 } : field)),
        { name: "tags", type: "multi-categorical" },
      ],
      ...(rate < 1 && { data: { negatives: { rate } } }),
      model: { type: modelType(model, "--models") },
      training: { seed, l2: Number(options.l2) },
    },
    "rare",
  );
}

using folder = new TemporaryFolder(".", "rare");
const rows: string[][] = [];
for (const clickRate of numbers(options.rates)) {
  const log = await (async () => {
    using task = startTask(`generate ${clickRate}`, Number(options.rows), "rows");
    const shape = { ...SMALL_WORLD, clickRate };
    return await generateLog(
      join(folder.path, String(clickRate)),
      Number(options.rows),
      Number(options.data),
      task,
      shape,
    );
  })();
  const of = (path: string) => ({ paths: [path] });
  const cache = join(folder.path, "cache");
  for (const kept of numbers(options.kept)) {
    for (const model of options.models.split(",")) {
      const runs: {
        observed: number;
        expected: number;
        logloss: number;
        entropy: number;
        auc: number;
        epoch: number;
      }[] = [];
      for (let seed = 1; seed <= Number(options.seeds); seed++) {
        const spec = specOf(model, kept, seed);
        const trained = await train(spec, { train: of(log.train), valid: of(log.valid), cache, backend: "wasm" });
        const { predictions } = await scoreHeldOut(trained, of(log.test), cache);
        const { auc, logloss, calibrationRatio, clickRate: observed } = evaluatePredictions(predictions, null, 10);
        runs.push({
          observed: calibrationRatio,
          expected: (calibrationRatio * observed) / log.expectedRate,
          logloss,
          entropy: entropy(observed),
          auc,
          epoch: trained.valid.epoch,
        });
      }
      const range = (of: (run: (typeof runs)[number]) => number, digits: number): string => {
        const all = runs.map(of);
        const [least, most] = [Math.min(...all).toFixed(digits), Math.max(...all).toFixed(digits)];
        return least === most ? least : `${least} – ${most}`;
      };
      rows.push([
        `${100 * clickRate} %`,
        `${100 * kept} %`,
        model,
        range(({ observed }) => observed, 3),
        range(({ expected }) => expected, 3),
        range(({ logloss }) => logloss, 5),
        range((run) => run.entropy, 5),
        log.best.logloss.toFixed(5),
        range(({ auc }) => auc, 3),
        log.best.auc.toFixed(3),
        range(({ epoch }) => epoch, 0),
      ]);
      console.error(rows.at(-1)?.join("  "));
    }
  }
}
console.log(
  table(
    [
      ...["click rate", "negatives kept", "model", "predicted / observed", "predicted / expected", "logloss"],
      ...["entropy", "best logloss", "AUC", "best AUC", "epoch kept"],
    ],
    rows,
  ),
);
