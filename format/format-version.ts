import {
  BLOB_HEADER_VERSION,
  BLOB_MAGIC,
  BLOB_VERSION,
  KEYED_BLOB_VERSION,
  OLD_SECTION_COUNT,
  OLDEST_BLOB_VERSION,
  SECTION_COUNT,
} from "./constants.ts";
import { FormatError } from "./errors.ts";

/**
 * The version of the format that a blob is written in, from its header. Throws FormatError where no reader here takes
 * it.
 */
export function formatVersion(blob: Uint8Array): number {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const magic = view.getUint32(0, true);
  if (magic !== BLOB_MAGIC) throw new FormatError("blob: header", `got magic ${magic}, expected ${BLOB_MAGIC}`);
  const version = view.getUint32(BLOB_HEADER_VERSION, true);
  if (version < OLDEST_BLOB_VERSION || version > BLOB_VERSION)
    throw new FormatError("blob: header", `got version ${version}, expected ${OLDEST_BLOB_VERSION} to ${BLOB_VERSION}`);
  return version;
}

/** The number of sections of a blob in that version of the format. */
export function sectionCount(version: number): number {
  return version < KEYED_BLOB_VERSION ? OLD_SECTION_COUNT : SECTION_COUNT;
}
