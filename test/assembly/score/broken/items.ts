// Blobs whose catalogue of items breaks a rule.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { inSection, sectionOf, withSection } from "../../../../testing/format/edit-blob.ts";
import { GOOD_ENTRIES, GOOD_FLOAT_ITEMS, GOOD_ITEMS, GOOD_PRODUCTS, GOOD_TOWER_ITEMS } from "../good-blobs.ts";
import { add, all, type BrokenBlob, broken, f32, u8, u32 } from "./edits.ts";

/** A section of entries whose first record has 4,097 words, and is right otherwise. */
function longRecord(): Uint8Array {
  const words = new Uint32Array(8 + 3 + 4097 + 4);
  const section = new Uint32Array(sectionOf(GOOD_ENTRIES, c.SECTION_ITEMS).slice().buffer);
  words.set([0, 4097, 4101], 8);
  words[11] = 4095 + 2 ** 12 - 3; // 4,092 entries of field 0 and a row of 4 words
  words.set(section.subarray(20), 11 + 4097);
  return new Uint8Array(words.buffer);
}

export const BROKEN_ITEMS: readonly BrokenBlob[] = [
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_MODEL,
    {
      "an item more than there are": add(c.MODEL_ITEM_COUNT, 1),
      "items named by a field that is not there": u32(c.MODEL_ITEM_FIELD, 3),
      "items named by a field of the context": u32(c.MODEL_ITEM_FIELD, 1),
      "a field of no items": u32(c.MODEL_ITEM_COUNT, 0),
    },
    GOOD_ITEMS,
  ),
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_ITEM_KEYS,
    {
      "the key 0 of an item": all(u32(0, 0), u32(4, 0)),
      "an item's key twice": u32(8, 1),
      "items out of order": u32(16, 2),
    },
    GOOD_ITEMS,
  ),
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_ITEMS,
    {
      "an item with an infinite logit": f32(0, Number.POSITIVE_INFINITY),
      "an item with a byte behind its logit": u8(7, 1),
      "an item with a sum of FM that is NaN": f32(c.ITEM_VECTORS + 16, Number.NaN),
      "an item with a sum of FM that is padding": f32(c.ITEM_VECTORS + 20, 1),
      "an item with a sum of the first layer that is padding": u32(c.ITEM_VECTORS + 32 + 36, 1),
    },
    GOOD_ITEMS,
  ),
  ...broken(
    abi.LOAD_BAD_MODEL,
    c.SECTION_MODEL,
    {
      "items of a third form": u32(c.MODEL_ITEM_FORM, 2),
      "item pages of items as sums": u32(c.MODEL_ITEM_FORM, c.ITEM_SUMS),
      "more pages than there may be, some of items": u32(c.MODEL_ITEM_PAGES, c.MAX_PAGES - 1),
      "a filter of items that no blob has room for": u32(c.MODEL_ITEM_FILTER_BLOCKS, 2 ** 27 + 1),
      "items as entries, and none": all(u32(c.MODEL_ITEM_COUNT, 0), u32(c.MODEL_ITEM_PAGES, 0)),
    },
    GOOD_ENTRIES,
  ),
  ...broken(
    abi.LOAD_BAD_ROWS,
    c.SECTION_MODEL,
    { "an item page without a digest": add(c.MODEL_ITEM_PAGES, 1) },
    GOOD_ENTRIES,
  ),
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_MODEL,
    {
      "entries of one item more": add(c.MODEL_ITEM_COUNT, 1),
      "entries of items named by a field of the context": u32(c.MODEL_ITEM_FIELD, 1),
      "entries of items named by a field that is not there": u32(c.MODEL_ITEM_FIELD, 3),
      "a filter of items that goes on into their records": add(c.MODEL_ITEM_FILTER_BLOCKS, 1),
      "a filter of items that is all of the section": u32(c.MODEL_ITEM_FILTER_BLOCKS, 3),
    },
    GOOD_ENTRIES,
  ),
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_ITEM_KEYS,
    { "entries of a key twice": u32(8, 1), "entries of the key 0": all(u32(0, 0), u32(4, 0)) },
    GOOD_ENTRIES,
  ),
  ...broken(
    abi.LOAD_BAD_ITEMS,
    c.SECTION_ITEMS,
    {
      "a first record that does not begin at 0": u32(32, 1),
      "records that end before the section": u32(40, 12),
      "a record that is empty": u32(36, 0),
      "a record that ends beyond the section": u32(36, 14),
      "a record that ends where none can": u32(36, 0xffffffff),
      "a bit of a record's head that is reserved": add(44, 2 ** 25),
      "an entry more than a record has": add(44, 1),
      "a row more than a record has": add(44, 2 ** 12),
      "values that a record has not": add(80, 2 ** 24),
      "an entry of a field of the context": u32(48, 2 ** 24),
      "an entry of a field that is not there": u32(52, 3 * 2 ** 24 + 5),
      "entries out of the order of their fields": u32(92, 5),
      "a row that the blob has not": u32(48, 53),
      "a row that the record has not": u32(52, 2 * 2 ** 24 + 2 ** 24 - 2),
      "a value that is NaN": f32(60, Number.NaN),
      "a row of a record whose scale is infinite": f32(64, Number.POSITIVE_INFINITY),
      "a row of a record whose w is NaN": f32(68, Number.NaN),
    },
    GOOD_ENTRIES,
  ),
  {
    name: "entries that are no whole words",
    code: abi.LOAD_BAD_ITEMS,
    blob: withSection(GOOD_ENTRIES, c.SECTION_ITEMS, new Uint8Array([...sectionOf(GOOD_ENTRIES, c.SECTION_ITEMS), 0])),
  },
  {
    name: "a record that is too long",
    code: abi.LOAD_BAD_ITEMS,
    blob: withSection(GOOD_ENTRIES, c.SECTION_ITEMS, longRecord()),
  },
  {
    name: "a tower's item whose vector is NaN",
    code: abi.LOAD_BAD_ITEMS,
    blob: inSection(GOOD_TOWER_ITEMS, c.SECTION_ITEMS, f32(c.ITEM_VECTORS + 16, Number.NaN)),
  },
  {
    name: "an item whose f32 sums are NaN",
    code: abi.LOAD_BAD_ITEMS,
    blob: inSection(GOOD_FLOAT_ITEMS, c.SECTION_ITEMS, f32(c.ITEM_VECTORS + 32, Number.NaN)),
  },
  {
    name: "items of a model with products",
    code: abi.LOAD_BAD_ITEMS,
    blob: inSection(GOOD_PRODUCTS, c.SECTION_MODEL, u32(c.MODEL_ITEM_COUNT, 1)),
  },
];
