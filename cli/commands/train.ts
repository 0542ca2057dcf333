import { join } from "node:path";
import { Command } from "commander";
import { parseFeatureSpec } from "../../format/spec.ts";
import { type EvaluatedLog, runReport } from "../../lab/report/run-report.ts";
import { chooseLogs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { checkLog, defaultSlices, scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { evaluatePredictions, evaluationLines } from "../../trainer/metrics/evaluation.ts";
import { table } from "../../trainer/terminal/table.ts";
import { saveRun } from "../../trainer/training/run-folder.ts";
import { recordEpochs } from "../../trainer/training/run-record.ts";
import { CHECKPOINT_MINUTES, train } from "../../trainer/training/train.ts";
import {
  backendOption,
  commaSeparated,
  type LogOptions,
  minutes,
  positiveInteger,
  readText,
  SPEC_HELP,
  withLogs,
} from "./options.ts";

interface TrainCommandOptions extends LogOptions {
  out: string;
  group?: string;
  at: number;
  slices?: string[];
  json?: string;
  resume?: boolean;
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
    .option("--at <k>", "the k of NDCG@k", positiveInteger, 10)
    .option(
      "--slices <columns>",
      "columns, separated by commas, by whose values the report shows AUC (default: the first categorical fields)",
      commaSeparated,
    )
    .option("--json <file>", "write all metrics as JSON")
    .option("--resume", "go on from the checkpoint in the folder, if there is one, to the same end")
    .option(
      "--checkpoint-every <minutes>",
      "how often to save a checkpoint; SIGINT and SIGTERM save one too",
      minutes,
      CHECKPOINT_MINUTES,
    )
    .addOption(backendOption())
    .action(trainAndReport);
}

async function trainAndReport(specPath: string, options: TrainCommandOptions): Promise<void> {
  const spec = parseFeatureSpec(readText(specPath), specPath);
  const { backend, group, at, out } = options;
  const logs = chooseLogs(options, spec);
  const slices = options.slices ?? defaultSlices(spec);
  const needed = [spec.label, ...slices, ...(group === undefined ? [] : [group])];
  for (const log of [logs.valid, logs.test]) if (log !== null) await checkLog(spec, log, needed);

  const trained = await train(spec, {
    ...logs,
    cache: options.cache,
    out,
    resume: options.resume === true,
    checkpointMinutes: options.checkpointEvery,
    onEpoch: recordEpochs(out, spec, logs.valid),
    ...(backend && { backend }),
  });
  saveRun(out, trained, logs.valid);
  trained.checkpoints?.remove();

  const evaluated: EvaluatedLog[] = [];
  for (const [name, log] of [
    ["validation", logs.valid],
    ["test", logs.test],
  ] as const) {
    if (log === null) continue;
    const heldOut = await scoreHeldOut(trained, log, options.cache, { group, slices });
    evaluated.push({ name, heldOut, evaluation: evaluatePredictions(heldOut.predictions, heldOut.groups, at) });
  }
  writeWhole(join(out, "report.html"), await runReport(trained, evaluated));
  if (options.json)
    writeWhole(options.json, toJson(Object.fromEntries(evaluated.map((log) => [log.name, log.evaluation]))));
  console.log(metricsTable(evaluated, trained.valid.epoch));
  console.log(`${out}: epoch ${trained.valid.epoch} of ${trained.epochs.length}, ${join(out, "report.html")}`);
}

function metricsTable(logs: readonly EvaluatedLog[], epoch: number): string {
  const columns = logs.map(({ evaluation }) => evaluationLines(evaluation));
  const head = logs.map(({ name }) => (name === "validation" ? `validation, epoch ${epoch}` : name));
  const rows = (columns[0] ?? []).map(([name], i) => [name, ...columns.map((lines) => lines[i]?.[1] ?? "")]);
  return table(["", ...head], rows);
}
