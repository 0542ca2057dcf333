import type { IndexedColumn } from "../../trainer/data/indexed-column.ts";
import { auc } from "../../trainer/metrics/auc.ts";
import { binsOfEqualFrequency } from "../../trainer/metrics/calibration.ts";
import { sigmoid } from "../../trainer/metrics/metrics.ts";
import type { Predictions } from "../../trainer/metrics/predictions.ts";
import { chart } from "./chart.ts";
import { ACCENT, type Figure, SERIES } from "./page.ts";

// Figures of one set of predictions: whether they are calibrated, how well they tell clicks from other records, and how
// well they do so for each value of a field.

const HISTOGRAM_BINS = 40;

/** Characters that have room beside a chart. */
const LABEL_CHARACTERS = 14;

/** How many of a field's most frequent values are compared. */
const SLICE_VALUES = 12;

/** Click rate by mean prediction, in bins of equal frequency, beside the diagonal of a calibrated model. */
export async function reliabilityDiagram({ logits, labels, weights }: Predictions): Promise<Figure> {
  const bins = binsOfEqualFrequency(Float64Array.from(logits, sigmoid), labels, weights);
  const most = Math.max(...bins.map(({ predicted, observed }) => Math.max(predicted, observed)));
  const domain = [0, most];
  const axis = { format: ".2~f", tickCount: 5 };
  const svg = await chart(
    [
      {
        data: { values: domain.map((p) => ({ predicted: p, observed: p })) },
        mark: { type: "line", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: {
          x: { field: "predicted", type: "quantitative", title: "mean prediction", scale: { domain }, axis },
          y: { field: "observed", type: "quantitative", title: null, scale: { domain }, axis },
        },
      },
      {
        data: { values: bins.map(({ predicted, observed }) => ({ predicted, observed })) },
        mark: { type: "line", stroke: ACCENT, point: { filled: true, fill: ACCENT, size: 40 } },
        encoding: {
          x: { field: "predicted", type: "quantitative" },
          y: { field: "observed", type: "quantitative" },
        },
      },
    ],
    { description: "Reliability diagram: click rate by mean prediction" },
  );
  return {
    title: "Reliability",
    note: "Click rate by mean prediction, in bins of equal frequency. On the dashes: calibrated.",
    svg,
  };
}

/** Histograms of the predictions: one of the clicked records, one of the others. */
export async function scoreHistogram({ logits, labels }: Predictions): Promise<Figure> {
  // Click probabilities are often all small: the axis ends at the largest one.
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) most = Math.max(most, logit);
  const end = sigmoid(most);
  const counts = [new Float64Array(HISTOGRAM_BINS), new Float64Array(HISTOGRAM_BINS)];
  const totals = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] === 1 ? 1 : 0;
    const bin = Math.min(HISTOGRAM_BINS - 1, Math.floor((sigmoid(logits[i]) / end) * HISTOGRAM_BINS));
    counts[label][bin]++;
    totals[label]++;
  }
  const values = [1, 0].flatMap((label) =>
    // One more point, so that the last step is drawn to its end.
    Array.from({ length: HISTOGRAM_BINS + 1 }, (_, bin) => ({
      label: label === 1 ? "clicked" : "not clicked",
      p: (end * bin) / HISTOGRAM_BINS,
      share: counts[label][Math.min(bin, HISTOGRAM_BINS - 1)] / Math.max(1, totals[label]),
    })),
  );
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "area", interpolate: "step-after", fillOpacity: 0.25, line: { strokeWidth: 1.5 } },
        encoding: {
          x: {
            field: "p",
            type: "quantitative",
            title: "predicted probability",
            scale: { domain: [0, end], nice: false },
          },
          y: { field: "share", type: "quantitative", title: null, stack: null, axis: { format: "%", tickCount: 4 } },
          color: {
            field: "label",
            type: "nominal",
            legend: null,
            scale: { domain: ["clicked", "not clicked"], range: SERIES.slice(0, 2) },
          },
        },
      },
    ],
    { description: "Histogram of predicted probabilities of clicked and other records" },
  );
  const note = "Share of the records of each label. The further apart, the better they are told from each other.";
  return { title: "Scores", note, svg, legend: ["clicked", "not clicked"] };
}

/** AUC among the records of each of a column's most frequent values; null where no value's records have both labels. */
export async function aucByValue(
  { name, values, offsets, of }: IndexedColumn,
  { logits, labels, weights }: Predictions,
  overall: number,
): Promise<Figure | null> {
  const counts = new Uint32Array(values.length);
  for (const value of of) counts[value]++;
  const frequent = [...values.keys()].sort((a, b) => counts[b] - counts[a]).slice(0, SLICE_VALUES);
  const records = new Map<number, number[]>(frequent.map((value) => [value, []]));
  for (let i = 0; i < labels.length; i++) {
    for (let j = offsets[i]; j < offsets[i + 1]; j++) records.get(of[j])?.push(i);
  }
  const rows = frequent.flatMap((value) => {
    const chosen = records.get(value) ?? [];
    const those = (numbers: Float32Array | Float64Array): Float64Array => Float64Array.from(chosen, (i) => numbers[i]);
    const aucOfValue = auc(
      those(logits),
      Uint8Array.from(chosen, (i) => labels[i]),
      weights && those(weights),
    );
    const label = shortened(values[value] || "(missing)");
    return Number.isNaN(aucOfValue) ? [] : [{ rank: value, label, auc: aucOfValue, records: chosen.length }];
  });
  if (rows.length === 0) return null;
  // The axis is by rank and has no labels of its own, as two values may be shortened to one text; marks stand for them.
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const svg = await chart(
    [
      {
        data: { values: rows },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      {
        data: { values: [{ auc: overall }] },
        mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { x: { field: "auc", type: "quantitative" } },
      },
      {
        data: { values: rows },
        mark: { type: "circle", fill: ACCENT, opacity: 1 },
        encoding: {
          x: {
            field: "auc",
            type: "quantitative",
            title: "AUC",
            scale: { zero: false, padding: 10 },
            axis: { grid: true, tickCount: 5 },
          },
          y,
          size: { field: "records", type: "quantitative", legend: null, scale: { range: [30, 200] } },
        },
      },
    ],
    { description: `AUC by value of ${name}`, height: 20 * rows.length, left: 98 },
  );
  const which =
    rows.length === frequent.length
      ? `The ${rows.length} most frequent values`
      : `Those of the ${frequent.length} most frequent values that have both labels`;
  const note = `${which}; a dot's area grows with its records. Dashes: all records.`;
  return { title: `AUC by ${name}`, note, svg };
}

/** A text with its middle cut out, as ids often differ at their ends. */
function shortened(text: string): string {
  if (text.length <= LABEL_CHARACTERS) return text;
  const half = (LABEL_CHARACTERS - 1) / 2;
  return `${text.slice(0, Math.floor(half))}…${text.slice(-Math.ceil(half))}`;
}
