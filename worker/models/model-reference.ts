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
