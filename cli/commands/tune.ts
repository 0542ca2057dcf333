import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseFeatureSpec } from "../../format/spec.ts";
import { modelType } from "../../lab/sweeps/compare.ts";
import { settingsText, withSettings } from "../../lab/sweeps/settings.ts";
import { rungsOf } from "../../lab/tune/rungs.ts";
import { parseSearchSpace } from "../../lab/tune/space.ts";
import { tune } from "../../lab/tune/tune.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { table } from "../../trainer/terminal/table.ts";
import { backendOption, type LogOptions, positiveInteger, readText, SPEC_HELP, withLogs } from "./options.ts";

interface TuneCommandOptions extends LogOptions {
  model?: string;
  space: string;
  method: "halving" | "random";
  trials: number;
  eta: number;
  minEpochs: number;
  seeds: number;
  seed: number;
  out: string;
  json?: string;
  backend?: Backend;
}

/** The most trials that are printed; all of them are in trials.jsonl and the JSON. */
const SHOWN = 10;

export function tuneCommand(): Command {
  const command = new Command("tune")
    .description("Search for the settings with the best validation AUC, and write the spec that has them.")
    .argument("<spec>", `${SPEC_HELP}; its training.maxEpochs is what the last trials get`);
  return withLogs(command, "not used: a test log has no part in a choice")
    .requiredOption(
      "--space <file>",
      'JSON (trainer/tune/search-space.schema.json): {"parameters": {"training.learningRate": {"type": "log-uniform", "low": 1e-4, "high": 1e-2}, "model.hidden": {"type": "choice", "values": [[400, 400], [200]]}}}; types: choice, uniform, log-uniform, integer',
    )
    .option("--model <name>", "the model to tune, in place of the spec's model.type")
    .option("--trials <n>", "settings to draw", positiveInteger, 27)
    .addOption(
      new Option(
        "--method <name>",
        "halving: all trials get few epochs, the best of them more, the last all (successive halving). random: each gets all",
      )
        .choices(["halving", "random"])
        .default("halving"),
    )
    .option("--eta <n>", "of halving: one in so many trials goes on, with so many times the epochs", etaOption, 3)
    .option("--min-epochs <n>", "of halving: the fewest epochs that a trial is judged by", positiveInteger, 1)
    .option(
      "--seeds <n>",
      "seeds that the last trials are trained with, to rank them by their mean",
      positiveInteger,
      1,
    )
    .option("--seed <n>", "of the draws", positiveInteger, 1)
    .option("--out <folder>", "trials.jsonl, which a search that was stopped goes on from, and best.json", "runs/tune")
    .option("--json <file>", "write the best settings and all trials as JSON")
    .addOption(backendOption())
    .action(async (path: string, options: TuneCommandOptions) => {
      const given = parseFeatureSpec(readText(path), path);
      const type = options.model && modelType(options.model, "--model");
      const spec = type ? withSettings(given, { "model.type": type }, path) : given;
      const space = parseSearchSpace(readText(options.space), options.space);
      const { trials, seeds, seed, out, backend } = options;
      const { maxEpochs } = spec.training;
      const rungs =
        options.method === "random"
          ? [{ trials, epochs: maxEpochs }]
          : rungsOf(trials, maxEpochs, options.minEpochs, options.eta);
      const last = rungs.length - 1;
      const judged = rungs.map((rung, i) => (i === last ? { ...rung, seeds } : rung));
      const logs = { ...chooseLogs(options, spec), test: null, cache: options.cache };
      const tuned = await tune(spec, space, options.space, { logs, rungs: judged, seed, folder: out, backend });
      const { $schema, ...best } = tuned.spec;
      writeWhole(join(out, "best.json"), toJson(best));
      if (options.json) writeWhole(options.json, toJson({ best: tuned.best, trials: tuned.trials }));
      const rows = tuned.trials
        .slice(0, SHOWN)
        .map(({ trial, valid, budget, settings }) => [
          `#${trial}`,
          valid.auc?.toFixed(5) ?? "–",
          valid.logloss?.toFixed(5) ?? "–",
          budget,
          settingsText(settings),
        ]);
      console.log(table(["trial", "valid AUC", "logloss", "epochs", "settings"], rows));
      console.log(JSON.stringify(best, null, 2));
      console.log(`${join(out, "best.json")}: the spec with the settings of #${tuned.best.trial}`);
    });
}

function etaOption(text: string): number {
  const eta = positiveInteger(text);
  if (eta < 2) throw new InvalidArgumentError(`got ${text}, expected at least 2`);
  return eta;
}
