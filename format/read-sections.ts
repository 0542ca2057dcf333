import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { formatVersion, sectionCount } from "./format-version.ts";
import { checksum } from "./hash.ts";
import { padTo } from "./layer.ts";

/** Names of the sections, at the positions of their ids; ids begin at 1. */
export const SECTION_NAMES = [
  "",
  "SPEC",
  "MODEL",
  "BUCKETS",
  "KEYS",
  "ROWS",
  "PAGES",
  "DENSE",
  "EVIDENCE",
  "GOLDEN",
  "ITEM_KEYS",
  "ITEMS",
  "FILTER",
];

/**
 * Checks the header, the table, the bounds and, if asked, the checksums. Returns the sections in the order of their
 * ids; FILTER, which formats 4 and 5 do not have, is empty there. Throws FormatError.
 */
export function readSections(blob: Uint8Array, verifyChecksums: boolean): Uint8Array[] {
  // The `slice` of a Node Buffer makes no copy, so the bytes are seen as a plain Uint8Array, which all else here
  // expects.
  const bytes = new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength);
  const fail = (place: string, problem: string): never => {
    throw new FormatError(place, problem);
  };
  const leastBytes = tableEndOf(c.OLD_SECTION_COUNT);
  if (bytes.length < leastBytes) fail("blob", `got ${bytes.length} bytes, expected at least ${leastBytes}`);
  if (bytes.length > c.MAX_BLOB_BYTES) fail("blob", `got ${bytes.length} bytes, expected at most ${c.MAX_BLOB_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expect = (what: string, offset: number, expected: number): void => {
    const got = view.getUint32(offset, true);
    if (got !== expected) fail("blob: header", `got ${what} ${got}, expected ${expected}`);
  };
  const count = sectionCount(formatVersion(bytes));
  expect("length", c.BLOB_HEADER_LENGTH, bytes.length);
  expect("sections", c.BLOB_HEADER_SECTION_COUNT, count);
  const tableEnd = tableEndOf(count);
  if (bytes.length < tableEnd) fail("blob", `got ${bytes.length} bytes, expected at least ${tableEnd}`);
  const tableSum = checksum(bytes.subarray(c.BLOB_HEADER_BYTES, tableEnd), 0);
  expect("table checksum (low)", c.BLOB_HEADER_TABLE_CHECKSUM, tableSum.lo);
  expect("table checksum (high)", c.BLOB_HEADER_TABLE_CHECKSUM + 4, tableSum.hi);

  const sections: Uint8Array[] = [];
  let offset = padTo(tableEnd, c.SECTION_ALIGNMENT);
  for (let id = 1; id <= count; id++) {
    const entry = c.BLOB_HEADER_BYTES + (id - 1) * c.SECTION_ENTRY_BYTES;
    const place = `blob: section ${SECTION_NAMES[id]}`;
    const got = {
      id: view.getUint32(entry + c.SECTION_ENTRY_ID, true),
      offset: view.getUint32(entry + c.SECTION_ENTRY_OFFSET, true),
      size: view.getUint32(entry + c.SECTION_ENTRY_SIZE, true),
    };
    if (got.id !== id) fail(place, `got id ${got.id}, expected ${id}`);
    if (got.offset !== offset) fail(place, `got offset ${got.offset}, expected ${offset}`);
    if (offset + got.size > bytes.length) fail(place, `got end ${offset + got.size}, expected at most ${bytes.length}`);
    const section = bytes.subarray(offset, offset + got.size);
    if (verifyChecksums) {
      const sum = checksum(section, id);
      const at = entry + c.SECTION_ENTRY_CHECKSUM;
      if (sum.lo !== view.getUint32(at, true) || sum.hi !== view.getUint32(at + 4, true)) {
        fail(place, "got bytes that do not match their checksum");
      }
    }
    sections.push(section);
    offset = padTo(offset + got.size, c.SECTION_ALIGNMENT);
  }
  if (offset !== bytes.length) fail("blob", `got ${bytes.length} bytes, expected ${offset} for its sections`);
  while (sections.length < c.SECTION_COUNT) sections.push(bytes.subarray(bytes.length));
  return sections;
}

function tableEndOf(sections: number): number {
  return c.BLOB_HEADER_BYTES + sections * c.SECTION_ENTRY_BYTES;
}
