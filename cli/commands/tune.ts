import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { FeatureSpec } from "../../format/spec.ts";
import { trialRows, trialsHead, tuneReport } from "../../lab/report/tune-report.ts";
import { modelType } from "../../lab/sweeps/model-specs.ts";
import type { RunLogs } from "../../lab/sweeps/run.ts";
import { withSettings } from "../../lab/sweeps/settings.ts";
import { judgedBy } from "../../lab/tune/judge.ts";
import { QUICK_MIN_EPOCHS, QUICK_TRIALS, quickSpace } from "../../lab/tune/quick-space.ts";
import { type Rung, rungsOf } from "../../lab/tune/rungs.ts";
import { parseSearchSpace, type SearchSpace } from "../../lab/tune/space.ts";
import { tune } from "../../lab/tune/tune.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import type { AskedEngine } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { checkLog } from "../../trainer/evaluation/held-out.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { table } from "../../trainer/terminal/table.ts";
import {
  engineOf,
  forceOption,
  jsonOption,
  type LogFlags,
  parsePositiveInteger,
  parseSeeds,
  readSpec,
  readText,
  SPEC_HELP,
  withEngine,
  withLogs,
} from "./options.ts";

interface TuneFlags extends LogFlags, AskedEngine {
  model?: string;
  space?: string;
  quick?: boolean;
  method: "halving" | "random";
  trials?: number;
  eta: number;
  minEpochs?: number;
  seeds: number;
  seed: number;
  out: string;
  json?: string;
  force?: boolean;
}

const BEST = "best.json";
const JSON_RESULT = jsonResult("tune", "best");

/** Settings to draw, and the fewest epochs to judge a trial by, of a search that is not quick. */
const TRIALS = 27;
const MIN_EPOCHS = 1;

/** All trials are drawn before the first is trained. */
const MOST_TRIALS = 10_000;

/** How many trials are printed; trials.jsonl and the JSON have all of them. */
const SHOWN = 10;

export function defineTune(command: Command): void {
  command.argument("<spec>", `${SPEC_HELP}; its training.maxEpochs is what the last trials get`);
  withEngine(
    withLogs(command, "not used: a test log has no part in a choice")
      .option(
        "--quick",
        `search around the settings that follow from the log: ${QUICK_TRIALS} trials, the first with these settings, in ` +
          "place of --space",
      )
      .option(
        "--space <file>",
        'JSON (lab/tune/search-space.schema.json): {"parameters": {"training.learningRate": ' +
          '{"type": "log-uniform", "low": 1e-4, "high": 1e-2}, "model.hidden": {"type": "choice", ' +
          '"values": [[400, 400], [200]]}}}; types: choice, uniform, log-uniform, integer',
      )
      .option("--model <name>", "the model to tune, in place of the spec's model.type")
      .option(
        "--trials <n>",
        `settings to draw (default: ${TRIALS}; with --quick ${QUICK_TRIALS})`,
        integerWithin(1, MOST_TRIALS),
      )
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
      .option(
        "--min-epochs <n>",
        "of halving: the fewest epochs that a trial is judged by " +
          `(default: ${MIN_EPOCHS}; with --quick ${QUICK_MIN_EPOCHS})`,
        parsePositiveInteger,
      )
      .option("--seeds <n>", "seeds that the last trials are trained with, to rank them by their mean", parseSeeds, 1)
      .option("--seed <n>", "of the draws", parsePositiveInteger, 1)
      .option(
        "--out <folder>",
        "trials.jsonl, which a search that was stopped goes on from, best.json and report.html",
        "runs/tune",
      )
      .addOption(forceOption())
      .addOption(jsonOption("write the best settings and all trials as JSON", JSON_RESULT))
      .action(tuneAndReport),
  );
}

async function tuneAndReport(path: string, flags: TuneFlags): Promise<void> {
  const given = readSpec(path);
  const type = flags.model && modelType(flags.model, "--model");
  const typed = type ? withSettings(given, { "model.type": type }, path) : given;
  const { seed, out, json } = flags;
  const logs = { ...chooseLogs(flags, typed), test: null, cache: flags.cache };
  await checkLog(typed, logs.valid); // which is read after the training log
  const { spec, space, spaceName } = await searchOf(typed, flags, logs);
  const rungs = rungsOfFlags(flags, spec.training.maxEpochs);
  using _lock = new FolderLock(out);
  const request = [spec, space, rungs, seed, logs.train, logs.valid];
  const claim = claimResult(out, BEST, { what: "the result of a search", request, force: flags.force });
  const report = join(out, "report.html");
  if (!existsSync(join(out, BEST)))
    claimResult(out, "report.html", { what: "another command's report", force: flags.force });
  const own = flags.quick === true;
  const tuned = await tune(spec, space, spaceName, { logs, rungs, seed, own, folder: out, ...engineOf(flags) });
  const { $schema, ...best } = tuned.spec;
  const bestPath = join(out, BEST);
  claim();
  writeWhole(bestPath, toJson(best));
  writeWhole(report, await tuneReport(tuned, space));
  if (json) writeResult(json, toJson({ best: tuned.best, trials: tuned.trials }), JSON_RESULT);
  const judged = judgedBy(spec);
  console.log(table(trialsHead(judged), trialRows(tuned.trials.slice(0, SHOWN), judged)));
  console.log(JSON.stringify(best, null, 2));
  console.log(`${bestPath}: the spec with the settings of #${tuned.best.trial}; ${report}`);
}

/** The spec whose settings are searched, and where. A quick search is one around the settings that a training has. */
async function searchOf(
  spec: FeatureSpec,
  { space: path, quick }: TuneFlags,
  { train, cache }: RunLogs,
): Promise<{ spec: FeatureSpec; space: SearchSpace; spaceName: string }> {
  if (quick && path === undefined) {
    const { spec: resolved } = await openTrainingLog(spec, train, cache);
    return { spec: resolved, space: quickSpace(resolved), spaceName: "--quick" };
  }
  if (quick || path === undefined)
    throw new UserError(
      `got ${quick ? "both --quick and --space" : "neither --quick nor --space"}, expected one of them`,
    );
  return { spec, space: parseSearchSpace(readText(path), path), spaceName: path };
}

function rungsOfFlags(flags: TuneFlags, maxEpochs: number): Rung[] {
  const { method, quick, eta, seeds } = flags;
  const { trials = quick ? QUICK_TRIALS : TRIALS, minEpochs = quick ? QUICK_MIN_EPOCHS : MIN_EPOCHS } = flags;
  const rungs = method === "random" ? [{ trials, epochs: maxEpochs }] : rungsOf(trials, maxEpochs, minEpochs, eta);
  return rungs.map((rung, i) => (i === rungs.length - 1 ? { ...rung, seeds } : rung));
}

function parseEta(text: string): number {
  const eta = parsePositiveInteger(text);
  if (eta < 2) throw new InvalidArgumentError(`got ${text}, expected at least 2`);
  return eta;
}
