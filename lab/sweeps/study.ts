import type { FeatureSpec, ModelType } from "../../format/spec.ts";
import { MLP_SHAPES, shapeWidths } from "./mlp-shapes.ts";
import { type SettingOverrides, withSettings } from "./settings.ts";
import { type RunSummary, summarize } from "./summary.ts";
import { runSweep, type SweepOptions } from "./sweep.ts";

// The studies of hyper-parameters in the DeepFM paper (Guo et al. 2017, section 3.3), for any of its deep models.

/** What can be varied, each with the paper's figure. */
export const STUDIES = {
  activation: { figure: 7, axis: "activation" },
  dropout: { figure: 8, axis: "share of units kept" },
  width: { figure: 9, axis: "units a hidden layer" },
  depth: { figure: 10, axis: "hidden layers" },
  shape: { figure: 11, axis: "shape of the network" },
} as const;
export type Study = keyof typeof STUDIES;

/** The models that have hidden layers, in the order of Table 2. */
export const DEEP_MODELS: readonly ModelType[] = ["FNN", "IPNN", "OPNN", "PNN*", "LR & DNN", "FM & DNN", "DeepFM"];

/** One value of the setting that is varied, and the settings of a spec that make it so. */
export interface Variant {
  value: string;
  settings: SettingOverrides;
}

/** Shares of the units that dropout keeps. */
const KEEP = [1, 0.9, 0.8, 0.7, 0.6, 0.5];
const WIDTHS = [100, 200, 400, 800];
const DEPTHS = [1, 3, 5, 7];

/** The paper's network, which is varied where a spec states none. */
const PAPER_HIDDEN = [400, 400, 400];

/** The values of the paper's figure, as settings of this spec. */
export function variantsOf(study: Study, { model: { hidden = PAPER_HIDDEN } }: FeatureSpec): Variant[] {
  const [first] = hidden;
  const total = hidden.reduce((sum, width) => sum + width, 0);
  switch (study) {
    case "activation":
      return ["relu", "tanh", "sigmoid"].map((value) => ({ value, settings: { "model.activation": value } }));
    case "dropout":
      // Rounded, as 1 − 0.9 is 0.09999999999999998.
      return KEEP.map((keep) => ({
        value: keep.toFixed(1),
        settings: { "model.dropout": Number((1 - keep).toFixed(1)) },
      }));
    case "width":
      return WIDTHS.map((width) => ({ value: String(width), settings: { "model.hidden": hidden.map(() => width) } }));
    case "depth":
      return DEPTHS.map((depth) => ({
        value: String(depth),
        settings: { "model.hidden": new Array(depth).fill(first) },
      }));
    case "shape":
      return MLP_SHAPES.map((shape) => ({
        value: shape,
        settings: { "model.hidden": shapeWidths(shape, total, hidden.length) },
      }));
  }
}

/** One point of a figure, over all seeds, on the test log. */
export interface StudyResult extends RunSummary {
  value: string;
  settings: SettingOverrides;
}

export interface StudiedModel {
  model: ModelType;
  results: StudyResult[];
}

/** Trains each model with each variant and seed. */
export async function runStudy(
  study: Study,
  spec: FeatureSpec,
  models: readonly ModelType[],
  options: SweepOptions,
): Promise<StudiedModel[]> {
  const variants = variantsOf(study, spec);
  const cases = models.flatMap((model) =>
    variants.map(({ value, settings }) => ({
      model,
      value,
      settings,
      name: `${model}, ${study} ${value}`,
      spec: withSettings(spec, { "model.type": model, ...settings }, `${model}, ${study} ${value}`),
    })),
  );
  const runs = await runSweep(cases, options);
  const results = cases.map(({ model, value, settings }, i) => ({
    model,
    result: { value, settings, ...summarize(runs[i]) },
  }));
  return models.map((model) => ({
    model,
    results: results.filter((one) => one.model === model).map(({ result }) => result),
  }));
}
