import type { IndexedColumn } from "../../trainer/data/indexed-column.ts";
import { auc } from "../../trainer/metrics/auc.ts";
import { aucInterval } from "../../trainer/metrics/auc-interval.ts";
import type { Predictions } from "../../trainer/metrics/predictions.ts";
import { chart } from "./chart.ts";
import { LABEL_ROOM, shortened } from "./label.ts";
import { ACCENT, type Figure } from "./page.ts";

/** How many of a column's most frequent values are compared. */
const SLICE_VALUES = 12;

/**
 * A value with fewer records of either label has no AUC here: its interval would be ±0.13 wide and more at an AUC of
 * ½ (1.96/√(12·20)), and the normal approximation below it poor.
 */
const LEAST_OF_LABEL = 20;

/**
 * AUC among the records of each of a column's most frequent values, with DeLong's intervals. Null where no value has
 * enough records of both labels.
 */
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
    const clicks = chosen.reduce((sum, i) => sum + labels[i], 0);
    if (Math.min(clicks, chosen.length - clicks) < LEAST_OF_LABEL) return [];
    const those = (numbers: Float32Array | Float64Array): Float64Array => Float64Array.from(chosen, (i) => numbers[i]);
    const own = [those(logits), Uint8Array.from(chosen, (i) => labels[i]), weights && those(weights)] as const;
    const interval = aucInterval(...own);
    const text = values[value] || "(missing)";
    return interval ? [{ rank: value, text, auc: auc(...own), ...interval, records: chosen.length }] : [];
  });
  if (rows.length === 0) return null;
  // The axis is by rank and has no labels of its own, as two values may be shortened to one text; marks stand for them.
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const x = {
    type: "quantitative",
    title: "AUC",
    scale: { zero: false, padding: 10 },
    axis: { grid: true, tickCount: 5 },
  } as const;
  const svg = await chart(
    [
      {
        data: { values: rows.map(({ rank, text }) => ({ rank, label: shortened(text) })) },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      {
        data: { values: [{ auc: overall }] },
        mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { x: { field: "auc", ...x } },
      },
      {
        data: { values: rows },
        mark: { type: "rule", stroke: ACCENT, strokeWidth: 2, strokeOpacity: 0.5 },
        encoding: { x: { field: "low", ...x }, x2: { field: "high" }, y },
      },
      {
        data: { values: rows },
        mark: { type: "circle", fill: ACCENT, opacity: 1 },
        encoding: {
          x: { field: "auc", ...x },
          y,
          size: { field: "records", type: "quantitative", legend: null, scale: { range: [30, 200] } },
        },
      },
    ],
    { description: describe(name, rows), height: 20 * rows.length, left: LABEL_ROOM },
  );
  const missing = frequent.length - rows.length;
  const few = `${missing} of the ${frequent.length} most frequent values have fewer than ${LEAST_OF_LABEL} `;
  const which = missing === 0 ? `The ${rows.length} most frequent values` : `${few}records of a label and are left out`;
  const note = `${which}. Lines: 95 % intervals (DeLong). A dot's area grows with its records. Dashes: all records.`;
  return { title: `AUC by ${name}`, note, svg };
}

function describe(name: string, rows: readonly { text: string; auc: number; low: number; high: number }[]): string {
  const texts = rows.map(
    ({ text, auc, low, high }) => `${text}: ${auc.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
  );
  return `AUC by ${name}, with 95 % intervals. ${texts.join("; ")}.`;
}
