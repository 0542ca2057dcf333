import { TYPE_I8 } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { weightType } from "../../format/layer.ts";
import type { ClickLog } from "../data/click-log.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Predictions } from "../metrics/predictions.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { within } from "../terminal/progress.ts";
import { type DraftExport, exportModel } from "./export.ts";
import { measureParity, type Parity } from "./parity.ts";
import { QUANTIZATIONS, type Quantization } from "./quantization.ts";
import type { Limits, Measure, QuantizationReport } from "./report.ts";
import type { StoredModel } from "./stored-model.ts";

/** Records that the other quantizations are measured on: enough to show their losses beside those of the chosen one. */
const OTHERS_RECORDS = 20_000;

export interface ExportOptions {
  quantization: Quantization;
  /** Bits a row in the blob's filter, as for `exportModel`. */
  filterBits?: number | undefined;
  /** The export whose pages the chosen one keeps where it can. */
  base?: StoredModel | undefined;
  /** Records that the quantized layers are fitted on. */
  calibrationSet: Dataset;
  /** The held-out log: the chosen quantization is measured on all of it, the others on its first records. */
  log: ClickLog;
  limits: Limits;
  /** Receives the trained model's predictions on the held-out log. */
  onTrained?: (predictions: Predictions) => void;
}

/**
 * Exports a model in the chosen quantization, and measures what each quantization would cost and lose. Beside the
 * chosen export, one other is in memory at a time. `checkLimits` then tells whether the chosen one loses too much.
 */
export async function exportMeasured(
  trained: TrainedModel,
  { quantization: chosen, filterBits, base, calibrationSet, log, limits, onTrained }: ExportOptions,
): Promise<{ draft: DraftExport; report: QuantizationReport }> {
  const meaningful = (parity: Parity): Parity =>
    trained.spec.training.loss === "in-batch" ? withoutMetrics(parity) : parity;
  const draft = await exportModel(trained, chosen, calibrationSet, filterBits, base);
  const report: QuantizationReport = { chosen, limits, measured: [], refused: [] };
  for (const quantization of QUANTIZATIONS) {
    if (quantization === chosen) {
      const parity = await measureParity(trained, draft, log, { ...(onTrained && { onTrained }) });
      report.measured.push(measureOf(chosen, draft, meaningful(parity)));
      continue;
    }
    try {
      const other = await exportModel(trained, quantization, calibrationSet, filterBits);
      const parity = await within(quantization, () => measureParity(trained, other, log, { most: OTHERS_RECORDS }));
      report.measured.push(measureOf(quantization, other, meaningful(parity)));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      report.refused.push({ quantization, problem: error.message });
    }
  }
  return { draft, report };
}

/**
 * What parity says of a model that learned by the in-batch loss, whose scores are no probabilities: differences of
 * logits alone.
 */
function withoutMetrics(parity: Parity): Parity {
  const none = { auc: null, logloss: null, calibrationRatio: null };
  const interval = { ...parity.interval, auc: null, logloss: null };
  return { ...parity, trained: none, served: none, delta: none, interval };
}

function measureOf(quantization: Quantization, { model, blob, pages }: DraftExport, parity: Parity): Measure {
  return {
    quantization,
    bytes: { blob: blob.length, pages: pages.reduce((sum, { bytes }) => sum + bytes.length, 0) },
    layers: model.layers.map((layer) => (weightType(layer) === TYPE_I8 ? "int8" : "f32")),
    ...parity,
  };
}
