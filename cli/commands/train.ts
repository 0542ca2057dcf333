import { join } from "node:path";
import { Command } from "commander";
import { type EvaluatedLog, evaluationRows } from "../../lab/report/evaluated-log.ts";
import { runReport } from "../../lab/report/run-report.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { checkLog, defaultSlices, scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { evaluateInBatch } from "../../trainer/evaluation/in-batch.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { evaluatePredictions } from "../../trainer/metrics/evaluation.ts";
import { warnIfWorseThanRate } from "../../trainer/model/divergence.ts";
import { PROFILE_HEAD, profileRows } from "../../trainer/profile/profile-table.ts";
import { saveProfile } from "../../trainer/profile/saved-profile.ts";
import { table } from "../../trainer/terminal/table.ts";
import { hasCheckpoint } from "../../trainer/training/checkpoint.ts";
import { MODEL_FILE, saveRun } from "../../trainer/training/run-folder.ts";
import { recordEpochs } from "../../trainer/training/run-record.ts";
import { CHECKPOINT_MINUTES, train } from "../../trainer/training/train.ts";
import {
  backendOption,
  forceOption,
  jsonOption,
  type LogFlags,
  parseHashKey,
  parseList,
  parseMinutes,
  parsePositiveInteger,
  readSpec,
  SPEC_HELP,
  withLogs,
} from "./options.ts";

interface TrainFlags extends LogFlags {
  out: string;
  group?: string;
  at: number;
  slices?: string[];
  json?: string;
  hashKey?: string;
  resume?: boolean;
  force?: boolean;
  checkpointEvery: number;
  backend?: Backend;
}

export function trainCommand(): Command {
  const command = new Command("train")
    .description("Train a model on a click log and save it, with the weights of the best epoch on the validation log.")
    .argument("<spec>", SPEC_HELP);
  return withLogs(command, "a log to report the final model on")
    .requiredOption("--out <folder>", "where to save the model, run.json, metrics.jsonl and report.html")
    .option("--group <column>", "the column that GAUC and NDCG group records by, such as a user's or a request's id")
    .option("--at <k>", "the k of NDCG@k", parsePositiveInteger, 10)
    .option(
      "--slices <columns>",
      "columns, separated by commas, by whose values the report shows AUC (default: the first categorical fields)",
      parseList,
    )
    .addOption(jsonOption("write all metrics as JSON"))
    .option(
      "--hash-key <hex>",
      "what row keys are hashed with, as another run's folder has it in hash-key (default: the cache's)",
      parseHashKey,
    )
    .addOption(forceOption())
    .option("--resume", "go on from the checkpoint in the folder, if there is one, to the same end")
    .option(
      "--checkpoint-every <minutes>",
      "how often to save a checkpoint; SIGINT and SIGTERM save one too",
      parseMinutes,
      CHECKPOINT_MINUTES,
    )
    .addOption(backendOption())
    .action(trainAndReport);
}

async function trainAndReport(specPath: string, flags: TrainFlags): Promise<void> {
  // 1. What is needed after hours of training is checked before.
  const spec = readSpec(specPath);
  const { backend, group, at, out, cache, hashKey } = flags;
  const logs = chooseLogs(flags, spec);
  const slices = flags.slices ?? defaultSlices(spec);
  const needed = [spec.label, ...slices, ...(group === undefined ? [] : [group])];
  for (const log of [logs.valid, logs.test]) if (log !== null) await checkLog(spec, log, needed);

  // 2. Training, which alone writes into its folder.
  using _lock = new FolderLock(out);
  const resumes = flags.resume === true && hasCheckpoint(out);
  claimResult(out, MODEL_FILE, { what: "a finished run", force: flags.force === true || resumes });
  const trained = await train(spec, {
    ...logs,
    cache,
    out,
    resume: flags.resume === true,
    checkpointMinutes: flags.checkpointEvery,
    onEpoch: recordEpochs(out, spec, logs.valid),
    ...(backend && { backend }),
    ...(hashKey && { hashKey }),
  });
  saveRun(out, trained, logs.valid);
  saveProfile(out, trained.profile);
  trained.checkpoints?.remove();

  // 3. The metrics on the held-out logs, and the report.
  const evaluated: EvaluatedLog[] = [];
  for (const [name, log] of [
    ["validation", logs.valid],
    ["test", logs.test],
  ] as const) {
    if (log === null) continue;
    const heldOut = await scoreHeldOut(trained, log, cache, { group, slices });
    const evaluation = evaluatePredictions(
      heldOut.predictions,
      heldOut.groups,
      at,
      await evaluateInBatch(trained, heldOut, logs.train, log, cache),
    );
    evaluated.push({ name, heldOut, evaluation });
  }
  const report = join(out, "report.html");
  writeWhole(report, await runReport(trained, evaluated));
  if (flags.json)
    writeWhole(flags.json, toJson(Object.fromEntries(evaluated.map((log) => [log.name, log.evaluation]))));
  console.log(table(PROFILE_HEAD, profileRows(trained.profile)));
  const { epoch } = trained.valid;
  const head = evaluated.map(({ name }) => (name === "validation" ? `validation, epoch ${epoch}` : name));
  console.log(table(["", ...head], evaluationRows(evaluated)));
  const { monitor, loss } = spec.training;
  const judge = loss === "logistic" ? monitor : `the ${loss} loss`;
  console.log(`${out}: epoch ${epoch} of ${trained.epochs.length}, the best by ${judge}; ${report}`);
  // Last, where it is seen. By the in-batch loss a model does not learn to say probabilities.
  if (spec.training.loss === "logistic")
    for (const { heldOut, evaluation } of evaluated)
      warnIfWorseThanRate(heldOut.path, spec, evaluation.logloss, evaluation.clickRate);
}
