import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { trialRows, trialsHead, tuneReport } from "../../lab/report/tune-report.ts";
import { modelType } from "../../lab/sweeps/model-specs.ts";
import { withSettings } from "../../lab/sweeps/settings.ts";
import { judgedBy } from "../../lab/tune/judge.ts";
import { type Rung, rungsOf } from "../../lab/tune/rungs.ts";
import { parseSearchSpace } from "../../lab/tune/space.ts";
import { tune } from "../../lab/tune/tune.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { table } from "../../trainer/terminal/table.ts";
import {
  backendOption,
  forceOption,
  jsonOption,
  type LogFlags,
  parsePositiveInteger,
  readSpec,
  readText,
  SPEC_HELP,
  withLogs,
} from "./options.ts";

interface TuneFlags extends LogFlags {
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
  force?: boolean;
  backend?: Backend;
}

const BEST = "best.json";

/** How many trials are printed; trials.jsonl and the JSON have all of them. */
const SHOWN = 10;

export function tuneCommand(): Command {
  const command = new Command("tune")
    .description(
      "Search for the settings that are best on the validation log, by what the spec's training.monitor names, and " +
        "write the spec that has them.",
    )
    .argument("<spec>", `${SPEC_HELP}; its training.maxEpochs is what the last trials get`);
  return withLogs(command, "not used: a test log has no part in a choice")
    .requiredOption(
      "--space <file>",
      'JSON (lab/tune/search-space.schema.json): {"parameters": {"training.learningRate": ' +
        '{"type": "log-uniform", "low": 1e-4, "high": 1e-2}, "model.hidden": {"type": "choice", ' +
        '"values": [[400, 400], [200]]}}}; types: choice, uniform, log-uniform, integer',
    )
    .option("--model <name>", "the model to tune, in place of the spec's model.type")
    .option("--trials <n>", "settings to draw", parsePositiveInteger, 27)
    .addOption(
      new Option(
        "--method <name>",
        "halving: all trials get few epochs, the best of them more, the last all (successive halving). " +
          "random: each gets all",
      )
        .choices(["halving", "random"])
        .default("halving"),
    )
    .option("--eta <n>", "of halving: one in so many trials goes on, with so many times the epochs", parseEta, 3)
    .option("--min-epochs <n>", "of halving: the fewest epochs that a trial is judged by", parsePositiveInteger, 1)
    .option(
      "--seeds <n>",
      "seeds that the last trials are trained with, to rank them by their mean",
      parsePositiveInteger,
      1,
    )
    .option("--seed <n>", "of the draws", parsePositiveInteger, 1)
    .option(
      "--out <folder>",
      "trials.jsonl, which a search that was stopped goes on from, best.json and report.html",
      "runs/tune",
    )
    .addOption(forceOption())
    .addOption(jsonOption("write the best settings and all trials as JSON"))
    .addOption(backendOption())
    .action(tuneAndReport);
}

async function tuneAndReport(path: string, flags: TuneFlags): Promise<void> {
  const given = readSpec(path);
  const type = flags.model && modelType(flags.model, "--model");
  const spec = type ? withSettings(given, { "model.type": type }, path) : given;
  const space = parseSearchSpace(readText(flags.space), flags.space);
  const { seed, out, backend, json } = flags;
  const logs = { ...chooseLogs(flags, spec), test: null, cache: flags.cache };
  const rungs = rungsOfFlags(flags, spec.training.maxEpochs);
  using _lock = new FolderLock(out);
  const request = [spec, space, rungs, seed, logs.train, logs.valid];
  claimResult(out, BEST, { what: "the result of a search", request, force: flags.force });
  const tuned = await tune(spec, space, flags.space, { logs, rungs, seed, folder: out, backend });
  const { $schema, ...best } = tuned.spec;
  const bestPath = join(out, BEST);
  writeWhole(bestPath, toJson(best));
  if (json) writeWhole(json, toJson({ best: tuned.best, trials: tuned.trials }));
  const report = join(out, "report.html");
  writeWhole(report, await tuneReport(tuned, space));
  const judged = judgedBy(spec);
  console.log(table(trialsHead(judged), trialRows(tuned.trials.slice(0, SHOWN), judged)));
  console.log(JSON.stringify(best, null, 2));
  console.log(`${bestPath}: the spec with the settings of #${tuned.best.trial}; ${report}`);
}

function rungsOfFlags({ method, trials, minEpochs, eta, seeds }: TuneFlags, maxEpochs: number): Rung[] {
  const rungs = method === "random" ? [{ trials, epochs: maxEpochs }] : rungsOf(trials, maxEpochs, minEpochs, eta);
  return rungs.map((rung, i) => (i === rungs.length - 1 ? { ...rung, seeds } : rung));
}

function parseEta(text: string): number {
  const eta = parsePositiveInteger(text);
  if (eta < 2) throw new InvalidArgumentError(`got ${text}, expected at least 2`);
  return eta;
}
