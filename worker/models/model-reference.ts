import * as v from "valibot";

/**
 * What a request asks for, as text: `ads`, or `ads@` and a whole version. A part of a version is none: what it names
 * would differ with what an isolate happens to know.
 */
export const ReferenceSchema = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9._-]{0,63}(@[0-9a-f]{64})?$/,
    "expected a model's name, or name@version with the version's 64 lower-case hex digits",
  ),
);

/** A model as its pointer has it, or one version of it, whatever the pointer says. */
export interface ModelReference {
  model: string;
  /** Null: the version that the pointer names. */
  version: string | null;
}

/** What a text of ReferenceSchema refers to. */
export function readReference(text: string): ModelReference {
  const at = text.indexOf("@");
  return at < 0 ? { model: text, version: null } : { model: text.slice(0, at), version: text.slice(at + 1) };
}

export function referenceText({ model, version }: ModelReference): string {
  return version === null ? model : `${model}@${version}`;
}
