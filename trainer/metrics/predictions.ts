import type { Floats } from "./order.ts";

/** A labeled log as a model scored it, N records. */
export interface Predictions {
  /** [N]: as served, through the calibration map where there is one. */
  logits: Floats;
  /** [N]: those from before the calibration map; absent without one. */
  uncalibrated?: Floats;
  /** [N]: 0 or 1. */
  labels: Uint8Array;
  /** [N] sample weights; without them every record counts 1. */
  weights?: Floats;
}
