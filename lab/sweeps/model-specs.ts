import * as v from "valibot";
import { chosenName } from "../../format/choice.ts";
import { FormatError, show } from "../../format/errors.ts";
import { namedValues } from "../../format/named-values.ts";
import { parseWith } from "../../format/parse.ts";
import { type FeatureSpec, MODEL_TYPES, type ModelType } from "../../format/spec.ts";
import { parseWrittenJson } from "../../format/written-json.ts";
import { type SettingOverrides, withSettings } from "./settings.ts";

/** A spec with the file that it came from. */
export interface NamedSpec {
  path: string;
  spec: FeatureSpec;
}

/** For each model, what differs from the common setting. */
export type ModelSettings = Partial<Record<ModelType, SettingOverrides>>;

const ModelSettingsSchema = namedValues(v.string(), namedValues(v.string(), v.unknown()));

/** Parses the JSON text of settings per model: `{"LR": {"training.optimizer": "ftrl"}, …}`. */
export function parseModelSettings(text: string, source: string): ModelSettings {
  const parsed = parseWith(ModelSettingsSchema, parseWrittenJson(text, source), source);
  const settings: ModelSettings = {};
  for (const [name, own] of Object.entries(parsed)) {
    const type = modelType(name, source);
    if (settings[type])
      throw new FormatError(source, `got ${show(name)}, whose settings are there already, expected ${type} once`);
    settings[type] = own;
  }
  return settings;
}

/** The model type of that name, in any letter case. Throws FormatError where there is none. */
export function modelType(name: string, source: string): ModelType {
  const found = chosenName(MODEL_TYPES, name);
  if (!found) throw new FormatError(source, `got the model ${show(name)}, expected one of ${MODEL_TYPES.join(", ")}`);
  return found;
}

/**
 * The spec that each model is trained with. A model takes the further spec of its own type where there is one, and
 * otherwise the first spec with `model.type` replaced; its settings, which `source` names in errors, are put on top.
 * Throws FormatError where a further spec or settings are those of none of the models.
 */
export function specsOfModels(
  [base, ...own]: readonly NamedSpec[],
  models: readonly ModelType[],
  settings: ModelSettings,
  source: string,
): { name: ModelType; spec: FeatureSpec }[] {
  if (!base) throw new Error("got no spec, expected at least one");
  const checkUsed = (type: ModelType, path: string, what: string): void => {
    if (models.includes(type)) return;
    throw new FormatError(path, `got ${what} ${type}, expected one of the models to train: ${models.join(", ")}`);
  };
  for (const type of Object.keys(settings) as ModelType[]) checkUsed(type, source, "settings of");
  for (const [i, { path, spec }] of own.entries()) {
    const { type } = spec.model;
    checkUsed(type, path, "a spec of");
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
