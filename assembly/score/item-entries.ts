// Section ITEMS of a catalogue of entries: a filter, which only the host reads; where each record begins; and records
// of an item's entries, each with the number of its row in the blob, or with one of the rows that the record has
// itself. FORMAT.md, "ITEMS". The host makes candidates of them, whose addresses `scoreCandidates` checks again.
import {
  FILTER_BLOCK_BYTES,
  ITEM_COUNT_MASK,
  ITEM_FIELD_SHIFT,
  ITEM_HAS_VALUES,
  ITEM_HEAD_MASK,
  ITEM_ROW_MASK,
  ITEM_ROWS_SHIFT,
  MAX_ITEM_WORDS,
  SECTION_ITEMS,
  SIDE_ITEM,
} from "../../format/constants";
import { fields, itemFilterBlocks, rowCount, sideOf } from "./model";
import { floatsAreFinite, rowStride } from "./rows";
import { sectionAddress, sectionBytes } from "./sections";

/** Checks the section: its size, and each of `count` records. */
export function checkItemEntries(count: u32): bool {
  // The sums have 64 bits, as a blob may state any count.
  const before = <u64>itemFilterBlocks * FILTER_BLOCK_BYTES + 4 * (<u64>count + 1);
  const bytes = sectionBytes(SECTION_ITEMS);
  if (before > bytes || bytes % 4 !== 0) return false;
  const starts = sectionAddress(SECTION_ITEMS) + itemFilterBlocks * FILTER_BLOCK_BYTES;
  const records = sectionAddress(SECTION_ITEMS) + <usize>before;
  const words = (bytes - <u32>before) >>> 2;
  if (load<u32>(starts) !== 0 || load<u32>(starts + 4 * count) !== words) return false;
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(starts + 4 * i);
    const end = load<u32>(starts + 4 * i, 4);
    if (end > words || end <= start || end - start > <u32>MAX_ITEM_WORDS) return false;
    if (!isRecord(records + 4 * start, end - start)) return false;
  }
  return true;
}

/** Whether the words at `record`, at least one, are an item's entries. */
function isRecord(record: usize, words: u32): bool {
  const head = load<u32>(record);
  if ((head & ~ITEM_HEAD_MASK) !== 0) return false;
  const entries = head & ITEM_COUNT_MASK;
  const ownRows = (head >>> ITEM_ROWS_SHIFT) & ITEM_COUNT_MASK;
  const values = head & ITEM_HAS_VALUES ? entries : 0;
  if (1 + entries + values + ownRows * (rowStride >>> 2) !== words) return false;
  let last: u32 = 0;
  let at = record + 4;
  for (const end = at + 4 * entries; at < end; at += 4) {
    const entry = load<u32>(at);
    const field = entry >>> ITEM_FIELD_SHIFT;
    const row = entry & ITEM_ROW_MASK;
    if (field < last || field >= fields || sideOf(field) !== SIDE_ITEM) return false;
    if (row >= rowCount && <u32>ITEM_ROW_MASK - row >= ownRows) return false;
    last = field;
  }
  for (const end = at + 4 * values; at < end; at += 4) if (!F32.isFinite(load<f32>(at))) return false;
  return floatsAreFinite(at, at + ownRows * rowStride);
}
