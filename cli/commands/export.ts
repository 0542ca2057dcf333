import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { checkFolder } from "../../deploy/local-bindings.ts";
import { makePlan } from "../../deploy/plan/plan.ts";
import { shortPlanText } from "../../deploy/plan/plan-text.ts";
import { counted } from "../../format/counted.ts";
import { exportReport } from "../../lab/report/quantization-report.ts";
import { DEFAULT_ROW_KEYS_PER_REQUEST } from "../../runtime/rows/row-keys.ts";
import type { ClickLog } from "../../trainer/data/click-log.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { type LogPart, namedLater, openPart, recordsText, scoredPart } from "../../trainer/data/logs.ts";
import type { Part } from "../../trainer/data/split.ts";
import { DEFAULT_CACHE } from "../../trainer/data/training-log.ts";
import { type AskedEngine, startEngineOfRun } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { checkLog } from "../../trainer/evaluation/held-out.ts";
import { calibrationText } from "../../trainer/export/calibration-evidence.ts";
import { EXPORT_FILE, EXPORT_REPORT_FILE, openExport } from "../../trainer/export/export.ts";
import { exportRun } from "../../trainer/export/export-run.ts";
import { filterText } from "../../trainer/export/filter.ts";
import { catalogueText, openCatalogue } from "../../trainer/export/items.ts";
import type { Quantization } from "../../trainer/export/quantization.ts";
import { chosenOf, reportTable } from "../../trainer/export/report.ts";
import { noUpdateText, updateText } from "../../trainer/export/update.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { DEFAULT_CACHE_BYTES, MIN_RECORDS, planOfTrained, recordsOfLog } from "../../trainer/plan/planned-model.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { bytesText } from "../../trainer/terminal/table.ts";
import { loadRun, MODEL_FILE, type SavedRun } from "../../trainer/training/run-folder.ts";
import { engineOf, type LimitFlags, limitsOf, partOption, quantizeOption, withEngine, withLimits } from "./options.ts";

/** More bits a row let hardly fewer unseen values through: 16 let through 0.13 %. */
const MAX_FILTER_BITS = 32;

interface ExportFlags extends LimitFlags, AskedEngine {
  records?: string[];
  part?: Part | "all";
  calibrate?: string[];
  items?: string[];
  itemId?: string;
  cache: string;
  out?: string;
  quantize: Quantization;
  filterBits?: number;
  update?: string;
}

export function defineExport(command: Command): void {
  command
    .argument("<run>", "the folder that `train` saved")
    .option("--records <path...>", "held-out log to measure losses on (default: the run's validation log)")
    .addOption(
      partOption(
        "which part of the log to measure losses on, where data.split divides it: of --records, or else of the log " +
          "that the run divided (default: the one for validation)",
      ),
    )
    .option("--calibrate <path...>", "log to fit the quantized layers on (default: the run's validation log)")
    .option("--items <path...>", "catalogue of items, whose share of a score is then computed here; with --item-id")
    .option("--item-id <field>", "the field whose values name the items")
    .option(
      "--filter-bits <n>",
      "bits a row in a page has in the blob's filter of these rows, up to 32; 0 for no filter (default: 12, or as many " +
        "as keep it within 4 MiB)",
      integerWithin(0, MAX_FILTER_BITS),
    )
    .option(
      "--update <export>",
      "folder of the export that is published now: keep its pages, and put changed rows into the blob, within the " +
        "spec's rows.deltaBytes",
    )
    .option("--cache <folder>", "where encoded logs are kept", DEFAULT_CACHE)
    .option("--out <folder>", "where to write (default: <run>/export)")
    .addOption(quantizeOption());
  withLimits(withEngine(command, true)).action(exportSavedRun);
}

async function exportSavedRun(runFolder: string, flags: ExportFlags): Promise<void> {
  const { items, itemId, quantize: quantization, force } = flags;
  if ((items === undefined) !== (itemId === undefined)) throw new UserError("--items and --item-id go together");
  const folder = flags.out ?? join(runFolder, "export");
  const run = loadRun(runFolder, engineOf(flags));
  const base = flags.update === undefined ? undefined : await openExport(flags.update);
  checkFolder(folder, "exported model");
  if (existsSync(join(folder, MODEL_FILE)))
    throw new UserError(
      `${folder}: got a run's folder, whose ${EXPORT_REPORT_FILE} would be lost, expected another one`,
    );
  const claim = claimResult(folder, EXPORT_FILE, { what: "an exported model", force });
  await startEngineOfRun(run.record, engineOf(flags));
  const partOf = (paths: string[] | undefined): LogPart =>
    paths ? namedLater(run.spec, run.findValidLog, paths, "valid") : run.findValidLog();
  const measured = flags.part ? askedPart(run, flags.part, flags.records) : partOf(flags.records);
  await checkLog(run.spec, measured); // which is read after the log that layers are fitted on
  await using heldOutLog = await openPart(run.spec, measured);
  await using itemLog = items ? await openCatalogue(run.spec, items) : null;
  const { exported, report, filter, update, catalogue, calibration } = await exportRun(run, {
    folder,
    quantization,
    filterBits: flags.filterBits,
    base,
    limits: limitsOf(flags),
    force,
    calibrationLog: await openHeldOutLog(run.spec, run, partOf(flags.calibrate), flags.cache),
    heldOutLog,
    catalogue: itemLog && itemId ? { log: itemLog, itemId } : undefined,
    trainedWith: run.record,
    claim,
    pageOf: ({ model, version }, losses) => exportReport(model, version, losses),
    onReport: (losses) => console.log(`${reportTable(losses)}\n${recordsText(chosenOf(losses).records, measured)}`),
  });
  if (calibration) console.log(calibrationText(calibration));
  if (catalogue) console.log(catalogueText(catalogue));
  console.log(filterText(filter));
  if (update) console.log("rows" in update ? updateText(update) : noUpdateText(update));
  const blob = bytesText(exported.blob.length);
  const pages = `${counted(exported.pages.length, "page")} of ${bytesText(chosenOf(report).bytes.pages)}`;
  if (exported.pages.length > 0 && chosenOf(report).records >= MIN_RECORDS)
    console.log(await planLines(run, heldOutLog, flags));
  console.log(`${folder}: blob ${blob}, ${pages}, as ${quantization}; ${join(folder, EXPORT_REPORT_FILE)}`);
}

/** What requests will read and cost, by the first records of the log that losses are measured on. */
async function planLines(run: SavedRun, log: ClickLog, { quantize, filterBits }: ExportFlags): Promise<string> {
  const { model, sizes, fitted } = planOfTrained(run, quantize, filterBits);
  const records = await recordsOfLog(log, fitted, run.vocabulary, SHORT_PLAN.records);
  const limits = { cacheBytes: DEFAULT_CACHE_BYTES, keysPerRequest: DEFAULT_ROW_KEYS_PER_REQUEST };
  return shortPlanText(makePlan({ ...model, limits }, records, { ...sizes, ...SHORT_PLAN }));
}

/** Two heads, a request to rank that is usual, and records enough for a second of work. */
const SHORT_PLAN = { records: 20_000, candidates: 100, headFactors: [1, 2], pageFactors: [1] };

/** The part that `--part` names: of the logs that are named, or else of the one that the training divided. */
function askedPart({ spec, findValidLog }: SavedRun, asked: Part | "all", records: string[] | undefined): LogPart {
  if (records) return scoredPart(spec, records, asked);
  const trained = findValidLog();
  if (trained.part === undefined)
    throw new UserError("--part: this run was not trained on one log that data.split divides; name a log by --records");
  return scoredPart(spec, trained.paths, asked);
}
