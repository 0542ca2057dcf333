import * as v from "valibot";
import { modelName } from "./field-schemas.ts";
import { toHex } from "./hash.ts";
import { parseJson, parseWith } from "./parse.ts";

// How a published model lies in a key-value store. Blobs and pages are stored under a hash of their bytes and never
// change; only the pointer is rewritten, so publishing, switching and rolling back are one write. Every key has a
// prefix that is not a number: Workers KV drops canonical integer keys ("123") from the result of a bulk get.
//
//   model               the pointer: JSON, {"model": "<name>", "version": "<64 hex>"}
//   blob/<64 hex>       a model blob, raw bytes, under its version (seal.ts)
//   page/<32 hex>       a row page, base64 text (a bulk get gives text only), under the digest of the bytes

/** The key of the pointer to the model that serves. */
export function pointerKey(): string {
  return "model";
}

/** The key of a model blob; `version`: 64 lower-case hex digits. */
export function blobKey(version: string): string {
  return `blob/${version}`;
}

/** The key of a row page; `digest`: its 16 bytes, as the blob's section PAGES lists them. */
export function pageKey(digest: Uint8Array): string {
  return `page/${toHex(digest)}`;
}

/** A model's version: the hash that names its blob. */
export const VersionSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits"));

const PointerSchema = v.strictObject({ model: modelName, version: VersionSchema });

/** The pointer as publishers wrote it up to format 4 of the blob. Its `model` is the version. */
const UnnamedPointerSchema = v.strictObject({ model: VersionSchema });

/** Which model serves: its name, and the version that names its blob. */
export type ModelPointer = v.InferOutput<typeof PointerSchema>;

/** The pointer's text. */
export function writePointer(pointer: ModelPointer): string {
  return JSON.stringify(parseWith(PointerSchema, pointer, "pointer"));
}

/** A pointer as it was read. `model`, the name, is null in one of the old form. */
export interface PublishedPointer {
  model: string | null;
  version: string;
}

/** Reads the pointer's text. Throws FormatError where it is none. */
export function readPointer(text: string): PublishedPointer {
  const pointer = parseJson(text, "pointer");
  if (typeof pointer === "object" && pointer !== null && "version" in pointer)
    return parseWith(PointerSchema, pointer, "pointer");
  return { model: null, version: parseWith(UnnamedPointerSchema, pointer, "pointer").model };
}
