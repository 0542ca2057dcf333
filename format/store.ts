import * as v from "valibot";
import { toHex } from "./hash.ts";

// How published models lie in a key-value store. Blobs, pages and manifests never change: they are stored under a hash
// of their bytes, or of their blob's. Only the small keys are rewritten, so publishing, switching and rolling back end
// with one write. No key is a number: Workers KV drops canonical integer keys ("123") from the result of a bulk get.
//
//   default             which model serves where a request names none (pointer.ts)
//   models/<name>       the pointer to a model's version that serves (pointer.ts)
//   versions/<name>     the history of a model's publications (history.ts)
//   manifest/<64 hex>   what belongs to a version: its blob and its pages (published-manifest.ts)
//   blob/<64 hex>       a model blob, raw bytes, under its version (seal.ts)
//   page/<32 hex>       a row page, base64 text (a bulk get gives text only), under the digest of the bytes
//   pages/<64 hex>      all row pages of a version, as bytes, in places of equal size: in R2, in place of the former
//   model               the only pointer that earlier publishers wrote (pointer.ts)

/** The key of what names the default model. */
export function defaultKey(): string {
  return "default";
}

/** The key of a model's pointer. Of the empty name, it is what such keys begin with. */
export function pointerKey(model: string): string {
  return `models/${model}`;
}

/** The key of a model's history. Of the empty name, it is what such keys begin with. */
export function historyKey(model: string): string {
  return `versions/${model}`;
}

/** The key of a version's manifest; `version`: 64 lower-case hex digits. */
export function manifestKey(version: string): string {
  return `manifest/${version}`;
}

/** The key of a model blob; `version`: 64 lower-case hex digits. */
export function blobKey(version: string): string {
  return `blob/${version}`;
}

/** The key of a row page; `digest`: its 16 bytes, as the blob's section PAGES lists them. */
export function pageKey(digest: Uint8Array): string {
  return `page/${toHex(digest)}`;
}

/** The key of all row pages of a version together; `version`: 64 lower-case hex digits. */
export function packedPagesKey(version: string): string {
  return `pages/${version}`;
}

/** The key of the only pointer that a store has whose models have no names of their own. */
export function earlierPointerKey(): string {
  return "model";
}

/** Whether what is under a key never changes, so that it may be cached for ever. */
export function neverChanges(key: string): boolean {
  return /^(blob|page|pages|manifest)\//.test(key);
}

/** A model's version: the hash that names its blob. */
export const VersionSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits"));
