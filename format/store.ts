import * as v from "valibot";
import { toHex } from "./hash.ts";
import { parseJson, parseWith } from "./parse.ts";

// How a published model lies in a key-value store. Blobs and pages are stored under a hash of their bytes and never
// change; only the pointer is rewritten, so publishing, switching and rolling back are one write. Every key has a
// prefix that is not a number: Workers KV drops canonical integer keys ("123") from the result of a bulk get.
//
//   model               the pointer: JSON, {"model": "<64 hex>"}
//   blob/<64 hex>       a model blob, raw bytes, under its name (seal.ts)
//   page/<32 hex>       a row page, base64 text (a bulk get gives text only), under the digest of the bytes

/** The key of the pointer to the model that serves. */
export function pointerKey(): string {
  return "model";
}

/** The key of a model blob; `hash`: its name, 64 lower-case hex digits. */
export function blobKey(hash: string): string {
  return `blob/${hash}`;
}

/** The key of a row page; `digest`: its 16 bytes, as the blob's section PAGES lists them. */
export function pageKey(digest: Uint8Array): string {
  return `page/${toHex(digest)}`;
}

export const PointerSchema = v.strictObject({
  model: v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/),
    v.description("The name of the blob that serves: 64 hex digits."),
  ),
});

export type ModelPointer = v.InferOutput<typeof PointerSchema>;

/** The pointer's text. */
export function writePointer(pointer: ModelPointer): string {
  return JSON.stringify(parseWith(PointerSchema, pointer, "pointer"));
}

/** Reads the pointer's text. Throws FormatError where it is not one. */
export function readPointer(text: string): ModelPointer {
  return parseWith(PointerSchema, parseJson(text, "pointer"), "pointer");
}
