// Trains a spec's model on a log with each engine, early stopping and all, and compares their quality and time over
// seeds. The engines take turns, seed by seed; the logs are read once, before. Prints the table; gates nothing.
//   npm run bench -- engines SPEC --train FILE --valid FILE --test FILE
//                            [--engines assembly,tfjs] [--seeds 3] [--epochs N] [--threads N] [--json FILE]
// --epochs ends each training after so many at the latest, for a quick look.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJson, parseWith } from "../format/parse.ts";
import { FeatureSpecSchema } from "../format/spec.ts";
import { type RunResult, trainRun } from "../lab/sweeps/run.ts";
import { type Spread, spread, spreadText } from "../lab/sweeps/spread.ts";
import { ENGINES, type EngineName } from "../trainer/engine/engines.ts";
import { UserError } from "../trainer/errors.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { within } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions } from "./options.ts";

const { values: flags, positionals } = benchOptions({
  allowPositionals: true,
  options: {
    train: { type: "string", multiple: true },
    valid: { type: "string", multiple: true },
    test: { type: "string", multiple: true },
    engines: { type: "string", default: ENGINES.join(",") },
    seeds: { type: "string", default: "3" },
    epochs: { type: "string" },
    threads: { type: "string" },
    json: { type: "string" },
  },
});
const [path] = positionals;
const { train, valid, test } = flags;
if (!path || !train || !valid || !test) throw new UserError("expected SPEC --train FILE --valid FILE --test FILE");
const asked = parseWith(FeatureSpecSchema, parseJson(readFileSync(path, "utf8"), path), path);
const engines = flags.engines.split(",").map((name): EngineName => {
  const engine = ENGINES.find((one) => one === name);
  if (engine === undefined) throw new UserError(`got the engine ${name}, expected one of ${ENGINES.join(", ")}`);
  return engine;
});

const cache = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-engines-"));
const logs = { train: { paths: train }, valid: { paths: valid }, test: { paths: test }, cache };
const runs = new Map(engines.map((engine): [EngineName, RunResult[]] => [engine, []]));
try {
  for (let seed = asked.training.seed; seed < asked.training.seed + Number(flags.seeds); seed++) {
    for (const engine of engines) {
      const maxEpochs = flags.epochs === undefined ? asked.training.maxEpochs : Number(flags.epochs);
      const spec = { ...asked, training: { ...asked.training, seed, maxEpochs } };
      const threads = flags.threads === undefined || engine === "tfjs" ? undefined : Number(flags.threads);
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
const text = (of: Spread): string => spreadText(of, Number(flags.seeds));
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
if (flags.json) writeWhole(flags.json, toJson({ results }));
