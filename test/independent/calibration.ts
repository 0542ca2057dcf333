import { at, check } from "./refusal.ts";
import { objectOf } from "./spec.ts";

// Section 5, 1 SPEC, and section 6, Calibration: the map that a raw logit goes through. Rule 6.

export interface Calibration {
  x: number[];
  y: number[];
  low: number;
  high: number;
}

const RULE = 6;

function ascending(value: unknown, name: string): number[] {
  check(Array.isArray(value) && value.length >= 1 && value.length <= 1024, RULE, `${name}: got no 1–1,024 numbers`);
  value.forEach((x, i) => {
    check(Number.isFinite(x) && (i === 0 || value[i - 1] < x), RULE, `${name}: got ${x} out of order`);
  });
  return value;
}

/** The map of SPEC; null where there is none. */
export function readCalibration(value: unknown): Calibration | null {
  if (value === undefined) return null;
  const { method, logits, calibrated, slopes } = objectOf(
    value,
    ["method", "logits", "calibrated", "slopes"],
    [],
    RULE,
  );
  check(method === "platt" || method === "isotonic", RULE, `got method ${method}`);
  const [x, y] = [ascending(logits, "logits"), ascending(calibrated, "calibrated")];
  check(x.length === y.length, RULE, `got ${y.length} calibrated logits of ${x.length}`);
  check(Array.isArray(slopes) && slopes.length === 2, RULE, "got no two slopes");
  for (const slope of slopes) check(Number.isFinite(slope) && slope > 0, RULE, `got slope ${slope}`);
  return { x, y, low: slopes[0], high: slopes[1] };
}

/** The logit of a raw one. */
export function calibrate(map: Calibration | null, raw: number): number {
  if (map === null) return raw;
  const { x, y, low, high } = map;
  const n = x.length;
  if (raw <= at(x, 0)) return at(y, 0) + low * (raw - at(x, 0));
  if (raw >= at(x, n - 1)) return at(y, n - 1) + high * (raw - at(x, n - 1));
  const i = x.findLastIndex((knot) => knot <= raw);
  return at(y, i) + ((raw - at(x, i)) * (at(y, i + 1) - at(y, i))) / (at(x, i + 1) - at(x, i));
}
