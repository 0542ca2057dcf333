import { type ChartLayer, chart } from "./chart.ts";
import { type Figure, SERIES } from "./page.ts";
import { type Limits, robustLimits } from "./robust-limits.ts";

/** A number by epoch. */
export interface Curve {
  name: string;
  points: readonly { epoch: number; value: number }[];
  /** The epoch whose weights were kept. */
  kept?: number | undefined;
}

export interface CurveOptions {
  title: string;
  /** How to read it. */
  note: string;
  /** The values that are bad: high ones of a loss, low ones of an AUC. */
  worst: "high" | "low";
  decimals?: number;
}

/** Ticks of the axis of epochs at most. */
const MOST_TICKS = 10;

/** Points beyond the axis that the note names. */
const NAMED_POINTS = 3;

/**
 * Curves over each other. The axis is that of the later epochs: what lies far beyond it, as the first epoch often does,
 * is a triangle at the edge, and the note says its value. Null where there is no value.
 */
export async function curveFigure(curves: readonly Curve[], options: CurveOptions): Promise<Figure | null> {
  const { title, worst, decimals = 4 } = options;
  const points: Point[] = curves.flatMap(({ name, points }) =>
    points.filter(({ value }) => Number.isFinite(value)).map(({ epoch, value }) => ({ name, epoch, value })),
  );
  const limits = robustLimits(
    points.map(({ value }) => value),
    worst,
  );
  if (limits === null) return null;
  const { low, high } = limits;
  const domain = [low, high];
  const beyond = points.filter(({ value }) => value < low || value > high);
  const epochs = [...new Set(points.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  const step = Math.ceil((epochs.at(-1) ?? 1) / MOST_TICKS);
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    scale: { zero: false, nice: false, padding: 8 },
    axis: { values: epochs.filter((epoch) => epoch % step === 0), format: "d" },
  } as const;
  const y = {
    field: "value",
    type: "quantitative",
    title: null,
    scale: { domain, zero: false, nice: false },
    axis: { tickCount: 5 },
  } as const;
  const names = curves.map(({ name }) => name);
  const range = names.map((_, i) => SERIES[i % SERIES.length]);
  const color = { field: "name", type: "nominal", legend: null, scale: { domain: names, range } } as const;
  const kept = curves.flatMap(({ name, kept }) => (kept === undefined ? [] : [{ name, epoch: kept }]));
  const keptMarks: ChartLayer =
    curves.length === 1 || kept.length === 1
      ? {
          data: { values: kept },
          mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
          encoding: { x },
        }
      : {
          data: { values: points.filter(({ name, epoch }) => kept.some((k) => k.name === name && k.epoch === epoch)) },
          mark: { type: "point", size: 110, strokeWidth: 1.5 },
          encoding: { x, y, color },
        };
  const edge = worst === "high" ? high : low;
  const svg = await chart(
    [
      ...(kept.length > 0 ? [keptMarks] : []),
      {
        data: {
          values: names.flatMap((name) =>
            within(
              points.filter((point) => point.name === name),
              limits,
            ),
          ),
        },
        mark: { type: "line" },
        encoding: { x, y, color, order: { field: "epoch" } },
      },
      {
        data: { values: points.filter((point) => !beyond.includes(point)) },
        mark: { type: "circle", size: 28, opacity: 1 },
        encoding: { x, y, color },
      },
      {
        data: { values: beyond.map((point) => ({ ...point, value: edge })) },
        mark: {
          type: "point",
          shape: worst === "high" ? "triangle-up" : "triangle-down",
          filled: true,
          opacity: 1,
          size: 70,
          yOffset: worst === "high" ? 5 : -5,
        },
        encoding: { x, y, color },
      },
    ],
    { description: describe(title, curves, decimals), left: 56 },
  );
  const note = [options.note, beyondText(beyond, curves.length > 1, decimals)].join(" ").trim();
  return { title, note, svg, ...(curves.length > 1 && { legend: names }) };
}

interface Point {
  name: string;
  epoch: number;
  value: number;
}

/** A line's points within the limits, and those where it leaves them: an SVG's own clipping needs names of its page. */
function within(points: readonly Point[], { low, high }: Limits): Point[] {
  const clamped = (value: number): number => Math.min(high, Math.max(low, value));
  return points.flatMap((point, i) => {
    const next = points[i + 1];
    const inside = clamped(point.value) === point.value;
    if (!next || inside === (clamped(next.value) === next.value)) return inside ? [point] : [];
    const edge = clamped(inside ? next.value : point.value);
    const epoch = point.epoch + ((next.epoch - point.epoch) * (edge - point.value)) / (next.value - point.value);
    const crossing = { ...point, epoch, value: edge };
    return inside ? [point, crossing] : [crossing];
  });
}

/** What is cut, in words; an empty text where nothing is. */
function beyondText(beyond: readonly Point[], named: boolean, decimals: number): string {
  if (beyond.length === 0) return "";
  const texts = beyond
    .slice(0, NAMED_POINTS)
    .map(({ name, epoch, value }) => `${named ? `${name}, ` : ""}epoch ${epoch}: ${value.toFixed(decimals)}`);
  const more = beyond.length > NAMED_POINTS ? `; and ${beyond.length - NAMED_POINTS} more` : "";
  return `Triangles lie beyond the axis (${texts.join("; ")}${more}).`;
}

function describe(title: string, curves: readonly Curve[], decimals: number): string {
  const texts = curves.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return `${name}: no epoch`;
    const from = `${first.value.toFixed(decimals)} at epoch ${first.epoch}`;
    return `${name}: ${first === last ? from : `${from}, ${last.value.toFixed(decimals)} at epoch ${last.epoch}`}`;
  });
  return `${title} by epoch. ${texts.join(". ")}.`;
}
