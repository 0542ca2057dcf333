import { type Decile, deciles as partsOf } from "../../trainer/metrics/deciles.ts";
import { orderByScore } from "../../trainer/metrics/order.ts";
import type { Predictions } from "../../trainer/metrics/predictions.ts";
import { chart } from "./chart.ts";
import { ACCENT, type Figure, SERIES } from "./page.ts";
import { logOdds, logOddsDomain, probabilityAxis, rateText } from "./probability-axis.ts";

// Figures of one set of predictions: whether they are calibrated, how well they tell clicks from other records, and
// how many clicks the highest ones find.

const HISTOGRAM_BINS = 40;

/** The share of each label's records that an end bar of a histogram gathers, as they would make its axis long. */
const TAIL = 0.005;

/** Points of a gain curve: one a per cent. */
const GAIN_POINTS = 100;

/** Click rate by mean prediction, in deciles, beside the diagonal of a calibrated model; the axes are log-odds. */
export async function reliabilityDiagram(deciles: readonly Decile[]): Promise<Figure> {
  const domain = logOddsDomain(
    deciles.flatMap(({ predicted, clickRate, interval }) =>
      clickRate > 0 && clickRate < 1 ? [predicted, interval.low, interval.high].map(logOdds) : [logOdds(predicted)],
    ),
  );
  const [low, high] = domain;
  const within = (z: number): number => Math.min(high, Math.max(low, z));
  const values = deciles.map(({ predicted, clickRate, interval }) => ({
    predicted: logOdds(predicted),
    observed: within(logOdds(clickRate)),
    low: within(logOdds(interval.low)),
    high: within(logOdds(interval.high)),
    beyond: clickRate === 0 || clickRate === 1,
  }));
  const { scale, axis } = probabilityAxis(domain);
  const x = { field: "predicted", type: "quantitative", title: "mean prediction", scale, axis } as const;
  const y = { type: "quantitative", title: null, scale, axis } as const;
  const svg = await chart(
    [
      {
        data: { values: [low, high].map((z) => ({ predicted: z, observed: z })) },
        mark: { type: "line", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { x, y: { field: "observed", ...y } },
      },
      {
        data: { values },
        mark: { type: "rule", stroke: ACCENT, strokeOpacity: 0.5, strokeWidth: 1.5 },
        encoding: { x, y: { field: "low", ...y }, y2: { field: "high" } },
      },
      {
        data: { values: values.filter(({ beyond }) => !beyond) },
        mark: { type: "circle", fill: ACCENT, opacity: 1, size: 40 },
        encoding: { x, y: { field: "observed", ...y } },
      },
      {
        data: { values: values.filter(({ beyond }) => beyond) },
        mark: { type: "point", stroke: ACCENT, fill: "var(--card)", opacity: 1, size: 40 },
        encoding: { x, y: { field: "observed", ...y } },
      },
    ],
    { description: reliabilityText(deciles), left: 62 },
  );
  const empty = deciles.filter(({ clickRate }) => clickRate === 0).length;
  const hollow = empty > 0 ? ` Hollow at the edge: ${empty} of ${deciles.length} deciles, without a click.` : "";
  const note =
    `Click rate by mean prediction in each decile, with its 95 % interval; log-odds axes. ` +
    `On the dashes: calibrated.${hollow}`;
  return { title: "Reliability", note, svg };
}

function reliabilityText(deciles: readonly Decile[]): string {
  const points = deciles.map(({ predicted, clickRate }) => `${rateText(predicted)}: ${rateText(clickRate)}`);
  return `Reliability diagram. Click rate by mean prediction: ${points.join("; ")}.`;
}

/** Histograms of the predictions over their log-odds: one of the clicked records, one of the others. */
export async function scoreHistogram({ logits, labels, weights }: Predictions, deciles: readonly Decile[]) {
  const order = orderByScore(logits);
  const ends = [0, 1].flatMap((label) => quantiles(order, (i) => labels[i] === label, [TAIL, 1 - TAIL]));
  const domain = logOddsDomain(ends.map((i) => logits[i]));
  const [low, high] = domain;
  const width = (high - low) / HISTOGRAM_BINS;
  const sums = [new Float64Array(HISTOGRAM_BINS), new Float64Array(HISTOGRAM_BINS)] as const;
  const totals: [number, number] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] === 1 ? 1 : 0;
    const bin = Math.min(HISTOGRAM_BINS - 1, Math.max(0, Math.floor((logits[i] - low) / width)));
    const weight = weights ? weights[i] : 1;
    const bars = sums[label];
    bars[bin] = bars[bin] + weight;
    totals[label] += weight;
  }
  const names = ["clicked", "not clicked"];
  const values = ([1, 0] as const).flatMap((label) =>
    // One more point, so that the last step is drawn to its end.
    Array.from({ length: HISTOGRAM_BINS + 1 }, (_, bin) => ({
      label: names[1 - label],
      z: low + width * bin,
      share: totals[label] > 0 ? sums[label][Math.min(bin, HISTOGRAM_BINS - 1)] / totals[label] : 0,
    })),
  );
  const edges = deciles.slice(0, -1).map(({ lowest }) => ({ z: lowest }));
  const x = { field: "z", type: "quantitative", ...probabilityAxis(domain), title: "predicted probability" } as const;
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "area", interpolate: "step-after", fillOpacity: 0.25, line: { strokeWidth: 1.5 } },
        encoding: {
          x,
          y: { field: "share", type: "quantitative", title: null, stack: null, axis: { format: "%", tickCount: 4 } },
          color: {
            field: "label",
            type: "nominal",
            legend: null,
            scale: { domain: names, range: SERIES.slice(0, 2) },
          },
        },
      },
      {
        data: { values: edges.filter(({ z }) => z > low && z < high) },
        mark: { type: "tick", orient: "vertical", stroke: "var(--ink)", thickness: 1.5, size: 10, yOffset: -5 },
        encoding: { x, y: { datum: 0 } },
      },
    ],
    { description: `Histogram of the predicted probabilities of ${names.join(" and ")} records, over log-odds` },
  );
  const note =
    "Share of the records of each label, over log-odds. The further apart, the better they are told from each other. " +
    "Strokes at the foot part the records into deciles.";
  return { title: "Predictions", note, svg, legend: names };
}

/** The records at these shares of those that are wanted, in ascending order; none where none is wanted. */
function quantiles(order: Uint32Array, wanted: (record: number) => boolean, shares: readonly number[]): number[] {
  const chosen = order.filter(wanted);
  if (chosen.length === 0) return [];
  return shares.map((share) => chosen[Math.round(share * (chosen.length - 1))]);
}

/** The share of all clicks that the highest predictions find, by their share of the records; null without clicks. */
export async function gainCurve(predictions: Predictions): Promise<Figure | null> {
  const parts = partsOf(predictions, GAIN_POINTS);
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  const values = parts.map(({ weight, gain }) => {
    before += weight;
    return { share: before / total, gain };
  });
  if (values.some(({ gain }) => Number.isNaN(gain))) return null;
  const axis = { format: "%", tickCount: 5 };
  const x = { field: "share", type: "quantitative", title: "share of the records", axis } as const;
  const y = { field: "gain", type: "quantitative", title: null, axis } as const;
  const curve = [{ share: 0, gain: 0 }, ...values];
  const at = (share: number): string => `${rateText(gainAt(curve, share))} in the highest ${100 * share} %`;
  const svg = await chart(
    [
      {
        data: { values: [0, 1].map((share) => ({ share, gain: share })) },
        mark: { type: "line", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { x, y },
      },
      {
        data: { values: curve },
        mark: { type: "line", stroke: ACCENT },
        encoding: { x, y },
      },
    ],
    { description: `Cumulative gain. Of all clicks: ${[0.01, 0.1, 0.5].map(at).join(", ")} of the predictions.` },
  );
  const note = `Share of all clicks among the highest predictions: ${at(0.01)}, ${at(0.1)}. Dashes: at random.`;
  return { title: "Cumulative gain", note, svg };
}

/** The gain at a share of the records, between two points of the curve. */
function gainAt(curve: readonly { share: number; gain: number }[], share: number): number {
  const i = curve.findIndex((point) => point.share >= share);
  const [before, after] = [curve[i - 1], curve[i]];
  if (!before || !after) return 1;
  return before.gain + ((after.gain - before.gain) * (share - before.share)) / (after.share - before.share);
}
