import { FormatError, show } from "../../format/errors.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../../format/spec.ts";
import { parseSettings } from "../../format/unknown-key.ts";

/** Values to put into a feature spec, by dotted path: `training.learningRate`, `fields.user.encoding.minCount`. */
export type SettingOverrides = Record<string, unknown>;

/**
 * The spec with the settings put in, checked anew. A path names a field by its name. Throws FormatError, naming
 * `source` and the path, where there is no such setting or the value does not fit.
 */
export function withSettings(spec: FeatureSpec, settings: SettingOverrides, source: string): FeatureSpec {
  const changed: unknown = structuredClone(spec);
  for (const [path, value] of Object.entries(settings)) {
    const keys = path.split(".");
    const last = keys.pop() as string;
    let at: unknown = changed;
    for (const key of keys) at = child(at, key);
    if (!isObject(at) || Array.isArray(at))
      throw new FormatError(`${source}: ${path}`, "got a path to nothing, expected one into the feature spec");
    // Not by assignment, which would set the prototype of an object where a path ends in __proto__.
    Object.defineProperty(at, last, { value, enumerable: true, writable: true, configurable: true });
  }
  return parseSettings(FeatureSpecSchema, changed, source);
}

/** The value that a spec has at a dotted path; undefined where it has none. */
export function settingAt(spec: FeatureSpec, path: string): unknown {
  return path.split(".").reduce(child, spec as unknown);
}

/** What a path's key leads to: a field by its name, or a property. */
function child(parent: unknown, key: string): unknown {
  if (Array.isArray(parent)) return parent.find((field) => isObject(field) && field.name === key);
  return isObject(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Settings as one line of text. */
export function settingsText(settings: SettingOverrides): string {
  return Object.entries(settings)
    .map(([path, value]) => `${path} = ${typeof value === "number" ? Number(value.toPrecision(4)) : show(value)}`)
    .join(", ");
}
