import { PRODUCT_INNER, PRODUCT_OUTER } from "../../../format/constants.ts";
import type { ModelType, ResolvedSpec } from "../../../format/spec.ts";
import type { ModelDefinition } from "../model.ts";
import { deepfm } from "./deepfm.ts";
import { fm } from "./fm.ts";
import { fmDnn } from "./fm-dnn.ts";
import { fnn } from "./fnn.ts";
import { lr } from "./lr.ts";
import { lrDnn } from "./lr-dnn.ts";
import { pnn } from "./pnn.ts";
import { twoTower } from "./two-tower.ts";

/** The models of the DeepFM paper's Table 2, and the two-tower form of DeepFM. */
export const MODELS: Record<ModelType, (spec: ResolvedSpec) => ModelDefinition> = {
  LR: lr,
  FM: fm,
  FNN: fnn,
  IPNN: (spec) => pnn(spec, PRODUCT_INNER),
  OPNN: (spec) => pnn(spec, PRODUCT_OUTER),
  "PNN*": (spec) => pnn(spec, PRODUCT_INNER | PRODUCT_OUTER),
  "LR & DNN": lrDnn,
  "FM & DNN": fmDnn,
  DeepFM: deepfm,
  "two-tower": twoTower,
};
