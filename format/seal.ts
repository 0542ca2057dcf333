import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { sha256, toHex } from "./hash.ts";
import { type PublicKey, type SigningKey, sign, verify } from "./signature.ts";

// The envelope, the first 128 bytes of a blob: the digest of all that follows, and who signed it. A blob's name is the SHA-256
// of its envelope, so it stands for every byte, and one pass over the blob checks name, digest and signature.

/** Writes the digest of a blob into its envelope and, with a key, its signature. Returns its name, 64 hex digits. */
export async function sealBlob(blob: Uint8Array, key?: SigningKey): Promise<string> {
  const digest = await digestOf(blob);
  blob.set(digest, c.BLOB_HEADER_DIGEST);
  blob.fill(0, c.BLOB_HEADER_KEY_ID, c.BLOB_HEADER_DIGEST);
  blob.fill(0, c.BLOB_HEADER_SIGNATURE, c.BLOB_ENVELOPE_BYTES);
  if (key) {
    blob.set(key.id, c.BLOB_HEADER_KEY_ID);
    blob.set(await sign(key, digest), c.BLOB_HEADER_SIGNATURE);
  }
  return blobName(blob);
}

/** The name under which a blob is stored: the SHA-256 of its envelope, 64 hex digits. */
async function blobName(blob: Uint8Array): Promise<string> {
  return toHex(await sha256(blob.subarray(0, c.BLOB_ENVELOPE_BYTES)));
}

/**
 * Checks a blob's digest and, where there are trusted keys, that one of them signed it. Returns its name. Throws FormatError.
 */
export async function verifyBlob(blob: Uint8Array, trusted: readonly PublicKey[] = []): Promise<string> {
  if (blob.length < c.BLOB_HEADER_BYTES)
    throw new FormatError("blob", `got ${blob.length} bytes, expected at least ${c.BLOB_HEADER_BYTES}`);
  const stated = blob.slice(c.BLOB_HEADER_DIGEST, c.BLOB_HEADER_SIGNATURE);
  const digest = await digestOf(blob);
  if (toHex(digest) !== toHex(stated))
    throw new FormatError(
      "blob",
      `got bytes of SHA-256 ${toHex(digest)}, expected ${toHex(stated)} as its envelope says`,
    );
  if (trusted.length > 0) await verifySignature(blob, digest, trusted);
  return blobName(blob);
}

/** The id of the key that a blob says it is signed with, in hex; null where it is not signed. */
export function signerOf(blob: Uint8Array): string | null {
  const id = blob.subarray(c.BLOB_HEADER_KEY_ID, c.BLOB_HEADER_DIGEST);
  return id.some((byte) => byte !== 0) ? toHex(id) : null;
}

async function verifySignature(blob: Uint8Array, digest: Uint8Array, trusted: readonly PublicKey[]): Promise<void> {
  const signer = signerOf(blob);
  const ids = trusted.map(({ id }) => toHex(id));
  if (signer === null) throw new FormatError("blob", `got no signature, expected one by the key ${ids.join(" or ")}`);
  const key = trusted[ids.indexOf(signer)];
  if (!key) throw new FormatError("blob", `got a signature by the key ${signer}, expected ${ids.join(" or ")}`);
  const signature = blob.slice(c.BLOB_HEADER_SIGNATURE, c.BLOB_ENVELOPE_BYTES);
  if (!(await verify(key, signature, digest)))
    throw new FormatError("blob", `got a signature that is not by the key ${signer} that it names`);
}

function digestOf(blob: Uint8Array): Promise<Uint8Array> {
  return sha256(blob.subarray(c.BLOB_ENVELOPE_BYTES));
}
