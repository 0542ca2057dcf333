import { join } from "node:path";
import { type Command, Option } from "commander";
import { DECILE_HEAD, decileRows } from "../../lab/report/decile-table.ts";
import { type EvaluatedLog, evaluateLog, evaluationData, evaluationRows } from "../../lab/report/evaluated-log.ts";
import { importanceTable, importanceText } from "../../lab/report/importance-report.ts";
import { runReport } from "../../lab/report/run-report.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import type { AskedEngine } from "../../trainer/engine/engines.ts";
import { checkLog, defaultSlices, scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { DEFAULT_REPEATS, type Importance, isCheap, measureImportance } from "../../trainer/evaluation/importance.ts";
import { evaluateInBatch } from "../../trainer/evaluation/in-batch.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { jsonResult, type ResultKind, writeResult } from "../../trainer/io/result-file.ts";
import { warnIfWorseThanRate } from "../../trainer/model/divergence.ts";
import { PROFILE_HEAD, profileRows } from "../../trainer/profile/profile-table.ts";
import { saveProfile } from "../../trainer/profile/saved-profile.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { table } from "../../trainer/terminal/table.ts";
import { hasCheckpoint } from "../../trainer/training/checkpoint.ts";
import { MODEL_FILE, saveRun } from "../../trainer/training/run-folder.ts";
import { EVALUATION_FILE, REPORT_FILE, recordEpochs } from "../../trainer/training/run-record.ts";
import { CHECKPOINT_MINUTES, train } from "../../trainer/training/train.ts";
import {
  engineOf,
  forceOption,
  jsonOption,
  type LogFlags,
  parseHashKey,
  parseList,
  parseMinutes,
  parsePositiveInteger,
  readSpec,
  SPEC_HELP,
  withEngine,
  withLogs,
} from "./options.ts";

interface TrainFlags extends LogFlags, AskedEngine {
  out: string;
  group?: string;
  at: number;
  slices?: string[];
  /** How often each column's values are exchanged; false for never. */
  importance?: number | false;
  json?: string;
  hashKey?: string;
  resume?: boolean;
  force?: boolean;
  checkpointEvery: number;
}

/** The run's own file of them is none to write others into. */
const JSON_RESULT: ResultKind = { ...jsonResult("train", "validation"), ownedAs: [EVALUATION_FILE, MODEL_FILE] };

/** How many columns are printed with their importance; the report and the JSON have all of them. */
const SHOWN_COLUMNS = 20;

/** More repeats make the intervals hardly narrower than the log itself lets them be. */
const MAX_REPEATS = 100;

export function defineTrain(command: Command): void {
  command.argument("<spec>", SPEC_HELP);
  withEngine(
    withLogs(command, "a log to report the final model on")
      .requiredOption("--out <folder>", "where to save the model, run.json, metrics.jsonl and report.html")
      .option("--group <column>", "the column that GAUC and NDCG group records by, such as a user's or a request's id")
      .option("--at <k>", "the k of NDCG@k", parsePositiveInteger, 10)
      .option(
        "--slices <columns>",
        "columns, separated by commas, by whose values the report shows AUC (default: the first categorical fields)",
        parseList,
      )
      .addOption(
        new Option(
          "--importance [repeats]",
          "measure what the model loses on the validation log without each column, whose values are exchanged so many " +
            `times (${DEFAULT_REPEATS}); without this option it is measured where that takes seconds`,
        )
          .argParser(integerWithin(2, MAX_REPEATS))
          .preset(String(DEFAULT_REPEATS)),
      )
      .option("--no-importance", "do not measure it")
      .addOption(jsonOption("write all metrics as JSON", JSON_RESULT))
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
      .action(trainAndReport),
  );
}

async function trainAndReport(specPath: string, flags: TrainFlags): Promise<void> {
  // 1. What is needed after hours of training is checked before.
  const spec = readSpec(specPath);
  const { group, at, out, cache, hashKey } = flags;
  const logs = chooseLogs(flags, spec);
  const slices = flags.slices ?? defaultSlices(spec);
  const needed = [...slices, ...(group === undefined ? [] : [group])];
  for (const log of [logs.valid, logs.test]) if (log !== null) await checkLog(spec, log, needed);

  // 2. Training, which alone writes into its folder.
  using _lock = new FolderLock(out);
  const resumes = flags.resume === true && hasCheckpoint(out);
  const force = flags.force === true || resumes;
  claimResult(out, MODEL_FILE, { what: "a finished run", force });
  claimResult(out, REPORT_FILE, { what: "another command's report", force });
  const trained = await train(spec, {
    ...logs,
    cache,
    out,
    resume: flags.resume === true,
    checkpointMinutes: flags.checkpointEvery,
    onEpoch: recordEpochs(out, logs.valid),
    ...engineOf(flags),
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
    const inBatch = await evaluateInBatch(trained, heldOut, logs.train, log, cache);
    evaluated.push(evaluateLog(name, heldOut, at, inBatch));
  }
  const validSource = await openHeldOutLog(spec, trained, logs.valid, cache);
  // Scores that are no probabilities are not compared between contexts: there is nothing that a column could take away.
  const measurable = spec.training.loss === "logistic";
  const wanted = measurable && (flags.importance ?? (isCheap(trained, validSource) && DEFAULT_REPEATS));
  const importance = wanted ? await measureImportance(trained, validSource, { repeats: wanted }) : null;
  const report = join(out, REPORT_FILE);
  writeWhole(report, await runReport({ model: trained, logs: evaluated, importance }));
  const data = toJson(evaluationData(evaluated, importance));
  writeWhole(join(out, EVALUATION_FILE), data);
  if (flags.json) writeResult(flags.json, data, JSON_RESULT);

  console.log(table(PROFILE_HEAD, profileRows(trained.profile)));
  const { epoch } = trained.valid;
  printTables(evaluated, importance, epoch);
  const { monitor, loss } = spec.training;
  const judge = loss === "logistic" ? monitor : `the ${loss} loss`;
  console.log(`${out}: epoch ${epoch} of ${trained.epochs.length}, the best by ${judge}; ${report}`);
  // Last, where it is seen. By the in-batch loss a model does not learn to say probabilities.
  if (loss === "logistic")
    for (const { heldOut, evaluation } of evaluated)
      warnIfWorseThanRate(heldOut.path, spec, evaluation.logloss, evaluation.clickRate);
}

function printTables(logs: readonly EvaluatedLog[], importance: Importance | null, epoch: number): void {
  const head = logs.map(({ name }) => (name === "validation" ? `validation, epoch ${epoch}` : name));
  console.log(table(["", ...head], evaluationRows(logs)));
  const last = logs.at(-1);
  if (last && last.deciles.length > 0)
    console.log(table([`${last.name}: ${DECILE_HEAD[0]}`, ...DECILE_HEAD.slice(1)], decileRows(last.deciles)));
  if (!importance) return;
  const { head: columns, rows } = importanceTable(importance);
  console.log(table(columns, rows.slice(0, SHOWN_COLUMNS)));
  console.log(importanceText(importance, "validation"));
}
