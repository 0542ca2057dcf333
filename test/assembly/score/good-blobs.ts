// Valid blobs, small ones of every kind, which tests and fuzzers break.
import * as c from "../../../format/constants.ts";
import { writeItemEntries } from "../../../format/item-entries.ts";
import { newFilter } from "../../../format/row-filter.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { KERNELS } from "../../../testing/kernel/harness.ts";
import { type ModelShape, randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { withItems } from "./with-items.ts";

const DEEPFM: ModelShape = {
  fields: 3,
  embeddingDim: 5,
  hidden: [9, 8],
  layerTypes: [c.TYPE_I8, c.TYPE_F32],
  pages: 2,
};
const TOWERS: ModelShape = { fields: 3, embeddingDim: 5, hidden: [9], terms: c.TERM_LINEAR | c.TERM_TOWERS };

/** DeepFM: F = 3, D = 5, int8 rows; layers 15 → 9 int8 and 9 → 8 f32. */
export const GOOD_BLOB = writeBlob(randomModel(DEEPFM));
/** F = 3, D = 5, an MLP of v[1, 5) with all products: layer 12 + 3 + 10 → 9 int8. */
export const GOOD_PRODUCTS = writeBlob(
  randomModel({ fields: 3, embeddingDim: 5, hidden: [9], mlpFrom: 1, products: c.PRODUCT_ALL }),
);
/** Two towers: field 1 with layers 5 → 9 → 5, fields 0 and 2 with a layer 10 → 5. */
export const GOOD_TOWERS = writeBlob(randomModel(TOWERS));
/** GOOD_BLOB with a catalogue of three items, whose records are 16 + 32 + 64 bytes. */
export const GOOD_ITEMS = withThreeItems(DEEPFM);
/**
 * GOOD_BLOB with a catalogue of two items as entries, and an item page: a filter of 32 bytes, three starts, a record of
 * two entries with values and a row, 36 bytes, and one of three entries, 16 bytes.
 */
export const GOOD_ENTRIES = withEntries(DEEPFM);
/** GOOD_TOWERS with a catalogue of three items, whose records are 16 + 32 bytes. */
export const GOOD_TOWER_ITEMS = withThreeItems(TOWERS);
/** A DeepFM of one f32 layer with a catalogue of three items, whose records are 16 + 32 + 64 bytes. */
export const GOOD_FLOAT_ITEMS = withThreeItems({ fields: 3, embeddingDim: 5, hidden: [9], layerTypes: [c.TYPE_F32] });
/** LR: rows of w alone, no layers. */
export const GOOD_LINEAR = writeBlob(randomModel({ fields: 3, embeddingDim: 0, terms: c.TERM_LINEAR, hotRows: 0 }));
/** A first layer with as many inputs as there may be. */
export const GOOD_LARGEST_INPUTS = writeBlob(
  randomModel({ fields: c.MAX_FIELDS, embeddingDim: c.MAX_EMBEDDING_DIM, hidden: [1], hotRows: 0 }),
);
/** FM with f32 rows of 24 bytes. */
export const GOOD_FLOAT_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_F32 }));
/** FM with f16 rows of 12 bytes. */
export const GOOD_F16_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_F16 }));
/** FM with int4 rows of 12 bytes. */
export const GOOD_I4_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_I4 }));
/** Three keys, all of one bucket, so that changing a key contradicts no bucket. */
export const GOOD_CROWDED_BLOB = writeBlob({
  ...randomModel({ fields: 1, embeddingDim: 1, hotRows: 3 }),
  keys: Uint32Array.of(1, 7, 2, 7, 4, 7),
});

function withEntries(shape: ModelShape): Uint8Array {
  const model = randomModel(shape);
  const row = model.rows.slice(0, 16);
  const records = [
    writeItemEntries({ fields: [0, 2], rows: [5, row], values: [1, 0.5] }, 4, "a"),
    writeItemEntries({ fields: [0, 2, 2], rows: [0, 3, 52], values: [1, 1, 1] }, 4, "b"),
  ];
  const words = Uint32Array.from(records.flatMap((record) => [...record]));
  return writeBlob({
    ...model,
    pageDigests: new Uint8Array([...model.pageDigests, ...new Uint8Array(16)]),
    items: {
      ...{ field: 0, keys: Uint32Array.of(1, 7, 2, 7), records: new Uint8Array(words.buffer) },
      entries: { starts: Uint32Array.of(0, 9, 13), pages: 1, filter: newFilter(1, 12) },
    },
  });
}

function withThreeItems(shape: ModelShape): Uint8Array {
  const model = randomModel(shape);
  return withItems(KERNELS[0], model, randomRecords(model, 3, 1));
}
