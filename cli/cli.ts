#!/usr/bin/env node
import { join } from "node:path";
import { Command, Option } from "commander";
import { evaluate } from "../deploy/evaluate.ts";
import { publish } from "../deploy/publish.ts";
import { FormatError } from "../format/errors.ts";
import { readManifest } from "../format/read-blob.ts";
import { parseFeatureSpec } from "../format/spec.ts";
import { readHeldOutLog } from "../trainer/data/dataset.ts";
import { generateLog } from "../trainer/data/generate.ts";
import { type LogPart, openPart } from "../trainer/data/logs.ts";
import { someRecords } from "../trainer/data/raw-record.ts";
import { openLog } from "../trainer/data/read.ts";
import { startBackend } from "../trainer/engine/backend.ts";
import { CALIBRATION_RECORDS, loadExport, saveExport } from "../trainer/export/export.ts";
import { addCatalogue, catalogueText, openCatalogue } from "../trainer/export/items.ts";
import { exportMeasured } from "../trainer/export/measured-export.ts";
import { QUANTIZATIONS, type Quantization } from "../trainer/export/quantization.ts";
import { checkLimits, chosenOf, reportTable } from "../trainer/export/report.ts";
import { GOLDEN_RECORDS, sealExport } from "../trainer/export/seal.ts";
import { toJson } from "../trainer/io/files.ts";
import { VERSION } from "../trainer/io/project.ts";
import type { Metrics } from "../trainer/metrics/metrics.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { Interrupted } from "../trainer/training/checkpoint.ts";
import { loadRun } from "../trainer/training/run-folder.ts";
import { runRecord } from "../trainer/training/run-record.ts";
import { compareCommand } from "./commands/compare.ts";
import { inspectCommand } from "./commands/inspect.ts";
import {
  backendOption,
  type LimitOptions,
  LOG_HELP,
  limitsOf,
  positiveInteger,
  readText,
  withLimits,
} from "./commands/options.ts";
import { recipeCommand } from "./commands/recipe.ts";
import { retrieveCommand } from "./commands/retrieve.ts";
import { keygenCommand, signCommand } from "./commands/sign.ts";
import { type StartOptions, start } from "./commands/start.ts";
import { studyCommand } from "./commands/study.ts";
import { trainCommand } from "./commands/train.ts";
import { tuneCommand } from "./commands/tune.ts";

const program = new Command("deepfm-edge")
  .description("Click-through-rate models trained in TypeScript and served inside the CDN.")
  .version(VERSION)
  .showHelpAfterError("(--help on each command says what it needs)");

const quantizeOption = (): Option =>
  new Option("--quantize <type>", "how rows are stored; dense layers are int8, with f32 rows f32")
    .choices(QUANTIZATIONS)
    .default("int8");

program
  .command("generate")
  .description("Write a click log with planted effects and a known best AUC: train.csv, valid.csv, test.csv.")
  .argument("<folder>", "where to write them")
  .option("--rows <n>", "rows in all three together", positiveInteger, 600_000)
  .option("--seed <n>", "the same seed gives the same files", positiveInteger, 7)
  .action(async (folder: string, { rows, seed }: { rows: number; seed: number }) => {
    const task = startTask("generate", rows, "rows");
    const { best } = await generateLog(folder, rows, seed, task);
    task.done();
    console.log(metricsTable([["best possible", best]]));
  });

program.addCommand(recipeCommand());
program.addCommand(trainCommand());
program.addCommand(compareCommand());
program.addCommand(studyCommand());
program.addCommand(retrieveCommand());
program.addCommand(tuneCommand());

interface ExportCommandOptions extends LimitOptions {
  records?: string[];
  calibrate?: string[];
  items?: string[];
  itemId?: string;
  out?: string;
  quantize: Quantization;
}

const exportCommand = program
  .command("export")
  .description(
    "Turn a trained model into a blob and pages of rows, and check the kernel's scores against the trainer's.",
  )
  .argument("<run>", "the folder that `train` saved")
  .option("--records <path...>", "held-out log to measure losses on (default: the run's validation log)")
  .option("--calibrate <path...>", "log to fit the quantized layers on (default: the run's validation log)")
  .option("--items <path...>", "catalogue of items, whose share of a score is then computed here; with --item-id")
  .option("--item-id <field>", "the field whose values name the items")
  .option("--out <folder>", "where to write (default: <run>/export)")
  .addOption(quantizeOption());
withLimits(exportCommand).action(async (runFolder: string, options: ExportCommandOptions) => {
  const { items, itemId } = options;
  if ((items === undefined) !== (itemId === undefined)) throw new Error("--items and --item-id go together");
  await startBackend();
  const run = loadRun(runFolder);
  const partOf = (paths: string[] | undefined): LogPart => (paths ? { paths } : run.validLog);
  const task = startTask("calibrate", null, "records");
  const { fitted, vocabulary } = run;
  const calibrationLog = await openPart(run.spec, partOf(options.calibrate));
  const calibration = await readHeldOutLog(calibrationLog, fitted, vocabulary, task, CALIBRATION_RECORDS);
  task.done();
  const log = await openPart(run.spec, partOf(options.records));
  const { draft, report } = await exportMeasured(run, {
    quantization: options.quantize,
    limits: limitsOf(options),
    ...{ calibration, log },
  });
  console.log(reportTable(report));
  if (!options.force) checkLimits(run.spec.name, report);
  const golden = await someRecords(log, fitted.fields, GOLDEN_RECORDS);
  const catalogue =
    items && itemId ? await addCatalogue(draft, itemId, await openCatalogue(run.spec, items), golden) : null;
  const exported = await sealExport(
    catalogue?.draft ?? draft,
    {
      provenance: runRecord(run.spec, run.trainedOn),
      quantization: report,
      ...(catalogue && { items: catalogue.report }),
    },
    golden,
  );
  const folder = options.out ?? join(runFolder, "export");
  saveExport(folder, exported);
  const { bytes } = chosenOf(report);
  if (catalogue) console.log(catalogueText(catalogue.report));
  console.log(
    `${folder}: blob ${bytesText(exported.blob.length)}, ${exported.pages.length} pages of ${bytesText(bytes.pages)}, as ${options.quantize}`,
  );
});

program.addCommand(inspectCommand());
program.addCommand(keygenCommand());
program.addCommand(signCommand());

program
  .command("publish")
  .description("Put an exported model into Workers KV; the pointer that makes it serve comes last.")
  .argument("<export>", "the folder that `export` wrote")
  .option("--remote", "into your account's namespace (default: the local one of `npm run dev`)")
  .option("--persist-to <folder>", "another local folder than .wrangler/state")
  .action(async (folder: string, { remote, persistTo }: { remote?: boolean; persistTo?: string }) => {
    const exported = await loadExport(folder);
    await publish(exported, remote ? { remote: true } : { remote: false, ...(persistTo && { persistTo }) });
    console.log(`published ${exported.model}@${exported.version}`);
  });

program
  .command("evaluate")
  .description("Score a labelled log over HTTP and report AUC, logloss and speed.")
  .argument("<url>", "the Worker's address")
  .requiredOption("--export <folder>", "the folder that `export` wrote, for the model's fields")
  .requiredOption("--test <path...>", LOG_HELP)
  .option("--spec <file>", "the feature spec, where its data block makes columns or chooses rows")
  .option("--json", "print the result as JSON")
  .action(async (url: string, options: { export: string; test: string[]; spec?: string; json?: boolean }) => {
    const { spec } = readManifest((await loadExport(options.export)).blob);
    const full = options.spec === undefined ? null : parseFeatureSpec(readText(options.spec), options.spec);
    const log = full ? await openPart(full, { paths: options.test }) : await openLog(options.test);
    const result = await evaluate(new URL(url), log, spec);
    if (options.json) return void process.stdout.write(toJson(result));
    console.log(metricsTable([["over HTTP", result]]));
    console.log(
      `${Math.round(result.recordsPerSecond)} records/s, ${result.kvKeysPerRequest.toFixed(2)} KV keys/request`,
    );
  });

const startCommand = program
  .command("start")
  .description("The whole path: log, training, export, KV, Worker, and the test split scored over HTTP.")
  .option("--spec <file>", "feature spec of your own data; with --data, or --train, --valid and --test")
  .option("--data <path...>", "one log, which the spec's data.split divides into three")
  .option("--train <path...>", LOG_HELP)
  .option("--valid <path...>", "the log that decides when to stop")
  .option("--test <path...>", "the log to score over HTTP")
  .option("--out <folder>", "where everything is written", "runs/start")
  .option("--rows <n>", "rows of the generated log", positiveInteger, 600_000)
  .option("--seed <n>", "seed of the generated log", positiveInteger, 7)
  .option("--port <n>", "the Worker's port (default: a free one)", positiveInteger, 0)
  .option("--json <file>", "write the final table as JSON")
  .option("--cache <folder>", "where encoded logs are kept (default: <out>/cache)")
  .option("--exit", "stop the server at the end, in a terminal too")
  .addOption(quantizeOption())
  .addOption(backendOption());
withLimits(startCommand).action((options: StartOptions & LimitOptions) =>
  start({ ...options, limits: limitsOf(options) }),
);

function metricsTable(lines: readonly [string, Metrics][]): string {
  return table(
    ["", "AUC", "logloss"],
    lines.map(([name, { auc, logloss }]) => [name, auc.toFixed(5), logloss.toFixed(5)]),
  );
}

try {
  await program.parseAsync();
} catch (error) {
  // What the user can act on is one line; anything else is a defect, and its stack says where.
  const expected =
    error instanceof FormatError ||
    error instanceof Interrupted ||
    (error instanceof Error && error.constructor === Error);
  console.error(expected ? `error: ${(error as Error).message}` : error);
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
}
