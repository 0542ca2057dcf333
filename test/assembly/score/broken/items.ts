// Blobs whose catalogue of items breaks a rule.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { inSection } from "../../../../testing/format/edit-blob.ts";
import { GOOD_FLOAT_ITEMS, GOOD_ITEMS, GOOD_PRODUCTS, GOOD_TOWER_ITEMS } from "../good-blobs.ts";
import { add, all, type BrokenBlob, broken, f32, u8, u32 } from "./edits.ts";

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
