import * as v from "valibot";
import { BLOB_PART_BYTES } from "./constants.ts";
import { toHex } from "./hash.ts";

// How published models lie in a key-value store. Blobs, pages and manifests never change: they are stored under a hash
// of their bytes, or of their blob's. Only the small keys are rewritten, so publishing, switching and rolling back end
// with one write. No key is a number: Workers KV drops canonical integer keys ("123") from the result of a bulk get.
//
//   default             which model serves where a request names none (pointer.ts)
//   models/<name>       the pointer to a model's version that serves (pointer.ts)
//   versions/<name>     the history of a model's publications (history.ts)
//   manifest/<64 hex>   what belongs to a version: its blob and its pages (published-manifest.ts)
//   blob/<64 hex>       a model blob, raw bytes, under its version (seal.ts); of a longer one, its first part; or in
//                       place of them a patch (patch.ts) that makes it of another version's blob
//   blob/<64 hex>.<n>   its n-th further part
//   page/<32 hex>       a row page, base64 text (a bulk get gives text only), under the digest of the bytes
//   pages/<64 hex>      all row pages of a version, as bytes, in places of equal size: in R2, in place of the former
//   uploading/<64 hex>  what is being uploaded of a version, or was when its publisher was stopped (upload.ts)
//   uploaded/<64 hex>   how far that is (upload.ts)
//   removing/<64 hex>   the manifest of a version that is being removed
//   experiments         which payload of experiments serves, or one itself (experiments-pointer.ts)
//   payload/<64 hex>    a payload of experiments (experiment.ts), under the SHA-256 of its bytes
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

/** The key of a model blob, or of its first part; `version`: 64 lower-case hex digits. */
export function blobKey(version: string): string {
  return `blob/${version}`;
}

/**
 * The keys of the parts of a blob of so many bytes, in their order. All but the last have `partBytes`. They follow from
 * the version and the length, so that nothing need name them: not the pointer, nor a request for a version, nor the
 * history that a rollback reads.
 */
export function blobPartKeys(version: string, bytes: number, partBytes: number = BLOB_PART_BYTES): string[] {
  const parts = Math.max(1, Math.ceil(bytes / partBytes));
  return Array.from({ length: parts }, (_, part) => (part === 0 ? blobKey(version) : `${blobKey(version)}.${part}`));
}

/** The key of what is being uploaded of a version; `version`: 64 lower-case hex digits. */
export function uploadKey(version: string): string {
  return `uploading/${version}`;
}

/** The key that says how far the upload of a version is; `version`: 64 lower-case hex digits. */
export function uploadedKey(version: string): string {
  return `uploaded/${version}`;
}

/** The key of what is being removed of a version; `version`: 64 lower-case hex digits. */
export function removalKey(version: string): string {
  return `removing/${version}`;
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
  return /^(blob|page|pages|manifest|payload)\//.test(key);
}

/** A model's version: the hash that names its blob. */
export const VersionSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits"));
