import { columnsOf } from "../../format/columns.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { type CalibrationEffect, calibrated, calibrationEffect } from "../calibration/fit.ts";
import type { ClickLog } from "../data/click-log.ts";
import { checkSampleWeights, countLabels } from "../data/label-counts.ts";
import { someRecords } from "../data/raw-record.ts";
import type { HeldOutSource } from "../data/source.ts";
import { DivergedError } from "../errors.ts";
import { clickRate } from "../metrics/information-gain.ts";
import { loglossOfLogits } from "../metrics/logloss.ts";
import type { Predictions } from "../metrics/predictions.ts";
import {
  adviceFor,
  checkLogits,
  checkLoss,
  checkWeights,
  LARGEST_LOGLOSS,
  warnIfWorseThanRate,
} from "../model/divergence.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { warn } from "../terminal/warning.ts";
import type { SavedRun } from "../training/run-folder.ts";
import type { CalibrationEvidence } from "./calibration-evidence.ts";
import { type ExportedModel, saveExport } from "./export.ts";
import type { FilterReport } from "./filter.ts";
import { foreignTexts } from "./foreign-texts.ts";
import { addCatalogue, type CatalogueReport, checkCatalogue } from "./items.ts";
import { exportMeasured } from "./measured-export.ts";
import type { Quantization } from "./quantization.ts";
import { checkLimits, chosenOf, type Limits, type QuantizationReport, withBlobBytes } from "./report.ts";
import { GOLDEN_RECORDS, sealExport } from "./seal.ts";
import type { StoredModel } from "./stored-model.ts";
import type { NoUpdate, UpdateReport } from "./update.ts";

/** How many records the quantized layers are fitted on: enough for the tails, and few enough for memory. */
export const CALIBRATION_SET_RECORDS = 2 ** 17;

export interface ExportRunOptions {
  /** Where the exported model is saved. */
  folder: string;
  quantization: Quantization;
  /** Bits a row in the blob's filter, as for `exportModel`. */
  filterBits?: number | undefined;
  /** The export before it, whose pages are kept where they can be. */
  base?: StoredModel | undefined;
  /** What the quantization may lose. */
  limits: Limits;
  /** Exports even what loses more. */
  force?: boolean | undefined;
  /** The log whose first records are the calibration set. */
  calibrationLog: HeldOutSource;
  /** The log that losses are measured on, and whose first rows give the golden records. */
  heldOutLog: ClickLog;
  /** A log of items, named by the field `itemId`: the blob gets a catalogue of them. */
  catalogue?: { log: ClickLog; itemId: string } | undefined;
  /** What the model was trained with: part of the provenance. */
  trainedWith: SavedRun["record"];
  /** Throws where the folder may not get the export, as another process has written one there meanwhile. */
  claim?: () => void;
  /** Makes the page that is saved with the export; none is where it is absent. */
  pageOf?: (exported: ExportedModel, report: QuantizationReport) => Promise<string>;
  /** Called once the export is sealed, or before it is refused since it loses too much. */
  onReport?: (report: QuantizationReport) => void;
}

export interface ExportedRun {
  exported: ExportedModel;
  report: QuantizationReport;
  filter: FilterReport;
  /** How the pages of the export before it are kept, or why not; null where there was none. */
  update: UpdateReport | NoUpdate | null;
  catalogue: CatalogueReport | null;
  /** What the calibration map does; null where the model has none. */
  calibration: CalibrationEvidence | null;
}

/**
 * Exports a trained model, measures what that loses, and saves it. Throws DivergedError, and saves nothing, where the
 * model has diverged; if its numbers are finite all the same, it can be forced. Throws FormatError where it
 * loses more than the limits and is not forced, where its blob would be too large, or where the catalogue does not fit
 * it.
 */
export async function exportRun(trained: TrainedModel, options: ExportRunOptions): Promise<ExportedRun> {
  const { spec, fitted, learner, calibration } = trained;
  explained(spec, () => checkWeights(learner));
  const { folder, quantization, limits, calibrationLog, heldOutLog, catalogue: wanted } = options;
  if (wanted) await checkCatalogue(fitted, wanted.itemId, wanted.log);

  // 1. The calibration set.
  const calibrationSet = await calibrationLog.head(CALIBRATION_SET_RECORDS);

  // 2. The export, and what every quantization would cost and lose.
  let effect = null as CalibrationEffect | null;
  const { draft, report: measured } = await exportMeasured(trained, {
    quantization,
    filterBits: options.filterBits,
    base: options.base,
    calibrationSet,
    log: heldOutLog,
    limits,
    onTrained: (raw) => {
      const served = calibration ? calibrated(calibration.map, raw) : raw;
      checkTrained(spec, heldOutLog.path, served, options.force === true);
      if (calibration) effect = calibrationEffect(calibration.map, raw);
    },
  });
  if (!options.force) {
    try {
      checkLimits(spec.name, measured);
    } catch (error) {
      options.onReport?.(measured);
      throw error;
    }
  }

  // 3. The catalogue, if one is wanted.
  const golden = await someRecords(heldOutLog, columnsOf(fitted.fields), GOLDEN_RECORDS);
  (await foreignTexts(heldOutLog, golden)).forEach(warn);
  const place = { rows: spec.rows, vocabulary: trained.vocabulary };
  const catalogue = wanted ? await addCatalogue(draft, wanted.itemId, wanted.log, golden, place) : null;

  const calibrationEvidence =
    calibration && effect ? { method: calibration.map.method, fittedOn: calibration.fittedOn, heldOut: effect } : null;

  // 4. Evidence, golden records and name. The report, which is evidence, says how large the blob is with all of that.
  const sealWith = (quantization: QuantizationReport): Promise<ExportedModel> =>
    sealExport(
      catalogue?.draft ?? draft,
      {
        provenance: { spec, seed: spec.training.seed, ...options.trainedWith },
        quantization,
        filter: draft.filter,
        ...(draft.update && "rows" in draft.update && { update: draft.update }),
        ...(calibrationEvidence && { calibration: calibrationEvidence }),
        ...(catalogue && { items: catalogue.report }),
      },
      golden,
    );
  const { exported, report } = await sealWithSize(measured, sealWith);
  options.onReport?.(report);
  saveExport(folder, exported, await options.pageOf?.(exported, report), options.claim);
  const { filter, update } = draft;
  return { exported, report, filter, update, catalogue: catalogue?.report ?? null, calibration: calibrationEvidence };
}

/** Rounds in which a report's size is what the blob with that report has: sections are multiples of 64 bytes. */
const SIZE_ROUNDS = 4;

/** Seals an export with a report that has its size, and the other quantizations' with as much beside their rows. */
async function sealWithSize(
  measured: QuantizationReport,
  sealWith: (report: QuantizationReport) => Promise<ExportedModel>,
): Promise<{ exported: ExportedModel; report: QuantizationReport }> {
  let report = measured;
  let exported = await sealWith(report);
  for (let round = 0; round < SIZE_ROUNDS && exported.blob.length !== chosenOf(report).bytes.blob; round++) {
    report = withBlobBytes(measured, exported.blob.length);
    exported = await sealWith(report);
  }
  return { exported, report };
}

/**
 * Throws DivergedError where the trained model's predictions show that it has diverged, and FormatError where all
 * records weigh nothing, so that they show nothing.
 */
function checkTrained(spec: FeatureSpec, log: string, predictions: Predictions, force: boolean): void {
  const { logits, labels, weights } = predictions;
  checkSampleWeights(log, spec, countLabels(labels, weights));
  explained(spec, () => checkLogits(log, logits));
  if (spec.training.loss === "in-batch") return; // it does not learn to say probabilities
  const logloss = loglossOfLogits(logits, labels, weights);
  if (!force)
    explained(
      spec,
      () => checkLoss(`the logloss on ${log}`, logloss, LARGEST_LOGLOSS),
      "; --force exports it all the same",
    );
  warnIfWorseThanRate(log, spec, logloss, clickRate(labels, weights));
}

/** Adds to a DivergedError which model it is about, and what to do. */
function explained(spec: FeatureSpec, check: () => void, also = ""): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    throw new DivergedError(`${spec.name} has diverged: ${error.message}; ${adviceFor(spec)}, and train again${also}`);
  }
}
