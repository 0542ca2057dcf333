// Blobs whose BUCKETS, KEYS or ROWS break a rule.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { inSection, withSection } from "../../../../testing/format/edit-blob.ts";
import { GOOD_BLOB, GOOD_CROWDED_BLOB, GOOD_F16_BLOB, GOOD_FLOAT_BLOB, GOOD_I4_BLOB } from "../good-blobs.ts";
import { add, type BrokenBlob, broken, f32, u32 } from "./edits.ts";

export const BROKEN_ROWS: readonly BrokenBlob[] = [
  ...broken(abi.LOAD_BAD_ROWS, c.SECTION_MODEL, {
    "a row more than ROWS has": add(c.MODEL_ROW_COUNT, 1),
    "rows whose bytes wrap": add(c.MODEL_ROW_COUNT, 2 ** 29),
    "a bucket bit more than BUCKETS has": add(c.MODEL_BUCKET_BITS, 1),
    "a page more than PAGES has": add(c.MODEL_PAGE_COUNT, 1),
    "rows of another type": u32(c.MODEL_ROW_TYPE, c.TYPE_F32),
    "longer rows": u32(c.MODEL_EMBEDDING_DIM, 9),
  }),
  ...broken(abi.LOAD_BAD_ROWS, c.SECTION_BUCKETS, {
    "a bucket that begins too late": add(4 * 7, 1),
    "a bucket that begins beyond the keys": u32(4 * 7, 2 ** 32 - 1),
    "a first bucket that does not begin at 0": u32(0, 1),
    "a last bucket that does not end with the keys": (view) => add(view.byteLength - 4, -1)(view, new Uint8Array(0)),
  }),
  {
    name: "a filter that is no whole number of blocks",
    code: abi.LOAD_BAD_ROWS,
    blob: withSection(GOOD_BLOB, c.SECTION_FILTER, new Uint8Array(48)),
  },
  {
    name: "a filter without pages",
    code: abi.LOAD_BAD_ROWS,
    blob: withSection(GOOD_FLOAT_BLOB, c.SECTION_FILTER, new Uint8Array(32)),
  },
  ...broken(abi.LOAD_BAD_ROWS, c.SECTION_ROWS, {
    "a row with an infinite scale": f32(0, Number.NEGATIVE_INFINITY),
    "a last row with a weight that is NaN": (view) => view.setFloat32(view.byteLength - 12, Number.NaN, true),
  }),
  {
    name: "the key 0",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(GOOD_CROWDED_BLOB, c.SECTION_KEYS, (_, bytes) => bytes.fill(0, 0, 8)),
  },
  {
    name: "a key twice",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(GOOD_CROWDED_BLOB, c.SECTION_KEYS, u32(8, 1)),
  },
  {
    name: "keys out of order",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(GOOD_CROWDED_BLOB, c.SECTION_KEYS, u32(8, 5)),
  },
  {
    name: "an f32 row with a NaN in its vector",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(GOOD_FLOAT_BLOB, c.SECTION_ROWS, f32(24 * 4 - 4, Number.NaN)),
  },
  ...broken(
    abi.LOAD_BAD_ROWS,
    c.SECTION_ROWS,
    {
      "an f16 row with an infinite weight": (view) => view.setUint16(12, 0xfc00, true),
      "an f16 row with a NaN at the end of its vector": (view) => view.setUint16(12 * 53 - 2, 0x7c01, true),
    },
    GOOD_F16_BLOB,
  ),
  ...broken(
    abi.LOAD_BAD_ROWS,
    c.SECTION_ROWS,
    {
      "an int4 row with an infinite scale": f32(12, Number.POSITIVE_INFINITY),
      "an int4 row with a weight that is NaN": f32(12 * 16 + 4, Number.NaN),
    },
    GOOD_I4_BLOB,
  ),
];
