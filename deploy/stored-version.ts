import { BLOB_HEADER_BYTES, MAX_BLOB_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import { applyPatch, isPatch, readPatchHeader } from "../format/patch.ts";
import { type PublishedManifest, readPublishedManifest } from "../format/published-manifest.ts";
import { readManifest } from "../format/read-blob.ts";
import { verifyBlob } from "../format/seal.ts";
import { blobKey, blobPartKeys, manifestKey } from "../format/store.ts";
import { statedLength } from "../runtime/placed-blob.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";

// What a store has of a version.

/** A blob of a store. */
export interface StoredBlob {
  bytes: Uint8Array;
  /** The version that the store has it as a patch of; null: it has the blob as it is. */
  base: string | null;
}

/**
 * A version's blob, checked against its version; null where its first value is missing. Throws FormatError, with the
 * key as its place, where it is damaged, or lacks another part or the base that it is a patch of.
 */
export async function storedBlob(store: KvStore, version: string): Promise<StoredBlob | null> {
  const first = await store.bytes(blobKey(version));
  if (first === null) return null;
  if (!isPatch(first)) return { bytes: await wholeBlob(store, version, first), base: null };
  const { base } = await under(blobKey(version), async () => readPatchHeader(first));
  const firstOfBase = await store.bytes(blobKey(base));
  if (firstOfBase === null) throw new FormatError(blobKey(base), `missing, of which ${blobKey(version)} is a patch`);
  if (isPatch(firstOfBase))
    throw new FormatError(
      blobKey(base),
      `got a patch, expected a blob as it is, as ${blobKey(version)} is a patch of it`,
    );
  const baseBytes = await wholeBlob(store, base, firstOfBase);
  const bytes = await under(blobKey(version), async () => {
    const blob = applyPatch(first, baseBytes);
    await verifyBlob(blob, [], version);
    return blob;
  });
  return { bytes, base };
}

/**
 * A version's blob, or the first part of it, unchecked; null where it is missing. Throws FormatError where it is a
 * patch that makes no blob.
 */
export async function startOfBlob(store: KvStore, version: string): Promise<Uint8Array | null> {
  const first = await store.bytes(blobKey(version));
  return first && isPatch(first) ? ((await storedBlob(store, version))?.bytes ?? null) : first;
}

/** A blob that a store has as it is, `first` its first part. */
async function wholeBlob(store: KvStore, version: string, first: Uint8Array): Promise<Uint8Array> {
  const length = first.length < BLOB_HEADER_BYTES ? first.length : Math.min(statedLength(first), MAX_BLOB_BYTES);
  const parts = [first];
  for (const key of blobPartKeys(version, length).slice(1)) {
    const part = await store.bytes(key);
    if (part === null) throw new FormatError(key, "missing");
    parts.push(part);
  }
  const blob = parts.length === 1 ? first : Buffer.concat(parts);
  await under(blobKey(version), () => verifyBlob(blob, [], version));
  return blob;
}

/** Has what is thrown of a value name its key. */
async function under<T>(key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof FormatError ? new FormatError(key, error.message) : error;
  }
}

/**
 * A version's manifest, or what its blob says where there is no manifest, as of earlier publishers, or a damaged one.
 * Throws FormatError where the blob is missing or damaged too.
 */
export async function manifestOfVersion(store: KvStore, version: string): Promise<PublishedManifest> {
  const manifest = await readableManifest(store, version);
  if (manifest !== null) return manifest;
  const blob = await storedBlob(store, version);
  if (blob === null) throw new FormatError(manifestKey(version), `missing or damaged, as is ${blobKey(version)}`);
  const { spec, pageDigests } = readManifest(blob.bytes);
  return { model: spec.name, bytes: blob.bytes.length, base: blob.base, pageDigests };
}

/** A version's manifest; null where it is missing or damaged. */
export async function readableManifest(store: KvStore, version: string): Promise<PublishedManifest | null> {
  const text = await textOf(store, manifestKey(version));
  try {
    return text === null ? null : readPublishedManifest(text, version);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
