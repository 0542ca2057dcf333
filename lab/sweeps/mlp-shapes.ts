/** The shapes of an MLP that the DeepFM paper compares (Guo et al. 2017, section 3.3.5, Figure 11). */
export const MLP_SHAPES = ["constant", "increasing", "decreasing", "diamond"] as const;
export type MlpShape = (typeof MLP_SHAPES)[number];

/** Fewer layers than this have no diamond. */
const MIN_LAYERS = 3;

/**
 * Layer widths of a shape with `total` units in `layers` layers, at least three. For 600 in three, as in the paper:
 * constant 200-200-200, increasing 100-200-300, decreasing 300-200-100, diamond 150-300-150.
 */
export function shapeWidths(shape: MlpShape, total: number, layers: number): number[] {
  const count = Math.max(MIN_LAYERS, layers);
  const ratios = Array.from({ length: count }, (_, i) => ratio(shape, i, count));
  return apportion(total, ratios);
}

/** Width of layer i in relation to the other layers' widths. */
function ratio(shape: MlpShape, i: number, layers: number): number {
  switch (shape) {
    case "constant":
      return 1;
    case "increasing":
      return i + 1;
    case "decreasing":
      return layers - i;
    case "diamond":
      return Math.min(i + 1, layers - i);
  }
}

/**
 * Integers in these ratios that add up to `total` exactly, by Hamilton's method: all are rounded down, and then the
 * largest remainders get one more.
 */
function apportion(total: number, ratios: readonly number[]): number[] {
  const sum = ratios.reduce((a, b) => a + b, 0);
  const exact = ratios.map((r) => (total * r) / sum);
  const widths = exact.map(Math.floor);
  const missing = total - widths.reduce((a, b) => a + b, 0);
  const remainder = (i: number): number => exact[i] - widths[i];
  const byRemainder = [...widths.keys()].sort((a, b) => remainder(b) - remainder(a));
  for (const i of byRemainder.slice(0, missing)) widths[i]++;
  return widths;
}
