import type { Funnel, LogSummary, PhaseAnalysis } from "../analysis/experiment/result.ts";
import type { Interval } from "../analysis/experiment/result-metrics.ts";
import { MISMATCH_P } from "../analysis/sample-ratio.ts";
import { type ChartLayer, chart } from "./chart.ts";
import { percentText } from "./experiment-tables.ts";
import { LABEL_ROOM, shortened } from "./label.ts";
import { ACCENT, type Figure, SERIES } from "./page.ts";

/** Height of a row, in pixels. */
const ROW = 26;
/** Rows of intervals that one figure shows. */
const MOST_ROWS = 20;
/** What is drawn of an axis of p-values: from here on, they are as good as 0. */
const LEAST_P = 1e-6;

/** A lift with its name. */
export interface NamedLift {
  name: string;
  lift: Interval;
}

/** Lifts with their intervals: thin, the one that holds at any time; thick, the fixed one. Null where none is known. */
export async function liftFigure(title: string, lifts: readonly NamedLift[]): Promise<Figure | null> {
  const known = lifts.filter(({ lift }) => lift.effect !== null && (lift.sequential ?? lift.fixed) !== null);
  const shown = known.slice(0, MOST_ROWS);
  if (shown.length === 0) return null;
  const values = shown.map(({ name, lift }, rank) => ({ rank, label: shortened(name), effect: lift.effect }));
  const ends = (test: "fixed" | "sequential") =>
    shown.flatMap(({ lift }, rank) => {
      const { low, high } = lift[test] ?? {};
      return low == null || high == null ? [] : [{ rank, low, high }];
    });
  // The axis is by rank and has no labels of its own, as two names may be shortened to one text; marks stand for them.
  const y = { field: "rank", type: "ordinal", sort: null, axis: null } as const;
  const axis = { grid: true, tickCount: 5, format: ".0%" } as const;
  const x = { type: "quantitative", title: null, scale: { zero: true, padding: 8 }, axis } as const;
  const rule = (test: "fixed" | "sequential", strokeWidth: number): ChartLayer => ({
    data: { values: ends(test) },
    mark: { type: "rule", stroke: ACCENT, strokeWidth },
    encoding: { y, x: { field: "low", ...x }, x2: { field: "high" } },
  });
  const told = shown.map(({ name, lift }) => `${name} ${percentText(lift.effect)}`).join(", ");
  const svg = await chart(
    [
      {
        data: { values: [{ at: 0 }] },
        mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { x: { field: "at", ...x } },
      },
      {
        data: { values },
        mark: { type: "text", align: "right", baseline: "middle", fontSize: 11, fill: "var(--muted)" },
        encoding: { y, x: { value: -8 }, text: { field: "label" } },
      },
      rule("sequential", 1.5),
      rule("fixed", 4),
      {
        data: { values },
        mark: { type: "circle", fill: ACCENT, size: 80, opacity: 1 },
        encoding: { y, x: { field: "effect", ...x } },
      },
    ],
    { description: `${title}: ${told}`, height: ROW * shown.length, left: LABEL_ROOM },
  );
  const left = known.length > shown.length ? ` The first ${shown.length} of ${known.length}.` : "";
  const note = `Thin: the interval at any time. Thick: at the planned end.${left}`;
  return { title, note, svg };
}

/** The lift from look to look, with the band that holds at all of them. Null where no look knows it. */
export async function liftOverTime({ timeline }: PhaseAnalysis, arm: string): Promise<Figure | null> {
  const points = timeline.flatMap(({ at, lifts }) => {
    const lift = lifts.find((one) => one.arm === arm)?.lift;
    const { low, high } = lift?.sequential ?? {};
    return lift?.effect == null || low == null || high == null
      ? []
      : [{ at, effect: lift.effect, low: Math.max(-1, low), high: Math.min(MOST_LIFT, high) }];
  });
  if (points.length < 2) return null;
  const x = timeAxis(points);
  const axis = { tickCount: 5, format: ".0%" } as const;
  const y = { type: "quantitative", title: null, scale: { zero: true }, axis } as const;
  const last = points.at(-1);
  const svg = await chart(
    [
      {
        data: { values: points },
        mark: { type: "area", fill: ACCENT, fillOpacity: 0.18 },
        encoding: { x, y: { field: "low", ...y }, y2: { field: "high" } },
      },
      {
        data: { values: points },
        mark: { type: "line", stroke: ACCENT },
        encoding: { x, y: { field: "effect", ...y } },
      },
      {
        data: { values: [{ level: 0 }] },
        mark: { type: "rule", stroke: "var(--muted)", strokeDash: [4, 4] },
        encoding: { y: { field: "level", ...y } },
      },
    ],
    { description: `Lift of ${arm} over time, at last ${percentText(last?.effect ?? null)}`, left: 56 },
  );
  const note = "The band holds the lift at all looks together. It begins with 500 units an arm.";
  return { title: `Lift of ${arm} over time`, note, svg };
}

/** Lifts beyond it are drawn at the edge: with few units a band is as wide as nothing can be. */
const MOST_LIFT = 3;

/** Units by arm from look to look. */
export async function unitsOverTime({ timeline }: PhaseAnalysis): Promise<Figure> {
  const names = Object.keys(timeline[0]?.units ?? {});
  const values = timeline.flatMap(({ at, units }) => names.map((name) => ({ at, name, units: units[name] ?? 0 })));
  const range = names.map((_, i) => SERIES[i % SERIES.length]);
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "line" },
        encoding: {
          x: timeAxis(values),
          y: { field: "units", type: "quantitative", title: null, axis: { tickCount: 5, format: "~s" } },
          color: { field: "name", type: "nominal", legend: null, scale: { domain: names, range } },
        },
      },
    ],
    { description: `Units so far: ${names.join(", ")}`, left: 56 },
  );
  return { title: "Units", note: "Units so far, by arm.", svg, legend: names };
}

/** The sequential test of the sample ratio. Null with one arm. */
export async function ratioOverTime({ timeline }: PhaseAnalysis): Promise<Figure | null> {
  const values = timeline.flatMap(({ at, ratioP }) => (ratioP === null ? [] : [{ at, p: Math.max(LEAST_P, ratioP) }]));
  if (values.length === 0) return null;
  const axis = { values: [LEAST_P, 1e-3, 1e-1, 1], format: "~e" };
  const scale = { type: "log" as const, domain: [LEAST_P, 1] };
  const y = { type: "quantitative" as const, title: null, scale, axis };
  const svg = await chart(
    [
      {
        data: { values: [{ p: MISMATCH_P }] },
        mark: { type: "rule", stroke: SERIES[1], strokeDash: [4, 4] },
        encoding: { y: { field: "p", ...y } },
      },
      {
        data: { values },
        mark: { type: "line", stroke: ACCENT, interpolate: "step-after" },
        encoding: { x: timeAxis(values), y: { field: "p", ...y } },
      },
    ],
    { description: `Sample ratio, p at last ${values.at(-1)?.p}`, left: 56 },
  );
  const note = `p of the test that may look at any time. Below ${MISMATCH_P}, the dashes, units of an arm are missing.`;
  return { title: "Sample ratio", note, svg };
}

/** Where the lists of the phase went. */
export async function funnelFigure(log: LogSummary, funnel: Funnel): Promise<Figure> {
  const flagged = funnel.lists - funnel.listsInTwoArms - funnel.counted;
  const values = [
    ["lists that count", funnel.counted],
    ["flagged", flagged],
    ["units in two arms", funnel.listsInTwoArms],
    ["lines again", log.duplicateExposures],
    ["bad lines", log.bad],
  ].map(([name, lists]) => ({ name, lists }));
  const y = { field: "name", type: "nominal", title: null, sort: null } as const;
  const axis = { grid: true, tickCount: 4, format: "~s" } as const;
  const svg = await chart(
    [
      {
        data: { values },
        mark: { type: "bar", fill: ACCENT, cornerRadiusEnd: 3, height: { band: 0.6 } },
        encoding: { y, x: { field: "lists", type: "quantitative", title: null, axis } },
      },
    ],
    {
      description: values.map(({ name, lists }) => `${name} ${lists}`).join(", "),
      height: ROW * values.length,
      left: LABEL_ROOM,
    },
  );
  return { title: "What was left out", note: "Repeated and bad lines are of the whole log.", svg };
}

/** An axis of time whose labels are days, or hours of an experiment that is shorter. */
function timeAxis(values: readonly { at: string }[]) {
  const span = Date.parse(values.at(-1)?.at ?? "") - Date.parse(values[0]?.at ?? "");
  const format = span > 3 * DAY_MS ? "%b %-d" : span > 5 * MINUTE_MS ? "%H:%M" : "%H:%M:%S";
  return {
    field: "at",
    type: "temporal",
    title: null,
    scale: { type: "utc" },
    axis: { tickCount: 4, format },
  } as const;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
