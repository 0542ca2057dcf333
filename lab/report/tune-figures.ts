import { counted } from "../../format/counted.ts";
import { show } from "../../format/errors.ts";
import { type Judged, metricName } from "../tune/judge.ts";
import type { SearchSpace } from "../tune/space.ts";
import type { Trial } from "../tune/trial-log.ts";
import { type ChartLayer, chart } from "./chart.ts";
import { shortened } from "./label.ts";
import { type Figure, SERIES } from "./page.ts";
import { robustLimits } from "./robust-limits.ts";

// Figures of a search: the trainings in their order, and the metric by each setting.

type Range = SearchSpace["parameters"][string];

/** A point of a figure: a trial on one of the rungs. */
interface Point {
  order: number;
  trial: number;
  epochs: string;
  value: number;
  settings: Trial["settings"];
}

/** What the figures share: the points, the rungs' names, and the axis of the metric. */
export interface Drawing {
  metric: Judged;
  points: Point[];
  rungs: string[];
  low: number;
  high: number;
  /** How many points lie beyond the axis. */
  beyond: number;
}

/** Throws where no trial has the metric: then all diverged, and there is nothing to draw. */
export function drawingOf(history: readonly Trial[], metric: Judged): Drawing {
  const points = history.flatMap(({ trial, budget, settings, valid }, i): Point[] => {
    const value = valid[metric];
    return value === null || value === undefined
      ? []
      : [{ order: i + 1, trial, epochs: epochsText(budget), value, settings }];
  });
  const limits = robustLimits(
    points.map(({ value }) => value),
    metric === "auc" ? "low" : "high",
  );
  if (!limits) throw new Error("got no trial with a metric, expected at least one");
  const { low, high } = limits;
  const beyond = points.filter(({ value }) => value < low || value > high).length;
  const rungs = [...new Set(history.map(({ budget }) => budget))].sort((a, b) => a - b).map(epochsText);
  return { metric, points, rungs, low, high, beyond };
}

function epochsText(epochs: number): string {
  return counted(epochs, "epoch");
}

/** Vega-lite's axis of the metric, and the color of a rung. */
function channels({ rungs, low, high }: Drawing) {
  const domain = [low, high];
  const range = rungs.map((_, i) => SERIES[i % SERIES.length]);
  return {
    y: { type: "quantitative", title: null, scale: { domain, zero: false, nice: false }, axis: { tickCount: 5 } },
    color: { field: "epochs", type: "nominal", legend: null, scale: { domain: rungs, range } },
  } as const;
}

/** The points as a layer for those within the axis and one for those beyond it. */
function marks<X extends object>(drawing: Drawing, x: X, of: (point: Point) => object): ChartLayer[] {
  const { y, color } = channels(drawing);
  const { points, metric, low, high } = drawing;
  const isWithin = ({ value }: Point): boolean => value >= low && value <= high;
  const [edge, shape, yOffset] = metric === "auc" ? [low, "triangle-down", -5] : [high, "triangle-up", 5];
  const data = (chosen: readonly Point[]): object[] => chosen.map((point) => ({ ...point, ...of(point) }));
  const beyond = points.filter((point) => !isWithin(point)).map((point) => ({ ...point, value: edge }));
  return [
    {
      data: { values: data(points.filter(isWithin)) },
      mark: { type: "circle", size: 34, opacity: 0.8 },
      encoding: { x, y: { field: "value", ...y }, color },
    },
    {
      data: { values: data(beyond) },
      mark: { type: "point", shape: String(shape), filled: true, size: 60, opacity: 1, yOffset: Number(yOffset) },
      encoding: { x, y: { field: "value", ...y }, color },
    },
  ];
}

/** The metric of each training in their order, and the best of each rung so far. */
export async function historyFigure(drawing: Drawing): Promise<Figure> {
  const { metric, points, rungs, low, high } = drawing;
  const { y, color } = channels(drawing);
  const better = metric === "auc" ? Math.max : Math.min;
  const bestSoFar = rungs.flatMap((epochs) => {
    let best = metric === "auc" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const own = points.filter((point) => point.epochs === epochs);
    return own.map(({ order, value }) => {
      best = better(best, value);
      return { order, epochs, value: Math.min(high, Math.max(low, best)) };
    });
  });
  const last = points.reduce((most, { order }) => Math.max(most, order), 1);
  const scale = { domain: [0, last + 1], nice: false };
  const axis = { format: "d", tickCount: Math.min(10, last), tickMinStep: 1 };
  const x = { field: "order", type: "quantitative", title: "training", scale, axis } as const;
  const svg = await chart(
    [
      {
        data: { values: bestSoFar },
        mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5 },
        encoding: { x, y: { field: "value", ...y }, color, order: { field: "order" } },
      },
      ...marks(drawing, x, () => ({})),
    ],
    { description: historyText(drawing), left: 60 },
  );
  const note =
    `Validation ${metricName(metric)} of each training in their order. ` +
    "Lines: the best so far of those with as many epochs.";
  return { title: "Best so far", note, svg, ...(rungs.length > 1 && { legend: rungs }) };
}

function historyText({ metric, points, rungs }: Drawing): string {
  const better = metric === "auc" ? Math.max : Math.min;
  const texts = rungs.flatMap((epochs) => {
    const values = points.filter((point) => point.epochs === epochs).map(({ value }) => value);
    return values.length > 0
      ? [`${epochs}: ${counted(values.length, "training")}, the best ${better(...values).toFixed(5)}`]
      : [];
  });
  return `Validation ${metricName(metric)} of each training. ${texts.join("; ")}.`;
}

/** Characters of all labels that have room below a figure, and the least that a label is cut to. */
const AXIS_CHARACTERS = 40;
const LEAST_CHARACTERS = 5;

/** The metric by one setting: each training is a point. */
export async function settingFigure(path: string, range: Range, drawing: Drawing): Promise<Figure> {
  const { metric, points, rungs } = drawing;
  const value = ({ settings }: Point): unknown => settings[path];
  // Choices are named by their number among the values: two of them may be shortened to one text.
  const choices = range.type === "choice" ? range.values.map((choice) => JSON.stringify(choice)) : [];
  const numberOf = (point: Point): number => choices.indexOf(JSON.stringify(value(point)));
  const length = Math.max(LEAST_CHARACTERS, Math.floor(AXIS_CHARACTERS / choices.length));
  const names = choices.map((text) => shortened(text.replaceAll('"', ""), length));
  const x =
    range.type === "choice"
      ? ({
          field: "x",
          type: "ordinal",
          title: null,
          scale: { domain: [...choices.keys()] },
          axis: { labelAngle: 0, labelExpr: `${JSON.stringify(names)}[datum.value]`, labelOverlap: false },
        } as const)
      : ({
          field: "x",
          type: "quantitative",
          title: null,
          scale: {
            type: range.type === "log-uniform" ? "log" : "linear",
            domain: [range.low, range.high],
            nice: false,
          },
          axis: { tickCount: 5, format: range.type === "integer" ? "d" : ".2~g", labelOverlap: "greedy" },
        } as const);
  const svg = await chart(
    marks(drawing, x, (point) => ({ x: range.type === "choice" ? numberOf(point) : value(point) })),
    { description: settingText(path, drawing), left: 60 },
  );
  const note = `Validation ${metricName(metric)} of each training${range.type === "log-uniform" ? "; log axis" : ""}.`;
  return { title: path, note, svg, ...(rungs.length > 1 && points.length > 0 && { legend: rungs }) };
}

function settingText(path: string, { metric, points }: Drawing): string {
  const best = points.toSorted((a, b) => (metric === "auc" ? b.value - a.value : a.value - b.value)).slice(0, 3);
  const texts = best.map(({ settings, value }) => `${value.toFixed(5)} with ${show(settings[path])}`);
  return `Validation ${metricName(metric)} by ${path}. The best: ${texts.join("; ")}.`;
}
