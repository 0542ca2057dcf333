// Blobs that break one rule each, with the code that the kernel refuses them with. All checksums are right unless the
// rule is about them. F against SPEC and the contents of SPEC are for `readManifest` to check: the kernel reads no JSON.
import * as c from "../../../format/constants.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import {
  edited,
  entryOf,
  inSection,
  sectionOf,
  viewOf,
  withSection,
  withTable,
} from "../../../testing/format/edit-blob.ts";
import { KERNELS } from "../../../testing/kernel/harness.ts";
import { type ModelShape, randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { withItems } from "./with-items.ts";

export interface BrokenBlob {
  name: string;
  code: number;
  blob: Uint8Array;
}

const SHAPE = { fields: 3, embeddingDim: 5, hidden: [9, 8], layerTypes: [c.TYPE_I8, c.TYPE_F32], pages: 2 };

/** F = 3, k = 5, int8 rows, 15 → 9 int8, 9 → 8 f32. */
export const GOOD_BLOB = writeBlob(randomModel(SHAPE));
/** F = 3, D = 5, products of v[1, 5), 12 + 3 + 10 → 9 int8. */
export const GOOD_PRODUCTS = writeBlob(
  randomModel({ ...{ fields: 3, embeddingDim: 5, hidden: [9] }, mlpFrom: 1, products: c.PRODUCT_ALL }),
);
/** Towers: fields 1, 5 → 9 → 5, and fields 0 and 2, 10 → 5. */
export const GOOD_TOWERS = writeBlob(
  randomModel({ fields: 3, embeddingDim: 5, hidden: [9], terms: c.TERM_LINEAR | c.TERM_TOWERS }),
);
/** Each with a catalogue of three items: of 16 + 32 + 64 bytes, of 16 + 32, and of 16 + 32 + 64. */
const catalogue = (shape: ModelShape): Uint8Array => {
  const drawn = randomModel(shape);
  return withItems(KERNELS[0], drawn, randomRecords(drawn, 3, 1));
};
export const GOOD_ITEMS = catalogue(SHAPE);
const TOWER_ITEMS = catalogue({ fields: 3, embeddingDim: 5, hidden: [9], terms: c.TERM_LINEAR | c.TERM_TOWERS });
const FLOAT_ITEMS = catalogue({ fields: 3, embeddingDim: 5, hidden: [9], layerTypes: [c.TYPE_F32] });
/** LR: rows of w alone, no layers. */
const LINEAR = writeBlob(randomModel({ fields: 3, embeddingDim: 0, terms: c.TERM_LINEAR, hotRows: 0 }));
/** As many inputs of the first layer as there may be. */
const LARGEST_INPUTS = writeBlob(
  randomModel({ fields: c.MAX_FIELDS, embeddingDim: c.MAX_EMBEDDING_DIM, hidden: [1], hotRows: 0 }),
);
/** GOOD_BLOB's rows as f32 and no MLP. */
export const GOOD_FLOAT_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_F32 }));

/** The same with rows of the other types: of 12 and of 12 bytes. */
const HALF_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_F16 }));
const NIBBLE_BLOB = writeBlob(randomModel({ fields: 3, embeddingDim: 5, rowType: c.TYPE_I4 }));

/** Three keys, all of one bucket, so that no bucket contradicts a change of one. */
const CROWDED_BLOB = writeBlob({
  ...randomModel({ fields: 1, embeddingDim: 1, hotRows: 3 }),
  keys: Uint32Array.of(1, 7, 2, 7, 4, 7),
});

const LAYER_0 = c.MODEL_HEAD_BYTES;
const LAYER_1 = c.MODEL_HEAD_BYTES + c.LAYER_ENTRY_BYTES;
const LAYER_2 = c.MODEL_HEAD_BYTES + 2 * c.LAYER_ENTRY_BYTES;
const TABLE_END = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
const ENTRY_OFFSET = 4;
const ENTRY_LENGTH = 8;

type Edit = (view: DataView, bytes: Uint8Array) => void;

/** MODEL's number at `offset` becomes `value`. */
function u32(offset: number, value: number): Edit {
  return (view) => view.setUint32(offset, value, true);
}

function u8(offset: number, value: number): Edit {
  return (view) => view.setUint8(offset, value);
}

function f32(offset: number, value: number): Edit {
  return (view) => view.setFloat32(offset, value, true);
}

function add(offset: number, step: number): Edit {
  return (view) => view.setUint32(offset, view.getUint32(offset, true) + step, true);
}

/** GOOD_BLOB with `count` layers and as many entries, those past the second one copies of it. */
function withLayers(count: number): Uint8Array {
  const model = sectionOf(GOOD_BLOB, c.SECTION_MODEL);
  const entries = Array.from({ length: count }, (_, i) => {
    const entry = i === 0 ? LAYER_0 : LAYER_1;
    return [...model.subarray(entry, entry + c.LAYER_ENTRY_BYTES)];
  });
  const bytes = Uint8Array.from([...model.subarray(0, LAYER_0), ...entries.flat(), ...model.subarray(-3)]);
  return withSection(GOOD_BLOB, c.SECTION_MODEL, edited(bytes, u32(c.MODEL_LAYER_COUNT, count)));
}

/** LINEAR with `fields` fields and as many rows and sides. */
function withFields(fields: number): Uint8Array {
  const sides = new Uint8Array(fields);
  const head = sectionOf(LINEAR, c.SECTION_MODEL).subarray(0, c.MODEL_HEAD_BYTES);
  const model = edited(
    Uint8Array.from([...head, ...sides]),
    all(u32(c.MODEL_FIELDS, fields), u32(c.MODEL_ROW_COUNT, fields)),
  );
  const rows = new Uint8Array((fields * sectionOf(LINEAR, c.SECTION_ROWS).length) / 3);
  return withSection(withSection(LINEAR, c.SECTION_MODEL, model), c.SECTION_ROWS, rows);
}

/** The place in DENSE that MODEL states at `offset`. */
function placeOf(offset: number, good = GOOD_BLOB): number {
  return viewOf(sectionOf(good, c.SECTION_MODEL)).getUint32(offset, true);
}

function broken(code: number, section: number, edits: Record<string, Edit>, good = GOOD_BLOB): BrokenBlob[] {
  return Object.entries(edits).map(([name, edit]) => ({ name, code, blob: inSection(good, section, edit) }));
}

/** Several edits of one section. */
function all(...edits: Edit[]): Edit {
  return (view, bytes) => {
    for (const edit of edits) edit(view, bytes);
  };
}

/** The side of field f, in a MODEL that ends with those of 3. */
function side(f: number, value: number): Edit {
  return (view) => view.setUint8(view.byteLength - 3 + f, value);
}

const container: BrokenBlob[] = [
  { name: "no bytes", code: abi.LOAD_TOO_SHORT, blob: new Uint8Array(0) },
  { name: "a header without a table", code: abi.LOAD_TOO_SHORT, blob: GOOD_BLOB.slice(0, TABLE_END - 1) },
  { name: "another magic", code: abi.LOAD_BAD_MAGIC, blob: edited(GOOD_BLOB, u32(0, c.PAGE_MAGIC)) },
  { name: "a later version", code: abi.LOAD_BAD_VERSION, blob: edited(GOOD_BLOB, u32(4, c.BLOB_VERSION + 1)) },
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
    name: "64 bytes that no section owns",
    code: abi.LOAD_BAD_SECTION,
    blob: edited(new Uint8Array([...GOOD_BLOB, ...new Uint8Array(64)]), add(8, 64)),
  },
];

const table: BrokenBlob[] = Object.entries({
  "a section with another id": u32(entryOf(c.SECTION_KEYS), c.SECTION_ROWS),
  "a section that overlaps its predecessor": add(entryOf(c.SECTION_ROWS) + ENTRY_OFFSET, -64),
  "a section that leaves a gap": add(entryOf(c.SECTION_DENSE) + ENTRY_OFFSET, 64),
  "an offset that wraps": u32(entryOf(c.SECTION_SPEC) + ENTRY_OFFSET, 2 ** 32 - 64),
  "a section that ends beyond the blob": u32(entryOf(c.SECTION_DENSE) + ENTRY_LENGTH, GOOD_BLOB.length),
  "a length that wraps to a place within": u32(entryOf(c.SECTION_DENSE) + ENTRY_LENGTH, 2 ** 32 - 64),
}).map(([name, edit]) => ({
  name,
  code: abi.LOAD_BAD_SECTION,
  blob: withTable(GOOD_BLOB, (view) => edit(view, new Uint8Array(0))),
}));

const flipped: BrokenBlob[] = ["SPEC", "MODEL", "BUCKETS", "KEYS", "ROWS", "PAGES", "DENSE"].map((name, i) => ({
  name: `a bit flipped in ${name}`,
  code: abi.LOAD_BAD_CHECKSUM,
  blob: edited(GOOD_BLOB, (view, bytes) => {
    const at = view.getUint32(entryOf(i + 1) + ENTRY_OFFSET, true) + 9;
    bytes[at] = bytes[at] ^ 0x10;
  }),
}));

const model: BrokenBlob[] = [
  ...broken(abi.LOAD_BAD_MODEL, c.SECTION_MODEL, {
    "another number of fields than sides": u32(c.MODEL_FIELDS, 2),
    "an embedding dimension of 0": u32(c.MODEL_EMBEDDING_DIM, 0),
    "too large an embedding dimension": u32(c.MODEL_EMBEDDING_DIM, c.MAX_EMBEDDING_DIM + 1),
    "an unknown row type": u32(c.MODEL_ROW_TYPE, 4),
    "fewer rows than fields": u32(c.MODEL_ROW_COUNT, 2),
    "too many rows": u32(c.MODEL_ROW_COUNT, 2 ** 31 + 1),
    "no bucket bits": u32(c.MODEL_BUCKET_BITS, 0),
    "too many bucket bits": u32(c.MODEL_BUCKET_BITS, c.MAX_BUCKET_BITS + 1),
    "too many pages": u32(c.MODEL_PAGE_COUNT, c.MAX_PAGES + 1),
    "towers beside FM and an MLP": u32(c.MODEL_TERMS, c.TERM_ALL),
    "towers beside an MLP": u32(c.MODEL_TERMS, c.TERM_TOWERS | c.TERM_MLP),
    "FM without dimensions": u32(c.MODEL_FM_DIM, 0),
    "FM of more dimensions than rows have": u32(c.MODEL_FM_DIM, 6),
    "dimensions of an FM that it has not": u32(c.MODEL_TERMS, c.TERM_LINEAR | c.TERM_MLP),
    "an MLP that starts at the end of the rows": u32(c.MODEL_MLP_FROM, 5),
    "an MLP that starts far beyond the rows": u32(c.MODEL_MLP_FROM, 2 ** 32 - 1),
    "unknown products": u32(c.MODEL_PRODUCTS, c.PRODUCT_ALL + 1),
    "a scale of inner products that it has not": f32(c.MODEL_INNER_SCALE, 0.5),
    "a scale of outer products that it has not": f32(c.MODEL_OUTER_SCALE, 0),
    "layers of a context tower that it has not": u32(c.MODEL_CONTEXT_LAYERS, 1),
    "layers of an item tower that it has not": u32(c.MODEL_ITEM_LAYERS, 2),
    "an unknown side": side(1, 2),
    "another unknown side": side(2, 255),
    "a bias that is NaN": f32(c.MODEL_BIAS, Number.NaN),
    "an infinite bias": f32(c.MODEL_BIAS, Number.POSITIVE_INFINITY),
    "layers without an MLP": all(
      u32(c.MODEL_TERMS, c.TERM_LINEAR),
      u32(c.MODEL_FM_DIM, 0),
      u32(c.MODEL_OUTPUT_WIDTH, 0),
    ),
    "an output unit without inputs": u32(c.MODEL_OUTPUT_WIDTH, 0),
    "an output unit with too many inputs": u32(c.MODEL_OUTPUT_WIDTH, c.MAX_LAYER_WIDTH + 1),
    "more layers than entries": u32(c.MODEL_LAYER_COUNT, 3),
  }),
  ...broken(
    abi.LOAD_BAD_MODEL,
    c.SECTION_MODEL,
    {
      "an infinite scale of inner products": f32(c.MODEL_INNER_SCALE, Number.POSITIVE_INFINITY),
      "a scale of outer products that is NaN": f32(c.MODEL_OUTER_SCALE, Number.NaN),
      "a scale that inner products had": u32(c.MODEL_PRODUCTS, c.PRODUCT_OUTER),
      "a scale that outer products had": u32(c.MODEL_PRODUCTS, c.PRODUCT_INNER),
      "products without an MLP": all(
        u32(c.MODEL_TERMS, c.TERM_LINEAR | c.TERM_FM),
        u32(c.MODEL_MLP_FROM, 0),
        u32(c.MODEL_LAYER_COUNT, 0),
        u32(c.MODEL_OUTPUT_WIDTH, 0),
      ),
    },
    GOOD_PRODUCTS,
  ),
  ...broken(
    abi.LOAD_BAD_MODEL,
    c.SECTION_MODEL,
    { "inner products beyond the limit of inputs": u32(c.MODEL_PRODUCTS, c.PRODUCT_INNER) },
    LARGEST_INPUTS,
  ),
  ...broken(
    abi.LOAD_BAD_MODEL,
    c.SECTION_MODEL,
    {
      "towers without vectors": u32(c.MODEL_EMBEDDING_DIM, 0),
      "towers beside FM": all(u32(c.MODEL_TERMS, c.TERM_TOWERS | c.TERM_FM), u32(c.MODEL_FM_DIM, 5)),
      "towers that start within the rows": u32(c.MODEL_MLP_FROM, 1),
      "products of towers": all(u32(c.MODEL_PRODUCTS, c.PRODUCT_INNER), f32(c.MODEL_INNER_SCALE, 1)),
      "a context tower without layers": all(u32(c.MODEL_CONTEXT_LAYERS, 0), u32(c.MODEL_ITEM_LAYERS, 3)),
      "an item tower without layers": all(u32(c.MODEL_CONTEXT_LAYERS, 3), u32(c.MODEL_ITEM_LAYERS, 0)),
      "fewer layers in towers than entries": u32(c.MODEL_CONTEXT_LAYERS, 1),
      "more layers in towers than entries": u32(c.MODEL_ITEM_LAYERS, 2),
      "layers of towers whose sum wraps": all(u32(c.MODEL_CONTEXT_LAYERS, 2 ** 32 - 1), u32(c.MODEL_ITEM_LAYERS, 4)),
      "too deep a context tower": all(
        u32(c.MODEL_CONTEXT_LAYERS, c.MAX_TOWER_LAYERS + 1),
        u32(c.MODEL_LAYER_COUNT, c.MAX_TOWER_LAYERS + 2),
      ),
      "too deep an item tower": all(
        u32(c.MODEL_ITEM_LAYERS, c.MAX_TOWER_LAYERS + 1),
        u32(c.MODEL_LAYER_COUNT, c.MAX_TOWER_LAYERS + 3),
      ),
      "an output unit beside towers": u32(c.MODEL_OUTPUT_WIDTH, 5),
      "towers without a field of the context": side(1, c.SIDE_ITEM),
      "towers without a field of the item": all(side(0, c.SIDE_CONTEXT), side(2, c.SIDE_CONTEXT)),
    },
    GOOD_TOWERS,
  ),
  ...broken(
    abi.LOAD_BAD_MODEL,
    c.SECTION_MODEL,
    { "no terms": u32(c.MODEL_TERMS, 0), "an unknown term": u32(c.MODEL_TERMS, c.TERM_LINEAR | (c.TERM_ALL + 1)) },
    LINEAR,
  ),
  { name: "no fields", code: abi.LOAD_BAD_MODEL, blob: withFields(0) },
  { name: "too many fields", code: abi.LOAD_BAD_MODEL, blob: withFields(c.MAX_FIELDS + 1) },
  { name: "an MLP without layers", code: abi.LOAD_BAD_MODEL, blob: withLayers(0) },
  { name: "too many layers", code: abi.LOAD_BAD_MODEL, blob: withLayers(c.MAX_LAYERS + 1) },
  {
    name: "a MODEL shorter than its head",
    code: abi.LOAD_BAD_MODEL,
    blob: withSection(GOOD_BLOB, c.SECTION_MODEL, new Uint8Array(c.MODEL_HEAD_BYTES - 4)),
  },
];

const rows: BrokenBlob[] = [
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
  ...broken(abi.LOAD_BAD_ROWS, c.SECTION_ROWS, {
    "a row with an infinite scale": f32(0, Number.NEGATIVE_INFINITY),
    "a last row with a weight that is NaN": (view) => view.setFloat32(view.byteLength - 12, Number.NaN, true),
  }),
  {
    name: "the key 0",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(CROWDED_BLOB, c.SECTION_KEYS, (_, bytes) => bytes.fill(0, 0, 8)),
  },
  {
    name: "a key twice",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(CROWDED_BLOB, c.SECTION_KEYS, u32(8, 1)),
  },
  {
    name: "keys out of order",
    code: abi.LOAD_BAD_ROWS,
    blob: inSection(CROWDED_BLOB, c.SECTION_KEYS, u32(8, 5)),
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
    HALF_BLOB,
  ),
  ...broken(
    abi.LOAD_BAD_ROWS,
    c.SECTION_ROWS,
    {
      "an int4 row with an infinite scale": f32(12, Number.POSITIVE_INFINITY),
      "an int4 row with a weight that is NaN": f32(12 * 16 + 4, Number.NaN),
    },
    NIBBLE_BLOB,
  ),
];

const layers: BrokenBlob[] = [
  ...broken(abi.LOAD_BAD_LAYER, c.SECTION_MODEL, {
    "a first layer with other inputs than F·k": add(LAYER_0 + c.LAYER_INPUTS, 1),
    "a layer with other inputs than the outputs before": add(LAYER_1 + c.LAYER_INPUTS, -1),
    "a layer without outputs": u32(LAYER_1 + c.LAYER_OUTPUTS, 0),
    "a layer with too many outputs": u32(LAYER_1 + c.LAYER_OUTPUTS, c.MAX_LAYER_WIDTH + 1),
    "a layer with more outputs than DENSE has weights": u32(LAYER_1 + c.LAYER_OUTPUTS, c.MAX_LAYER_WIDTH),
    "a layer without outputs before one without inputs": all(
      u32(LAYER_0 + c.LAYER_OUTPUTS, 0),
      u32(LAYER_1 + c.LAYER_INPUTS, 0),
    ),
    "an unknown weight type": u32(LAYER_1 + c.LAYER_WEIGHT_TYPE, 2),
    "an MLP's layer without activation": u32(LAYER_0 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
    "an MLP's last layer without activation": u32(LAYER_1 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
    "an unknown activation": u32(LAYER_0 + c.LAYER_ACTIVATION, 4),
    "weights that are not aligned": add(LAYER_0 + c.LAYER_WEIGHTS, 16),
    "weights beyond DENSE": add(LAYER_0 + c.LAYER_WEIGHTS, 2 ** 20),
    "weights whose end wraps": u32(LAYER_0 + c.LAYER_WEIGHTS, 2 ** 32 - 64),
    "scales that are not aligned": add(LAYER_0 + c.LAYER_SCALES, 4),
    "scales whose end wraps": u32(LAYER_0 + c.LAYER_SCALES, 2 ** 32 - 64),
    "biases that are not aligned": add(LAYER_0 + c.LAYER_BIASES, 4),
    "biases beyond DENSE": add(LAYER_1 + c.LAYER_BIASES, 2 ** 20),
    "f32 weights beyond DENSE": add(LAYER_1 + c.LAYER_WEIGHTS, 2 ** 20),
    "scales in the weights": u32(LAYER_0 + c.LAYER_SCALES, 0),
    "biases in the scales": u32(LAYER_0 + c.LAYER_BIASES, placeOf(LAYER_0 + c.LAYER_SCALES)),
    "a layer that begins in the one before": u32(LAYER_1 + c.LAYER_WEIGHTS, placeOf(LAYER_0 + c.LAYER_BIASES)),
    "output weights in the last layer": u32(c.MODEL_OUTPUT_WEIGHTS, placeOf(LAYER_1 + c.LAYER_BIASES)),
    "an input scale that is NaN": f32(LAYER_0 + c.LAYER_INPUT_INVERSE_SCALE, Number.NaN),
    "an infinite zero point": f32(LAYER_0 + c.LAYER_INPUT_ZERO, Number.POSITIVE_INFINITY),
    "an output unit of another width": u32(c.MODEL_OUTPUT_WIDTH, 7),
    "output weights that are not aligned": add(c.MODEL_OUTPUT_WEIGHTS, 4),
    "output weights beyond DENSE": add(c.MODEL_OUTPUT_WEIGHTS, 2 ** 20),
  }),
  ...broken(
    abi.LOAD_BAD_LAYER,
    c.SECTION_MODEL,
    {
      "a first layer without the products": u32(LAYER_0 + c.LAYER_INPUTS, 12),
      "a first layer with the inner products alone": u32(LAYER_0 + c.LAYER_INPUTS, 15),
      "a first layer of the whole rows": u32(LAYER_0 + c.LAYER_INPUTS, 28),
    },
    GOOD_PRODUCTS,
  ),
  ...broken(
    abi.LOAD_BAD_LAYER,
    c.SECTION_MODEL,
    {
      "a context tower that takes the item's fields": u32(LAYER_0 + c.LAYER_INPUTS, 10),
      "an item tower that takes the context tower": u32(LAYER_2 + c.LAYER_INPUTS, 5),
      "a tower's hidden layer without activation": u32(LAYER_0 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
      "a context tower that ends in an activation": u32(LAYER_1 + c.LAYER_ACTIVATION, c.ACTIVATION_TANH),
      "an item tower that ends in an activation": u32(LAYER_2 + c.LAYER_ACTIVATION, c.ACTIVATION_RELU),
      "a context tower of another width than its vectors": u32(LAYER_1 + c.LAYER_OUTPUTS, 4),
      "an item tower of another width than its vectors": u32(LAYER_2 + c.LAYER_OUTPUTS, 6),
      "towers that share their layers otherwise": all(u32(c.MODEL_CONTEXT_LAYERS, 1), u32(c.MODEL_ITEM_LAYERS, 2)),
    },
    GOOD_TOWERS,
  ),
  ...broken(abi.LOAD_BAD_LAYER, c.SECTION_DENSE, {
    "a scale that is infinite": f32(placeOf(LAYER_0 + c.LAYER_SCALES), Number.POSITIVE_INFINITY),
    "a bias that is NaN": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 32, Number.NaN),
    "an int8 weight of an output that is padding": u8(placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 8 * 16 + 4, 1),
    "an int8 weight of an input that is padding": u8(placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 3 * 16 + 3, 1),
    "a scale that is padding": f32(placeOf(LAYER_0 + c.LAYER_SCALES) + 36, 1),
    "an f32 weight of an input that is padding": f32(placeOf(LAYER_1 + c.LAYER_WEIGHTS) + 9 * 16 + 4, 1),
    "a bias that is padding": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 60, -1),
    "a NaN where a bias is padded": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 60, Number.NaN),
    "weights that add up to 259 in a lane": all(...[127, 127, 5, 0].map((w, i) => u8(lane(i), w))),
    "weights that add up to -259 in a lane": all(...[-128, 0, -128, -3].map((w, i) => u8(lane(i), w & 0xff))),
    "an f32 weight that is NaN": f32(placeOf(LAYER_1 + c.LAYER_WEIGHTS) + 4, Number.NaN),
    "an output weight that is infinite": f32(placeOf(c.MODEL_OUTPUT_WEIGHTS) + 28, Number.NEGATIVE_INFINITY),
  }).map(({ name, ...rest }) => ({ name: `${name} (DENSE)`, ...rest })),
];

/** Where the weights of output 5 are in the second lane of words 2 and 3 of layer 0's inputs. */
function lane(i: number): number {
  const words = 4;
  const [tile, output] = [1, 1];
  return placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 16 * (words * tile + 2 + (i >> 1)) + 4 * output + 2 + (i & 1);
}

const items: BrokenBlob[] = [
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
    blob: inSection(TOWER_ITEMS, c.SECTION_ITEMS, f32(c.ITEM_VECTORS + 16, Number.NaN)),
  },
  {
    name: "an item whose f32 sums are NaN",
    code: abi.LOAD_BAD_ITEMS,
    blob: inSection(FLOAT_ITEMS, c.SECTION_ITEMS, f32(c.ITEM_VECTORS + 32, Number.NaN)),
  },
  {
    name: "items of a model with products",
    code: abi.LOAD_BAD_ITEMS,
    blob: inSection(GOOD_PRODUCTS, c.SECTION_MODEL, u32(c.MODEL_ITEM_COUNT, 1)),
  },
];

const padded: BrokenBlob[] = broken(
  abi.LOAD_BAD_LAYER,
  c.SECTION_DENSE,
  { "an output weight that is padding": f32(placeOf(c.MODEL_OUTPUT_WEIGHTS, GOOD_PRODUCTS) + 36, 1) },
  GOOD_PRODUCTS,
);

export const BROKEN_BLOBS: readonly BrokenBlob[] = [
  ...container,
  ...table,
  ...flipped,
  ...model,
  ...rows,
  ...layers,
  ...padded,
  ...items,
];
