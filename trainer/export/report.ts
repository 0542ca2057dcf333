import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { fixed } from "../metrics/evaluation.ts";
import { bytesText, table } from "../terminal/table.ts";
import { ParitySchema } from "./parity.ts";
import { QUANTIZATIONS } from "./quantization.ts";

/** What a quantization may lose. */
export interface Limits {
  /** The largest loss of AUC, as a difference. */
  auc: number;
  /** The largest growth of logloss, as a share of the trained model's. */
  logloss: number;
}

export const DEFAULT_LIMITS: Limits = { auc: 0.0002, logloss: 0.001 };

const QuantizationSchema = v.picklist(QUANTIZATIONS);

/** One quantization of a model: its size, and what it loses. */
const MeasureSchema = v.strictObject({
  quantization: QuantizationSchema,
  /** Bytes of the blob, without evidence and golden records, and of all pages together. */
  bytes: v.strictObject({ blob: v.number(), pages: v.number() }),
  /** Types of the dense layers' weights, in the order of the layers. */
  layers: v.array(v.picklist(["int8", "f32"])),
  ...ParitySchema.entries,
});

/** What each quantization of a model costs and loses: plain data, which the blob has as evidence. */
export const ReportSchema = v.strictObject({
  chosen: QuantizationSchema,
  limits: v.strictObject({ auc: v.number(), logloss: v.number() }),
  measured: v.array(MeasureSchema),
  /** Quantizations that make no blob, for example as it would be too large, and why. */
  refused: v.array(v.strictObject({ quantization: QuantizationSchema, problem: v.string() })),
});

export type Measure = v.InferOutput<typeof MeasureSchema>;
export type QuantizationReport = v.InferOutput<typeof ReportSchema>;

/** The measure of the quantization that was chosen. */
export function chosenOf({ chosen, measured }: QuantizationReport): Measure {
  return measured.find(({ quantization }) => quantization === chosen) as Measure;
}

/** Throws FormatError where the chosen quantization loses more than the limits. `name` is the model's. */
export function checkLimits(name: string, report: QuantizationReport): void {
  const { limits, chosen } = report;
  const { delta, records } = chosenOf(report);
  if (-(delta.auc ?? 0) <= limits.auc && (delta.logloss ?? 0) <= limits.logloss) return;
  throw new FormatError(
    name,
    `as ${chosen} it loses too much on ${records} records: ` +
      `got ΔAUC ${signed(delta.auc, 6)} and Δlogloss ${percent(delta.logloss)}, ` +
      `expected at least ${signed(-limits.auc, 6)} and at most ${percent(limits.logloss)}; ` +
      "another --quantize may lose less, " +
      "--max-auc-loss and --max-logloss-loss allow more, --force exports it all the same",
  );
}

/** A table of all quantizations, with the chosen one marked. */
export function reportTable(report: QuantizationReport): string {
  const { head, rows, notes } = reportCells(report);
  return [table(head, rows), ...notes].join("\n");
}

/** The same as texts: the table's head and rows, and what is to be said below it. */
export function reportCells(report: QuantizationReport): { head: string[]; rows: string[][]; notes: string[] } {
  const { chosen, measured, refused } = report;
  const rows = measured.map(({ quantization, records, bytes, layers, served, delta, logitDifference }) => [
    quantization === chosen ? `${quantization}, chosen` : quantization,
    records.toLocaleString("en"),
    bytesText(bytes.blob + bytes.pages),
    layersText(layers),
    fixed(served.auc ?? Number.NaN, 5),
    signed(delta.auc, 5),
    percent(delta.logloss),
    signed(delta.calibrationRatio, 4),
    logitDifference.max.toExponential(1),
    logitDifference.mean.toExponential(1),
  ]);
  const head = ["rows", "records", "blob + pages", "layers", "AUC", "ΔAUC", "Δlogloss", "Δcalibration"];
  const notes = refused.map(({ quantization, problem }) => `${quantization}: ${problem}`);
  return { head: [...head, "max |Δlogit|", "mean |Δlogit|"], rows, notes };
}

function layersText(layers: Measure["layers"]): string {
  if (layers.length === 0) return "–";
  return layers.every((type) => type === layers[0]) ? (layers[0] as string) : layers.join(" ");
}

function signed(x: number | null, decimals: number): string {
  if (x === null) return "–";
  const text = Math.abs(x).toFixed(decimals);
  if (Number(text) === 0) return text;
  return `${x < 0 ? "−" : "+"}${text}`;
}

function percent(share: number | null): string {
  return share === null ? "–" : `${signed(100 * share, 3)} %`;
}
