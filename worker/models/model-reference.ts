import * as v from "valibot";
import { modelName } from "../../format/field-schemas.ts";
import { VersionSchema } from "../../format/store.ts";

/** What a request asks for: a model as its pointer has it, or one version of it, whatever the pointer says. */
export interface ModelReference {
  model: string;
  /** Null: the version that the pointer names. */
  version: string | null;
}

/**
 * A reference as text: `ads`, or `ads@` and a whole version. A part of a version is none: what it names would differ
 * with what an isolate happens to know.
 */
export const ReferenceSchema = v.pipe(
  v.string(),
  v.check(
    (text) => readReference(text) !== null,
    "expected a model's name, or name@version with the version's 64 lower-case hex digits",
  ),
  v.transform((text) => readReference(text) as ModelReference),
);

function readReference(text: string): ModelReference | null {
  const at = text.indexOf("@");
  const [model, version] = at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (!v.is(modelName, model) || !(version === null || v.is(VersionSchema, version))) return null;
  return { model, version };
}

export function referenceText({ model, version }: ModelReference): string {
  return version === null ? model : `${model}@${version}`;
}
