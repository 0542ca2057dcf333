import { BLOB_HEADER_BYTES, MAX_BLOB_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import { type PublishedManifest, readPublishedManifest } from "../format/published-manifest.ts";
import { readManifest } from "../format/read-blob.ts";
import { verifyBlob } from "../format/seal.ts";
import { blobKey, blobPartKeys, manifestKey } from "../format/store.ts";
import { statedLength } from "../runtime/placed-blob.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";

// What a store has of a version.

/**
 * A version's blob, checked against its version; null where its first part is missing. Throws FormatError where it is
 * damaged or lacks another part.
 */
export async function storedBlob(store: KvStore, version: string): Promise<Uint8Array | null> {
  const first = await store.bytes(blobKey(version));
  if (first === null) return null;
  const length = first.length < BLOB_HEADER_BYTES ? first.length : Math.min(statedLength(first), MAX_BLOB_BYTES);
  const parts = [first];
  for (const key of blobPartKeys(version, length).slice(1)) {
    const part = await store.bytes(key);
    if (part === null) throw new FormatError(key, "missing");
    parts.push(part);
  }
  const blob = parts.length === 1 ? first : Buffer.concat(parts);
  try {
    await verifyBlob(blob, [], version);
  } catch (error) {
    throw error instanceof FormatError ? new FormatError(blobKey(version), error.message) : error;
  }
  return blob;
}

/**
 * A version's manifest, or what its blob says where there is no manifest, as of earlier publishers, or a damaged one.
 * Throws FormatError where the blob is missing or damaged too.
 */
export async function manifestOfVersion(store: KvStore, version: string): Promise<PublishedManifest> {
  const text = await textOf(store, manifestKey(version));
  try {
    if (text !== null) return readPublishedManifest(text, version);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  const blob = await storedBlob(store, version);
  if (blob === null) throw new FormatError(manifestKey(version), `missing or damaged, as is ${blobKey(version)}`);
  const { spec, pageDigests } = readManifest(blob);
  return { model: spec.name, bytes: blob.length, pageDigests };
}
