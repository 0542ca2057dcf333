import type { TopLevelSpec } from "vega-lite";
import { escapeHtml } from "./page.ts";

/** The plot's size in pixels, with the usual padding: a phone shows it at that size, a wider column scales it up. */
const WIDTH = 300;
const HEIGHT = 190;

/** Room around the plot, in pixels. It is fixed, as vega can only guess how wide a text is without a canvas. */
const PADDING = { left: 46, right: 14, top: 10, bottom: 42 };

const CONFIG: NonNullable<TopLevelSpec["config"]> = {
  font: "inherit",
  // The drawing is one image to a screen reader, with the description for its text.
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: "var(--muted)",
    titleColor: "var(--muted)",
    gridColor: "var(--grid)",
    domainColor: "var(--line)",
    tickColor: "var(--line)",
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelOverlap: true,
  },
  axisY: { domain: false, ticks: false, labelPadding: 6 },
  axisX: { grid: false, labelPadding: 4 },
};

/** What vega says of each group of marks, without a name, although it is told to say nothing. */
const ROLES = / role="graphics-\w+" aria-roledescription="[^"]*"/g;

/** What a chart is made of: vega-lite's layers and their data, with colors that may be CSS variables. */
export type ChartLayers = Extract<TopLevelSpec, { layer: unknown }>["layer"];

export type ChartLayer = ChartLayers[number];

export interface ChartOptions {
  /** What a screen reader reads aloud in the chart's place: what it shows, and its most telling numbers. */
  description: string;
  height?: number;
  /** Pixels left of the plot, for long labels. */
  left?: number;
}

/** Renders layers to an SVG that stands alone: no script, no font to fetch. */
export async function chart(layer: ChartLayers, { description, height = HEIGHT, left }: ChartOptions): Promise<string> {
  // Loading vega takes half a second: only a command that writes a report pays for it.
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const padding = { ...PADDING, left: left ?? PADDING.left };
  const width = WIDTH + PADDING.left - padding.left;
  const spec: TopLevelSpec = {
    width,
    height,
    padding,
    autosize: "none",
    background: "transparent",
    layer,
    config: CONFIG,
  };
  const logger = vega.logger(vega.Error);
  const view = new vega.View(vega.parse(compile(spec, { logger }).spec), { renderer: "none", logger });
  const svg = await view.toSVG();
  view.finalize();
  // Without its own width the SVG takes that of the page's column, and a height in proportion.
  const label = `role="img" aria-label="${escapeHtml(description)}"`;
  return svg
    .replaceAll(ROLES, "")
    .replace(/^<svg ([^>]*?) width="[^"]*" height="[^"]*"/, (_, kept) => `<svg ${label} ${kept}`);
}
