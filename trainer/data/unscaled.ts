import type { FeatureSpec } from "../../format/spec.ts";
import type { ClickLog } from "./click-log.ts";

/**
 * The root mean square of a column's numbers from which they are warned of as unscaled. A row is multiplied by the
 * number, and the row's gradient too, so a step moves the logit as if its learning rate were the number's square times
 * as large: a hundred times, here.
 */
const LARGE = 10;

/** Warnings of numeric fields that are encoded as their unscaled `value` though their numbers are large. */
export async function unscaledWarnings({ fields }: FeatureSpec, log: ClickLog): Promise<string[]> {
  const warnings: string[] = [];
  for (const field of fields) {
    const { name, encoding } = field;
    if (encoding.kind !== "value" || encoding.scale !== "none") continue;
    const expressions = ["min(x)", "max(x)", "avg(x)", "stddev_pop(x)"];
    const [least, largest, mean, deviation] = await log.aggregate(field, expressions);
    if (!(Math.hypot(mean, deviation) > LARGE)) continue;
    warnings.push(
      `${log.path}: column ${name} is encoded as its unscaled value, with numbers from ${text(least)} to ` +
        `${text(largest)} and a standard deviation of ${text(deviation)}, so training may diverge: write "encoding": ` +
        '{"kind": "spline"}, or {"kind": "value", "scale": "standard"}',
    );
  }
  return warnings;
}

function text(x: number): string {
  return String(Number(x.toPrecision(6)));
}
