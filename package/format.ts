// deepfm-edge/format: reads what the command line writes, and checks it. format/FORMAT.md, in this package, defines
// every byte. It runs in Node, browsers and Workers.

export type { Evidence, ItemCatalogue, ModelBlob } from "../format/blob.ts";
export {
  BLOB_VERSION,
  MAX_BLOB_BYTES,
  MAX_PAGE_BYTES,
  OLDEST_BLOB_VERSION,
  PAGE_VERSION,
} from "../format/constants.ts";
/** Thrown for all that breaks the contract: `place` says where, the message what was got and what was expected. */
export { FormatError, RequestError } from "../format/errors.ts";
export type { FittedField, FittedSpec } from "../format/fitted-spec.ts";
export type { GoldenRecords } from "../format/golden.ts";
export { fromHex, toHex } from "../format/hash.ts";
/** The keys under which a store holds models, and what they hold: pointers, histories and manifests. */
export { type History, type Publication, readHistory, writeHistory } from "../format/history.ts";
export { pageOfKey } from "../format/keys.ts";
export type { DenseLayer } from "../format/layer.ts";
/** `openPage` checks a page against the digest that its blob's manifest has for it. */
export { openPage, Page, type PageLayout, pageDigest } from "../format/page.ts";
/** A store may have a blob as a patch of another, which `applyPatch` makes a blob of. */
export { applyPatch, isPatch, type PatchHeader, readPatchHeader } from "../format/patch.ts";
export { type ModelPointer, readDefault, readPointer, writeDefault, writePointer } from "../format/pointer.ts";
export {
  type PublishedManifest,
  readPublishedManifest,
  writePublishedManifest,
} from "../format/published-manifest.ts";
export type { RawValue } from "../format/raw-value.ts";
/** `readManifest` reads what a server needs; `readBlob` reads, and checks, all of a blob. */
export { type BlobManifest, readBlob, readManifest } from "../format/read-blob.ts";
/** `verifyBlob` checks a blob's version and signature; `signerOf` says whose signature it has. */
export { signerOf, verifyBlob } from "../format/seal.ts";
export { type PublicKey, readPublicKeys } from "../format/signature.ts";
/** What a user writes: fields, model, training. */
export { type FeatureField, type FeatureSpec, type ModelType, parseFeatureSpec } from "../format/spec.ts";
export { blobKey, defaultKey, historyKey, manifestKey, pageKey, pointerKey } from "../format/store.ts";
