import { join } from "node:path";
import { Command } from "commander";
import { parseFeatureSpec } from "../../format/spec.ts";
import type { Backend } from "../backend.ts";
import { toJson, writeWhole } from "../files.ts";
import { checkLog, defaultSlices, predictLog } from "../held-out.ts";
import { evaluatePredictions, evaluationLines } from "../metrics/evaluation.ts";
import { type EvaluatedLog, runReport } from "../report/run-report.ts";
import { saveRun } from "../run-folder.ts";
import { recordEpochs } from "../run-record.ts";
import { table } from "../table.ts";
import { train } from "../train.ts";
import { backendOption, commaSeparated, LOG_HELP, positiveInteger, readText, SPEC_HELP } from "./options.ts";

interface TrainCommandOptions {
  train: string;
  valid: string;
  test?: string;
  out: string;
  group?: string;
  at: number;
  slices?: string[];
  json?: string;
  backend?: Backend;
}

export function trainCommand(): Command {
  return new Command("train")
    .description("Train a model on a click log and save it, with the weights of the best epoch on the validation log.")
    .argument("<spec>", SPEC_HELP)
    .requiredOption("--train <file>", LOG_HELP)
    .requiredOption("--valid <file>", "the log that decides when to stop")
    .option("--test <file>", "a log to report the final model on")
    .requiredOption("--out <folder>", "where to save the model, run.json, metrics.jsonl and report.html")
    .option("--group <column>", "the column that GAUC and NDCG group records by, such as a user's or a request's id")
    .option("--at <k>", "the k of NDCG@k", positiveInteger, 10)
    .option(
      "--slices <columns>",
      "columns, separated by commas, by whose values the report shows AUC (default: the first categorical fields)",
      commaSeparated,
    )
    .option("--json <file>", "write all metrics as JSON")
    .addOption(backendOption())
    .action(trainAndReport);
}

async function trainAndReport(specPath: string, options: TrainCommandOptions): Promise<void> {
  const spec = parseFeatureSpec(readText(specPath), specPath);
  const { backend, group, at, out } = options;
  const slices = options.slices ?? defaultSlices(spec);
  const needed = [spec.label, ...slices, ...(group === undefined ? [] : [group])];
  for (const path of [options.valid, options.test]) if (path !== undefined) await checkLog(path, needed);

  const trained = await train(spec, {
    trainPath: options.train,
    validPath: options.valid,
    onEpoch: recordEpochs(out, spec, options.valid),
    ...(backend && { backend }),
  });
  saveRun(out, trained, options.valid);

  const logs: EvaluatedLog[] = [];
  for (const [name, path] of [
    ["validation", options.valid],
    ["test", options.test],
  ] as const) {
    if (path === undefined) continue;
    const heldOut = await predictLog(trained, path, { group, slices });
    logs.push({ name, heldOut, evaluation: evaluatePredictions(heldOut.predictions, heldOut.groups, at) });
  }
  writeWhole(join(out, "report.html"), await runReport(trained, logs));
  if (options.json) writeWhole(options.json, toJson(Object.fromEntries(logs.map((log) => [log.name, log.evaluation]))));
  console.log(metricsTable(logs, trained.valid.epoch));
  console.log(`${out}: epoch ${trained.valid.epoch} of ${trained.epochs.length}, ${join(out, "report.html")}`);
}

function metricsTable(logs: readonly EvaluatedLog[], epoch: number): string {
  const columns = logs.map(({ evaluation }) => evaluationLines(evaluation));
  const head = logs.map(({ name }) => (name === "validation" ? `validation, epoch ${epoch}` : name));
  const rows = (columns[0] ?? []).map(([name], i) => [name, ...columns.map((lines) => lines[i]?.[1] ?? "")]);
  return table(["", ...head], rows);
}
