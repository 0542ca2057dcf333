import { createHash, createPublicKey, verify } from "node:crypto";
import { murmur64 } from "./murmur.ts";
import { at, check } from "./refusal.ts";

// Section 5: the envelope and the sections of a blob.

/** The versions of the format that a reader takes. */
const FORMATS = [4, 5, 6, 7, 8];
const ENVELOPE = 128;
const HEADER = 192;
const ENTRY = 32;
const ALIGN = 64;
const MAX_BLOB = 26_214_400;

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The version of the format. */
export function formatOf(blob: Uint8Array): number {
  return viewOf(blob).getUint32(4, true);
}

/** The version that names a blob, 64 lower-case hexadecimal digits. */
export function versionOf(blob: Uint8Array): string {
  return sha256(formatOf(blob) >= 5 ? blob : blob.subarray(0, ENVELOPE)).toString("hex");
}

function isSignedBy(blob: Uint8Array, key: Uint8Array): boolean {
  const id = sha256(key).subarray(0, 16);
  if (!id.equals(blob.subarray(16, 32))) return false;
  const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key).toString("base64url") };
  return verify(null, blob.subarray(32, 64), createPublicKey({ key: jwk, format: "jwk" }), blob.subarray(64, ENVELOPE));
}

/**
 * What a server checks before all else, as the table in "Header" lists it. `version`: the one that it asked for, or
 * null where it has the blob alone. `keys`: raw Ed25519 public keys of 32 bytes; where there are none, nobody need have
 * signed.
 */
export function checkEnvelope(blob: Uint8Array, version: string | null, keys: Uint8Array[] = []): void {
  check(blob.length >= HEADER, 0, `got ${blob.length} bytes, expected a header of ${HEADER}`);
  check(isMagic(blob) && FORMATS.includes(formatOf(blob)), 0, "the magic or the version of the format differs");
  if (formatOf(blob) === 4 || version === null || keys.length > 0)
    check(sha256(blob.subarray(ENVELOPE)).equals(blob.subarray(32, 64)), 0, "the digest differs");
  check(keys.length === 0 || keys.some((key) => isSignedBy(blob, key)), 0, "no trusted key signed it");
  check(version === null || versionOf(blob) === version, 0, `got version ${versionOf(blob)}, expected ${version}`);
  if (formatOf(blob) < 8) return;
  const serial = viewOf(blob).getBigUint64(144, true);
  const isSigned = blob.subarray(16, 32).some((byte) => byte !== 0);
  check(isSigned ? serial > 0n && serial <= 8_640_000_000_000_000n : serial === 0n, 0, `got serial number ${serial}`);
}

function isMagic(blob: Uint8Array): boolean {
  return Buffer.from(blob.subarray(0, 4)).toString("latin1") === "DFEM";
}

/** Bytes of sections 1 … 12, at the positions 0 … 11; the last is empty in formats 4 and 5. Rules 1–5. */
export function readSections(blob: Uint8Array): Uint8Array[] {
  check(blob.length >= HEADER + 11 * ENTRY && blob.length <= MAX_BLOB, 1, `got ${blob.length} bytes`);
  const view = viewOf(blob);
  check(isMagic(blob), 2, "the magic differs");
  check(FORMATS.includes(formatOf(blob)), 2, "the version of the format differs");
  check(view.getUint32(8, true) === blob.length, 2, "the length differs");
  const count = formatOf(blob) >= 6 ? 12 : 11;
  check(view.getUint32(128, true) === count, 2, "the number of sections differs");
  const end = HEADER + count * ENTRY;
  check(blob.length >= end, 2, "the table is not whole");
  check(view.getBigUint64(136, true) === murmur64(blob.subarray(HEADER, end), 0), 3, "the table's checksum differs");

  const sections: Uint8Array[] = [];
  let next = Math.ceil(end / ALIGN) * ALIGN;
  for (let id = 1; id <= count; id++) {
    const entry = HEADER + (id - 1) * ENTRY;
    const [offset, length] = [view.getUint32(entry + 4, true), view.getUint32(entry + 8, true)];
    check(view.getUint32(entry, true) === id, 4, `got another id, expected ${id}`);
    check(offset === next, 4, `section ${id}: got offset ${offset}, expected ${next}`);
    check(offset + length <= blob.length, 4, `section ${id} ends beyond the blob`);
    const bytes = blob.subarray(offset, offset + length);
    check(view.getBigUint64(entry + 16, true) === murmur64(bytes, id), 4, `section ${id}: the checksum differs`);
    sections.push(bytes);
    next = Math.ceil((offset + length) / ALIGN) * ALIGN;
  }
  check(next === blob.length, 5, `got ${blob.length} bytes, expected ${next}`);
  return count === 12 ? sections : [...sections, new Uint8Array(0)];
}

/** The JSON of a section, refused by the given rule. */
export function readJson(sections: Uint8Array[], id: number, rule: number): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(at(sections, id - 1)));
  } catch (error) {
    check(false, rule, `section ${id}: ${error}`);
  }
}
