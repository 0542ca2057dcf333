import type { Decile } from "../../trainer/metrics/deciles.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { rateText } from "./probability-axis.ts";

export const DECILE_HEAD = [
  "decile",
  "records",
  "clicks",
  "mean prediction",
  "click rate",
  "95 % interval",
  "lift",
  "cumulative gain",
];

/** The lift and gain table as rows of text under DECILE_HEAD. */
export function decileRows(deciles: readonly Decile[]): string[][] {
  return deciles.map(({ records, clicks, predicted, clickRate, interval, lift, gain }, i) => [
    String(i + 1),
    records.toLocaleString("en"),
    clicks.toLocaleString("en", { maximumFractionDigits: 1 }),
    rateText(predicted),
    rateText(clickRate),
    `${rateText(interval.low)} – ${rateText(interval.high)}`,
    fixed(lift, 2),
    Number.isFinite(gain) ? `${(100 * gain).toFixed(1)} %` : "–",
  ]);
}
