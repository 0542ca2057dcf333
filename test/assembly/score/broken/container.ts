// Blobs whose header, section table or checksums break a rule.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { edited, entryOf, withTable } from "../../../../testing/format/edit-blob.ts";
import { GOOD_BLOB } from "../good-blobs.ts";
import { add, type BrokenBlob, u32 } from "./edits.ts";

const TABLE_END = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;

const container: BrokenBlob[] = [
  { name: "no bytes", code: abi.LOAD_TOO_SHORT, blob: new Uint8Array(0) },
  {
    name: "a header without a table",
    code: abi.LOAD_TOO_SHORT,
    blob: GOOD_BLOB.slice(0, entryOf(c.OLD_SECTION_COUNT + 1) - 1),
  },
  { name: "another magic", code: abi.LOAD_BAD_MAGIC, blob: edited(GOOD_BLOB, u32(0, c.PAGE_MAGIC)) },
  { name: "a later version", code: abi.LOAD_BAD_VERSION, blob: edited(GOOD_BLOB, u32(4, c.BLOB_VERSION + 1)) },
  { name: "an old version", code: abi.LOAD_BAD_VERSION, blob: edited(GOOD_BLOB, u32(4, c.OLDEST_BLOB_VERSION - 1)) },
  { name: "a length of more bytes", code: abi.LOAD_BAD_LENGTH, blob: edited(GOOD_BLOB, add(8, 64)) },
  { name: "a truncated end", code: abi.LOAD_BAD_LENGTH, blob: GOOD_BLOB.slice(0, -64) },
  { name: "a truncated table", code: abi.LOAD_BAD_LENGTH, blob: GOOD_BLOB.slice(0, TABLE_END) },
  { name: "eight sections", code: abi.LOAD_BAD_SECTION, blob: edited(GOOD_BLOB, u32(c.BLOB_HEADER_SECTION_COUNT, 8)) },
  { name: "a bit flipped in the table", code: abi.LOAD_BAD_TABLE, blob: edited(GOOD_BLOB, add(entryOf(3), 1)) },
  {
    name: "a bit flipped in the table's checksum",
    code: abi.LOAD_BAD_TABLE,
    blob: edited(GOOD_BLOB, add(c.BLOB_HEADER_TABLE_CHECKSUM + 4, 1)),
  },
  {
    name: "a header that ends where its table does not",
    code: abi.LOAD_TOO_SHORT,
    blob: edited(GOOD_BLOB.slice(0, TABLE_END - 16), u32(c.BLOB_HEADER_LENGTH, TABLE_END - 16)),
  },
  { name: "twelve sections in format 5", code: abi.LOAD_BAD_SECTION, blob: edited(GOOD_BLOB, u32(4, 5)) },
  {
    name: "64 bytes that no section owns",
    code: abi.LOAD_BAD_SECTION,
    blob: edited(new Uint8Array([...GOOD_BLOB, ...new Uint8Array(64)]), add(8, 64)),
  },
];

const table: BrokenBlob[] = Object.entries({
  "a section with another id": u32(entryOf(c.SECTION_KEYS), c.SECTION_ROWS),
  "a section that overlaps its predecessor": add(entryOf(c.SECTION_ROWS) + c.SECTION_ENTRY_OFFSET, -64),
  "a section that leaves a gap": add(entryOf(c.SECTION_DENSE) + c.SECTION_ENTRY_OFFSET, 64),
  "an offset that wraps": u32(entryOf(c.SECTION_SPEC) + c.SECTION_ENTRY_OFFSET, 2 ** 32 - 64),
  "a section that ends beyond the blob": u32(entryOf(c.SECTION_DENSE) + c.SECTION_ENTRY_SIZE, GOOD_BLOB.length),
  "a length that wraps to a place within": u32(entryOf(c.SECTION_DENSE) + c.SECTION_ENTRY_SIZE, 2 ** 32 - 64),
}).map(([name, edit]) => ({
  name,
  code: abi.LOAD_BAD_SECTION,
  blob: withTable(GOOD_BLOB, (view) => edit(view, new Uint8Array(0))),
}));

const flipped: BrokenBlob[] = ["SPEC", "MODEL", "BUCKETS", "KEYS", "ROWS", "PAGES", "DENSE"].map((name, i) => ({
  name: `a bit flipped in ${name}`,
  code: abi.LOAD_BAD_CHECKSUM,
  blob: edited(GOOD_BLOB, (view, bytes) => {
    const at = view.getUint32(entryOf(i + 1) + c.SECTION_ENTRY_OFFSET, true) + 9;
    bytes[at] = bytes[at] ^ 0x10;
  }),
}));

export const BROKEN_CONTAINERS: readonly BrokenBlob[] = [...container, ...table, ...flipped];
