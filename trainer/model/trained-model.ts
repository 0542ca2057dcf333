import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { ResolvedSpec } from "../../format/spec.ts";
import type { Calibration } from "../calibration/fit.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { Learner } from "./learner.ts";

/** A model that can predict and be exported: what training ends with, and what a run folder holds. */
export interface TrainedModel {
  spec: ResolvedSpec;
  /** The part of the spec that encodes records, with what training fitted: boundaries, shifts and factors. */
  fitted: FittedSpec;
  /** The rows' keys, fields and counts. */
  vocabulary: Vocabulary;
  /** The weights. */
  learner: Learner;
  /** What its logits go through before they are served; absent where they are served as they are. */
  calibration?: Calibration;
}
