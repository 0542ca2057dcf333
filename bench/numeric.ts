// Compares the encodings of numbers on five logs: each of LR, FM and DeepFM is trained with every encoding of all
// numeric fields, and the epoch that validation chooses is scored on the test. A seed draws the generated logs and the
// random splits anew. Prints the means over the seeds, and how far the spline is from the best of the others: the mean
// of the paired differences with its 95 % interval. Public logs that are not there are skipped. Results are kept, and
// those that are there are not trained again. Last comes what a spline costs in processor time.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseWith } from "../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../format/spec.ts";
import type { RunOutcome } from "../lab/sweeps/run.ts";
import { spread } from "../lab/sweeps/spread.ts";
import { runSweep } from "../lab/sweeps/sweep.ts";
import { PROJECT } from "../trainer/io/project.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { numericCost } from "./numeric/cost.ts";
import { MODELS, type NumericLog, numericLogs } from "./numeric/logs.ts";
import { benchOptions, option } from "./options.ts";

const ENCODINGS = {
  "value, standard": { kind: "value", scale: "standard" },
  "16 quantiles": { kind: "quantiles", count: 16 },
  log2: { kind: "log2" },
  "spline, 8 knots": { kind: "spline", knots: 8 },
  "spline, 12 knots": { kind: "spline", knots: 12 },
  "spline, 16 knots": { kind: "spline", knots: 16 },
  "spline, 32 knots": { kind: "spline", knots: 32 },
  "spline, 64 knots": { kind: "spline", knots: 64 },
};
const DEFAULT = "spline, 12 knots";
const OTHERS = ["value, standard", "16 quantiles", "log2"];
/** The 97.5 % quantiles of Student's t with 1 to 9 degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

const { seeds, folder, shared } = benchOptions({
  "--seeds <n>": option("trainings of each model and encoding", integerWithin(1, STUDENT.length + 1), 5),
  "--folder <folder>": option("where results are kept", String, "runs/numeric"),
  "--shared <folder>": option("where public logs may be", String, join(PROJECT, "..", "shared", "data")),
});

for (const log of numericLogs(shared)) {
  const outcomes = await trainAll(log);
  if (outcomes === null) console.log(`${log.name}: skipped, as ${shared} does not have it\n`);
  else console.log(`${log.name}\n${resultTable(outcomes)}\n`);
}

console.log(await numericCost(folder));

/** The outcomes by model and encoding, one a seed; null where the log is not there. */
async function trainAll(log: NumericLog): Promise<Map<string, RunOutcome[]> | null> {
  const outcomes = new Map<string, RunOutcome[]>();
  for (let seed = 1; seed <= seeds; seed++) {
    const own = join(folder, log.name.replaceAll(/\W+/g, "-"), String(seed));
    mkdirSync(own, { recursive: true });
    const logs = await log.prepare(own, seed);
    if (logs === null) return null;
    const cases = MODELS.flatMap((model) =>
      Object.entries(ENCODINGS).map(([name, encoding]) => ({
        name: `${model.type}: ${name}`,
        spec: specOf(log, model, encoding, seed),
      })),
    );
    const cache = join(folder, "cache");
    const results = await runSweep(cases, { logs: { ...logs, cache }, seeds: 1, folder: join(own, "runs") });
    for (const [i, { name }] of cases.entries()) {
      const [outcome] = results[i] ?? [];
      if (outcome) outcomes.set(name, [...(outcomes.get(name) ?? []), outcome]);
    }
  }
  return outcomes;
}

function specOf(log: NumericLog, model: (typeof MODELS)[number], encoding: object, seed: number): FeatureSpec {
  const { fields, data, ...rest } = log.rest;
  const numbers = log.numbers.map((name) => ({ name, type: "numeric", encoding }));
  const spec = {
    ...{ name: "numeric", ...rest, fields: [...fields, ...numbers] },
    ...(data && { data: { ...data, split: { ...data.split, seed } } }),
    model: { ...log.model, type: model.type },
    training: { ...log.training, learningRate: model.learningRate, l2: log.l2[model.type], seed },
  };
  return parseWith(FeatureSpecSchema, spec, log.name);
}

function resultTable(outcomes: Map<string, RunOutcome[]>): string {
  const lines: string[][] = [];
  for (const { type } of MODELS) {
    const of = (encoding: string, metric: "auc" | "logloss"): number[] =>
      (outcomes.get(`${type}: ${encoding}`) ?? []).map((run) => ("diverged" in run ? Number.NaN : run.test[metric]));
    for (const encoding of Object.keys(ENCODINGS))
      lines.push([
        type,
        encoding,
        ...(["auc", "logloss"] as const).map((metric) => spread(of(encoding, metric)).mean.toFixed(4)),
      ]);
    const against = (metric: "auc" | "logloss", sign: 1 | -1): string => {
      const means = OTHERS.map((encoding) => sign * spread(of(encoding, metric)).mean);
      const best = OTHERS[means.indexOf(Math.max(...means.filter(Number.isFinite)))] ?? "";
      const rival = of(best, metric);
      return differenceText(of(DEFAULT, metric).map((x, i) => x - (rival[i] ?? Number.NaN)));
    };
    lines.push([type, `${DEFAULT} − the best of ${OTHERS.length}`, against("auc", 1), against("logloss", -1)]);
  }
  return table(["model", "encoding", "test AUC", "logloss"], lines);
}

function differenceText(differences: readonly number[]): string {
  const { mean, sd } = spread(differences);
  const half = ((STUDENT[differences.length - 2] ?? Number.NaN) * sd) / Math.sqrt(differences.length);
  const signed = `${mean < 0 ? "−" : "+"}${Math.abs(mean).toFixed(4)}`;
  return differences.length > 1 ? `${signed} ± ${half.toFixed(4)}` : signed;
}
