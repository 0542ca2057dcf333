import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { formatVersion } from "./format-version.ts";
import { sha256, toHex } from "./hash.ts";
import { type PublicKey, type SigningKey, sign, verify } from "./signature.ts";
import { MAX_TIME } from "./time.ts";

// The envelope is the first 128 bytes of a blob: the digest of all that follows, and who signed it. The serial number
// is behind it, so that the digest covers it, and the signature does.

/** How a blob is signed. */
export interface BlobSigning {
  key: SigningKey;
  /** Milliseconds since the epoch: when it is signed, and more than that of any other blob signed for the model. */
  serial: number;
}

/** The first format in which the SHA-256 of the whole file names a blob. Before, that of the envelope did. */
const NAMED_BY_WHOLE_FILE = 5;

/**
 * Writes a blob's digest into its envelope and, with a key, its serial number and signature. Returns the blob's
 * version, 64 hex digits. Formats before 8 have no serial number.
 */
export async function sealBlob(blob: Uint8Array, signing?: BlobSigning): Promise<string> {
  if (formatVersion(blob) >= c.SERIAL_BLOB_VERSION)
    viewOf(blob).setBigUint64(c.BLOB_HEADER_SERIAL, BigInt(signing?.serial ?? 0), true);
  const digest = await digestOf(blob);
  blob.set(digest, c.BLOB_HEADER_DIGEST);
  blob.fill(0, c.BLOB_HEADER_KEY_ID, c.BLOB_HEADER_DIGEST);
  blob.fill(0, c.BLOB_HEADER_SIGNATURE, c.BLOB_ENVELOPE_BYTES);
  if (signing) {
    blob.set(signing.key.id, c.BLOB_HEADER_KEY_ID);
    blob.set(await sign(signing.key, digest), c.BLOB_HEADER_SIGNATURE);
  }
  return versionOf(blob);
}

/**
 * Checks a sealed blob and returns its version, 64 hex digits. Throws FormatError where the version is not the
 * `expected` one, where there are trusted keys and none of them signed the blob, where the digest in the envelope is
 * wrong, and where a signed blob has no serial number or an unsigned one has. The digest takes a pass of its own over
 * the blob. It is left out where the version alone stands for every byte: from format 5 on, with an expected version
 * and without keys.
 */
export async function verifyBlob(
  blob: Uint8Array,
  trusted: readonly PublicKey[] = [],
  expected?: string,
): Promise<string> {
  if (blob.length < c.BLOB_HEADER_BYTES)
    throw new FormatError("blob", `got ${blob.length} bytes, expected at least ${c.BLOB_HEADER_BYTES}`);
  const versionIsEnough = formatVersion(blob) >= NAMED_BY_WHOLE_FILE && expected !== undefined && trusted.length === 0;
  if (!versionIsEnough) {
    const digest = await checkDigest(blob);
    if (trusted.length > 0) await verifySignature(blob, digest, trusted);
  }
  const version = await versionOf(blob);
  if (expected !== undefined && version !== expected)
    throw new FormatError("blob", `got the version ${version} from its bytes, expected ${expected}`);
  checkSerial(blob);
  return version;
}

async function versionOf(blob: Uint8Array): Promise<string> {
  const named = formatVersion(blob) >= NAMED_BY_WHOLE_FILE ? blob : blob.subarray(0, c.BLOB_ENVELOPE_BYTES);
  return toHex(await sha256(named));
}

async function checkDigest(blob: Uint8Array): Promise<Uint8Array> {
  const stated = blob.slice(c.BLOB_HEADER_DIGEST, c.BLOB_HEADER_SIGNATURE);
  const digest = await digestOf(blob);
  if (toHex(digest) !== toHex(stated))
    throw new FormatError(
      "blob",
      `got bytes of SHA-256 ${toHex(digest)}, expected ${toHex(stated)} as its envelope says`,
    );
  return digest;
}

/** The id of the key that a blob says it is signed with, in hex; null where it is not signed. */
export function signerOf(blob: Uint8Array): string | null {
  const id = blob.subarray(c.BLOB_HEADER_KEY_ID, c.BLOB_HEADER_DIGEST);
  return id.some((byte) => byte !== 0) ? toHex(id) : null;
}

/**
 * The serial number that a blob was signed with, in milliseconds since the epoch; 0 where it is not signed, or of a
 * format before 8. Only what `verifyBlob` has checked with a trusted key is more than a claim.
 */
export function serialOf(blob: Uint8Array): number {
  if (formatVersion(blob) < c.SERIAL_BLOB_VERSION) return 0;
  return Number(viewOf(blob).getBigUint64(c.BLOB_HEADER_SERIAL, true));
}

function checkSerial(blob: Uint8Array): void {
  if (formatVersion(blob) < c.SERIAL_BLOB_VERSION) return;
  const serial = serialOf(blob);
  const [least, most] = signerOf(blob) === null ? [0, 0] : [1, MAX_TIME];
  if (serial >= least && serial <= most) return;
  const expected = most === 0 ? "0, as it is not signed" : `a time from ${least} to ${most}, as it is signed`;
  throw new FormatError("blob: header", `got serial number ${serial}, expected ${expected}`);
}

function viewOf(blob: Uint8Array): DataView {
  return new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
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
