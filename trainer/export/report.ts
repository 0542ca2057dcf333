import * as v from "valibot";
import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import { fixed } from "../metrics/evaluation.ts";
import type { Interval } from "../metrics/paired.ts";
import { bytesText, table } from "../terminal/table.ts";
import { ParitySchema } from "./parity.ts";
import { QUANTIZATIONS } from "./quantization.ts";

/**
 * What a quantization may lose. A loss on a log is partly chance: which records the log has. So it is judged by its
 * paired interval (metrics/paired.ts), and an export is refused where even the end of the interval that speaks for it
 * is beyond the limit. A model that loses no more than the limits is then refused at most once in a thousand exports,
 * however small the log; and the more records, the smaller the losses that are refused.
 */
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
  /** Bytes of the blob, with evidence, golden records and catalogue once it is sealed, and of all pages together. */
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

/** The report of a blob that has so many bytes once it is sealed: others would have as many more than their rows. */
export function withBlobBytes(report: QuantizationReport, blobBytes: number): QuantizationReport {
  const more = blobBytes - chosenOf(report).bytes.blob;
  const measured = report.measured.map((one) => ({ ...one, bytes: { ...one.bytes, blob: one.bytes.blob + more } }));
  return { ...report, measured };
}

/** Throws FormatError where the chosen quantization surely loses more than the limits. `name` is the model's. */
export function checkLimits(name: string, report: QuantizationReport): void {
  const { limits, chosen } = report;
  const { delta, interval, records } = chosenOf(report);
  const losses = lossesOf(chosenOf(report));
  if (!(losses.auc.least > limits.auc || losses.logloss.least > limits.logloss)) return;
  throw new FormatError(
    name,
    `as ${chosen} it loses too much on ${counted(records, "record")}: ` +
      `got ΔAUC ${withInterval(delta.auc, interval.auc, (x) => signed(x, 6))} and ` +
      `Δlogloss ${withInterval(delta.logloss, interval.logloss, percent)}, in their ${confidenceText(interval)}, ` +
      `expected ones that reach ${signed(-limits.auc, 6)} and ${percent(limits.logloss)}; ` +
      "another --quantize may lose less, " +
      "--max-auc-loss and --max-logloss-loss allow more, --force exports it all the same",
  );
}

/** The least and the most that each metric may truly lose; losses are above 0. Nothing where there is no interval. */
function lossesOf({ interval: { auc, logloss } }: Measure): Record<keyof Limits, { least: number; most: number }> {
  const none = { least: Number.NEGATIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
  return {
    auc: auc ? { least: -auc[1], most: -auc[0] } : none,
    logloss: logloss ? { least: logloss[0], most: logloss[1] } : none,
  };
}

/** A table of all quantizations, with the chosen one marked. */
export function reportTable(report: QuantizationReport): string {
  const { head, rows, notes } = reportCells(report);
  return [table(head, rows), ...notes].join("\n");
}

/** The same as texts: the table's head and rows, and what is to be said below it. */
export function reportCells(report: QuantizationReport): { head: string[]; rows: string[][]; notes: string[] } {
  const { chosen, measured, refused } = report;
  const rows = measured.map(({ quantization, records, bytes, layers, served, delta, interval, logitDifference }) => [
    quantization === chosen ? `${quantization}, chosen` : quantization,
    records.toLocaleString("en"),
    bytesText(bytes.blob + bytes.pages),
    layersText(layers),
    fixed(served.auc ?? Number.NaN, 5),
    withInterval(delta.auc, interval.auc, (x) => signed(x, 5)),
    withInterval(delta.logloss, interval.logloss, percent),
    signed(delta.calibrationRatio, 4),
    logitDifference.max.toExponential(1),
    logitDifference.mean.toExponential(1),
  ]);
  const head = ["rows", "records", "blob + pages", "layers", "AUC", "ΔAUC", "Δlogloss", "Δcalibration"];
  const notes = [...undecided(report), ...refused.map(({ quantization, problem }) => `${quantization}: ${problem}`)];
  return { head: [...head, "max |Δlogit|", "mean |Δlogit|"], rows, notes };
}

/** Says where the records are too few to tell whether the chosen quantization keeps within the limits. */
function undecided(report: QuantizationReport): string[] {
  const { chosen, limits } = report;
  const measure = chosenOf(report);
  const { auc, logloss } = lossesOf(measure);
  const open: string[] = [];
  if (auc.least <= limits.auc && limits.auc < auc.most)
    open.push(`AUC by up to ${auc.most.toFixed(6)}, where ${limits.auc} is allowed`);
  if (logloss.least <= limits.logloss && limits.logloss < logloss.most)
    open.push(`logloss by up to ${percent(logloss.most)}, where ${percent(limits.logloss)} is allowed`);
  if (open.length === 0) return [];
  const { interval, records } = measure;
  const by = `by the ${confidenceText(interval)} of ${counted(records, "record")}`;
  return [`${chosen}: ${by} it may lose ${open.join(", and ")}; more records would tell`];
}

function confidenceText({ confidence }: Measure["interval"]): string {
  return `${(100 * confidence).toFixed(1)} % intervals`;
}

function withInterval(x: number | null, interval: Interval | null, text: (x: number | null) => string): string {
  return interval ? `${text(x)} (${text(interval[0])} … ${text(interval[1])})` : text(x);
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
