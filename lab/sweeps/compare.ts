import * as v from "valibot";
import { FormatError, show } from "../../format/errors.ts";
import { parseWith } from "../../format/parse.ts";
import { type FeatureSpec, MODEL_TYPES, type ModelType } from "../../format/spec.ts";
import { pretrainingSpec } from "../../trainer/model/pretrain.ts";
import { measureEpochs } from "./pace.ts";
import type { ExperimentResult } from "./run.ts";
import { type ExperimentOptions, runExperiments } from "./runs.ts";
import { type Settings, withSettings } from "./settings.ts";
import { type Spread, spread } from "./summary.ts";

/** The nine models of the DeepFM paper's Table 2 (Guo et al. 2017), in its order. */
export const TABLE_2: readonly ModelType[] = MODEL_TYPES.filter((type) => type !== "two-tower");

/** A line of Table 2: a model over all seeds, on the test log. */
export interface ComparedModel {
  model: ModelType;
  auc: Spread;
  logloss: Spread;
  parameters: number;
  /** Training time divided by LR's (Figure 6), an FNN's pre-training included. Null where LR is not among the models. */
  timeToLr: number | null;
}

/** A spec with the file that it came from. */
export interface NamedSpec {
  path: string;
  spec: FeatureSpec;
}

/** Per model, what differs from the common setting. */
export type ModelSettings = Partial<Record<ModelType, Settings>>;

const ModelSettingsSchema = v.record(v.string(), v.record(v.string(), v.unknown()));

/** Reads a file of settings per model: `{"LR": {"training.optimizer": "ftrl"}, …}`. */
export function parseModelSettings(text: string, source: string): ModelSettings {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    throw new FormatError(source, `not JSON: ${(error as Error).message}`);
  }
  const parsed = parseWith(ModelSettingsSchema, input, source);
  return Object.fromEntries(Object.entries(parsed).map(([name, settings]) => [modelType(name, source), settings]));
}

/** The model of that name; letter case and spaces do not matter. */
export function modelType(name: string, source: string): ModelType {
  const plain = (text: string): string => text.replaceAll(/\s/g, "").toLowerCase();
  const found = MODEL_TYPES.find((type) => plain(type) === plain(name));
  if (!found) throw new FormatError(source, `got the model ${show(name)}, expected one of ${MODEL_TYPES.join(", ")}`);
  return found;
}

/**
 * The spec that each model is trained with: the first spec with another `model.type`, or the one among the further specs
 * that is of this type; then the model's settings on top.
 */
export function specsOfModels(
  [base, ...own]: readonly NamedSpec[],
  models: readonly ModelType[],
  settings: ModelSettings,
  source: string,
): { name: ModelType; spec: FeatureSpec }[] {
  if (!base) throw new Error("got no spec, expected at least one");
  for (const [i, { path, spec }] of own.entries()) {
    const { type } = spec.model;
    if (own.slice(0, i).some((other) => other.spec.model.type === type))
      throw new FormatError(path, `got a second spec of ${type} after the first, expected one a model`);
    if (spec.label !== base.spec.label)
      throw new FormatError(
        path,
        `got the label ${show(spec.label)}, expected ${show(base.spec.label)} as in ${base.path}`,
      );
  }
  return models.map((name) => {
    const { path, spec } = own.find((other) => other.spec.model.type === name) ?? base;
    const typed = withSettings(spec, { "model.type": name }, path);
    return { name, spec: withSettings(typed, settings[name] ?? {}, `${source}: ${name}`) };
  });
}

/** Trains each model with each seed, and then measures how their training times relate. */
export async function compare(
  models: readonly { name: ModelType; spec: FeatureSpec }[],
  options: ExperimentOptions,
): Promise<ComparedModel[]> {
  const results = await runExperiments(models, options);
  const times = await timesToLr(models, results, options);
  return models.map(({ name }, i) => {
    const runs = results[i] as ExperimentResult[];
    return {
      model: name,
      auc: spread(runs.map(({ test }) => test.auc)),
      logloss: spread(runs.map(({ test }) => test.logloss)),
      parameters: runs[0]?.parameters ?? Number.NaN,
      timeToLr: times[i] ?? null,
    };
  });
}

async function timesToLr(
  models: readonly { name: ModelType; spec: FeatureSpec }[],
  results: readonly ExperimentResult[][],
  { logs, backend }: ExperimentOptions,
): Promise<number[]> {
  const lr = models.findIndex(({ name }) => name === "LR");
  if (lr < 0) return [];
  const stages = models.map(({ name, spec }) => (name === "FNN" ? [spec, pretrainingSpec(spec)] : [spec]));
  const title = `measure the pace of ${models.length} ${models.length === 1 ? "model" : "models"}`;
  const epochs = await measureEpochs(title, stages.flat(), logs, backend);
  const seconds = stages.map(({ length }, i) => {
    const [training = Number.NaN, pretraining] = epochs.splice(0, length);
    return trainingSeconds(results[i] as ExperimentResult[], training, pretraining);
  });
  return seconds.map((time) => time / (seconds[lr] as number));
}

/**
 * Mean training time of a model's runs, up to where early stopping ended them, in seconds: of epochs of that many seconds,
 * and of those of its pre-training where it has one. A run of an earlier version does not say how many epochs that had:
 * then as many as the training itself. An FM's are short, so the ratio hardly depends on it.
 */
export function trainingSeconds(
  runs: readonly Pick<ExperimentResult, "epochs" | "pretrainingEpochs">[],
  epochSeconds: number,
  pretrainingEpochSeconds = 0,
): number {
  const seconds = runs.map(
    ({ epochs, pretrainingEpochs = epochs }) => epochs * epochSeconds + pretrainingEpochs * pretrainingEpochSeconds,
  );
  return spread(seconds).mean;
}
