import { FormatError } from "../../format/errors.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { Vocabulary } from "./vocabulary.ts";

export function saveVocabulary(path: string, { keys, fieldOf, counts, size }: Vocabulary): void {
  const tensors = {
    keys: { shape: [size, 2], data: keys },
    fields: { shape: [size], data: fieldOf },
    counts: { shape: [size], data: counts },
  };
  writeSafetensors(path, tensors, {});
}

export function loadVocabulary(path: string, fields: number): Vocabulary {
  const { keys, fields: fieldOf, counts } = readSafetensors(path).tensors;
  if (keys?.data instanceof Uint32Array && fieldOf?.data instanceof Uint16Array && counts?.data instanceof Uint32Array)
    return new Vocabulary(fields, keys.data, fieldOf.data, counts.data, `${path}: keys`);
  throw new FormatError(path, "got other tensors, expected keys, fields and counts");
}
