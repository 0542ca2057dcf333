import type * as v from "valibot";
import { parseJson, parseJsonBytes, parseWith } from "../../format/parse.ts";
import { CHECKSUM, checksumOf, verifyChecksum } from "./checksum.ts";
import { readWhole, toJson, writeWhole } from "./files.ts";

// JSON that one run writes and a later one reads: an object whose last member is the checksum of the others. It is that
// of their values and not of the text, which may be laid out anew. JSON without it was written by hand, or by an
// earlier version.

/** An object with its checksum. */
export function withChecksum(object: object): object {
  return { ...object, [CHECKSUM]: checksumOf(JSON.stringify(object)) };
}

/** Writes a file whole or not at all. Throws UserError. */
export function writeJson(path: string, object: object): void {
  writeWhole(path, toJson(withChecksum(object)));
}

/** Reads a file. Throws FormatError, which names the place in it, where it is not what `schema` says, or damaged. */
export function readJson<Schema extends v.GenericSchema>(path: string, schema: Schema): v.InferOutput<Schema> {
  return parseWith(schema, verified(parseJsonBytes(readWhole(path), path), path), path);
}

/** The same for a text, which `place` names. */
export function readJsonText<Schema extends v.GenericSchema>(
  text: string,
  schema: Schema,
  place: string,
): v.InferOutput<Schema> {
  return parseWith(schema, verified(parseJson(text, place), place), place);
}

/** What was read, without its checksum. */
function verified(read: unknown, place: string): unknown {
  if (typeof read !== "object" || read === null || !(CHECKSUM in read)) return read;
  const { [CHECKSUM]: stated, ...object } = read;
  verifyChecksum(checksumOf(JSON.stringify(object)), stated, place);
  return object;
}
