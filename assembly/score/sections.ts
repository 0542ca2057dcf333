// Header, section table and checksums: FORMAT.md, "Model blob". The checks are those of format/read-sections.ts in
// the same order, and each has its LOAD_* code.
import {
  BLOB_HEADER_BYTES,
  BLOB_HEADER_LENGTH,
  BLOB_HEADER_MAGIC,
  BLOB_HEADER_SECTION_COUNT,
  BLOB_HEADER_TABLE_CHECKSUM,
  BLOB_HEADER_VERSION,
  BLOB_MAGIC,
  BLOB_VERSION,
  KEYED_BLOB_VERSION,
  OLD_SECTION_COUNT,
  OLDEST_BLOB_VERSION,
  SECTION_COUNT,
  SECTION_ENTRY_BYTES,
  SECTION_ENTRY_CHECKSUM,
  SECTION_ENTRY_ID,
  SECTION_ENTRY_OFFSET,
  SECTION_ENTRY_SIZE,
} from "../../format/constants";
import {
  LOAD_BAD_CHECKSUM,
  LOAD_BAD_LENGTH,
  LOAD_BAD_MAGIC,
  LOAD_BAD_SECTION,
  LOAD_BAD_TABLE,
  LOAD_BAD_VERSION,
  LOAD_OK,
  LOAD_TOO_SHORT,
} from "../../runtime/abi";
import { alignUp } from "../memory";
import { murmur128 } from "./murmur";

let blob: usize = 0;
/** How many sections the checked blob has. */
let sectionCount: i32 = 0;
/** The version of the format that the checked blob is written in. */
export let version: u32 = 0;

/** Checks the blob at `address`: its header, and the places and checksums of its sections. Returns a LOAD_* code. */
export function checkSections(address: usize, bytes: u32): i32 {
  blob = address;
  sectionCount = OLD_SECTION_COUNT;
  if (bytes < tableEnd()) return LOAD_TOO_SHORT;
  if (load<u32>(blob, BLOB_HEADER_MAGIC) !== BLOB_MAGIC) return LOAD_BAD_MAGIC;
  version = load<u32>(blob, BLOB_HEADER_VERSION);
  if (version < <u32>OLDEST_BLOB_VERSION || version > <u32>BLOB_VERSION) return LOAD_BAD_VERSION;
  if (load<u32>(blob, BLOB_HEADER_LENGTH) !== bytes) return LOAD_BAD_LENGTH;
  if (version >= <u32>KEYED_BLOB_VERSION) sectionCount = SECTION_COUNT;
  if (load<u32>(blob, BLOB_HEADER_SECTION_COUNT) !== sectionCount) return LOAD_BAD_SECTION;
  if (bytes < tableEnd()) return LOAD_TOO_SHORT;
  const tableSum = load<u64>(blob, BLOB_HEADER_TABLE_CHECKSUM);
  if (murmur128(blob + BLOB_HEADER_BYTES, tableEnd() - BLOB_HEADER_BYTES, 0) !== tableSum) return LOAD_BAD_TABLE;

  // The sums have 64 bits, as the size that an entry states may be up to 2³² − 1.
  let offset = alignUp(tableEnd());
  for (let id = 1; id <= sectionCount; id++) {
    const entry = entryAddress(id);
    const size = load<u32>(entry, SECTION_ENTRY_SIZE);
    if (load<u32>(entry, SECTION_ENTRY_ID) !== id) return LOAD_BAD_SECTION;
    if (load<u32>(entry, SECTION_ENTRY_OFFSET) !== offset) return LOAD_BAD_SECTION;
    if (offset + size > bytes) return LOAD_BAD_SECTION;
    if (murmur128(sectionAddress(id), size, id) !== load<u64>(entry, SECTION_ENTRY_CHECKSUM)) return LOAD_BAD_CHECKSUM;
    offset = alignUp(offset + size);
  }
  return offset === bytes ? LOAD_OK : LOAD_BAD_SECTION;
}

/** Where section `id` of the checked blob begins. */
export function sectionAddress(id: i32): usize {
  return blob + load<u32>(entryAddress(id), SECTION_ENTRY_OFFSET);
}

/** How many bytes section `id` has; 0 where the blob's format does not have it. */
export function sectionBytes(id: i32): u32 {
  return id > sectionCount ? 0 : load<u32>(entryAddress(id), SECTION_ENTRY_SIZE);
}

/** Where the table ends, from the blob's first byte. */
function tableEnd(): u32 {
  return BLOB_HEADER_BYTES + sectionCount * SECTION_ENTRY_BYTES;
}

/** The address of a section's entry in the table. */
function entryAddress(id: i32): usize {
  return blob + BLOB_HEADER_BYTES + (id - 1) * SECTION_ENTRY_BYTES;
}
