// Where the rows of records are that were encoded from their JSON: in the blob, in a page, or nowhere. What
// runtime/row-locator.ts says of encoded records in the host is said here of those in the kernel's buffers.
import { FILTER_BLOCK_BYTES, SECTION_FILTER } from "../../format/constants";
import { MAX_ENTRIES, PLAN_COUNTS_UNSEEN, PLAN_IN_PAGES, PLAN_MISSING_KEY } from "../../runtime/abi";
import { addresses, keysBuffer, offsets, values } from "./buffers";
import { fieldEntry, unseen } from "./encoder-plan";
import { fields } from "./model";
import { findRow, rowStride, rows } from "./rows";
import { sectionAddress, sectionBytes } from "./sections";

/** The factors of format/row-filter.ts. */
const SALTS = memory.data<u32>(
  [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31],
  4,
);

/** Values whose row is in the blob, of the records that were located last. */
export let inBlob: u32 = 0;

/**
 * Writes for each entry of the encoded records the value 1 and the address of its row: 0 where a page may have it, and
 * its field's OOV row where none has, for which `unseen` counts. Returns how many addresses are 0.
 */
export function locateRecords(records: u32): u32 {
  let absent: u32 = 0;
  let found: u32 = 0;
  let entry: u32 = 0;
  for (let record: u32 = 0; record < records; record++) {
    const cells = offsets + 4 * record * fields;
    for (let f: u32 = 0; f < fields; f++) {
      // The host may have written over the offsets since.
      const end = min<u32>(load<u32>(cells + 4 * f, 4), MAX_ENTRIES);
      for (; entry < end; entry++) {
        const key = load<u64>(keysBuffer + 8 * entry);
        let row = findRow(key);
        if (row !== 0) found++;
        else {
          row = rowElsewhere(key, f);
          absent += u32(row === 0);
        }
        store<u32>(addresses + 4 * entry, <u32>row);
        store<f32>(values + 4 * entry, 1);
      }
    }
  }
  inBlob = found;
  return absent;
}

/** The address of a field's OOV row for a key that the blob has no row of; 0 where a page may have it. */
function rowElsewhere(key: u64, f: u32): usize {
  const field = fieldEntry(f);
  if (key !== 0) {
    if (load<u32>(field, PLAN_IN_PAGES) && filterHas(key)) return 0;
    if (load<u32>(field, PLAN_COUNTS_UNSEEN) && key !== load<u64>(field, PLAN_MISSING_KEY)) {
      const count = unseen + 4 * f;
      store<u32>(count, load<u32>(count) + 1);
    }
  }
  return rows + f * rowStride;
}

/** Whether a page may hold the key's row, as format/row-filter.ts says it. */
function filterHas(key: u64): bool {
  const blocks = sectionBytes(SECTION_FILTER) / FILTER_BLOCK_BYTES;
  if (blocks === 0) return true;
  const block = sectionAddress(SECTION_FILTER) + <usize>(((key >>> 32) * blocks) >>> 32) * FILTER_BLOCK_BYTES;
  const lo = <u32>key;
  for (let word: usize = 0; word < 8; word++) {
    const bit = 1 << ((lo * load<u32>(SALTS + 4 * word)) >>> 27);
    if ((load<u32>(block + 4 * word) & bit) === 0) return false;
  }
  return true;
}
