// Blobs whose MODEL breaks a rule in its head or in its fields' sides.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { edited, sectionOf, withSection } from "../../../../testing/format/edit-blob.ts";
import { GOOD_BLOB, GOOD_LARGEST_INPUTS, GOOD_LINEAR, GOOD_PRODUCTS, GOOD_TOWERS } from "../good-blobs.ts";
import { all, type BrokenBlob, broken, type Edit, f32, LAYER_0, LAYER_1, u32 } from "./edits.ts";

export const BROKEN_MODELS: readonly BrokenBlob[] = [
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
    GOOD_LARGEST_INPUTS,
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
    GOOD_LINEAR,
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

/** GOOD_BLOB with `count` layers and as many entries; those after the second are copies of it. */
function withLayers(count: number): Uint8Array {
  const model = sectionOf(GOOD_BLOB, c.SECTION_MODEL);
  const entries = Array.from({ length: count }, (_, i) => {
    const entry = i === 0 ? LAYER_0 : LAYER_1;
    return [...model.subarray(entry, entry + c.LAYER_ENTRY_BYTES)];
  });
  const bytes = Uint8Array.from([...model.subarray(0, LAYER_0), ...entries.flat(), ...model.subarray(-3)]);
  return withSection(GOOD_BLOB, c.SECTION_MODEL, edited(bytes, u32(c.MODEL_LAYER_COUNT, count)));
}

/** GOOD_LINEAR with `fields` fields and as many rows and sides. */
function withFields(fields: number): Uint8Array {
  const sides = new Uint8Array(fields);
  const head = sectionOf(GOOD_LINEAR, c.SECTION_MODEL).subarray(0, c.MODEL_HEAD_BYTES);
  const model = edited(
    Uint8Array.from([...head, ...sides]),
    all(u32(c.MODEL_FIELDS, fields), u32(c.MODEL_ROW_COUNT, fields)),
  );
  const rows = new Uint8Array((fields * sectionOf(GOOD_LINEAR, c.SECTION_ROWS).length) / 3);
  return withSection(withSection(GOOD_LINEAR, c.SECTION_MODEL, model), c.SECTION_ROWS, rows);
}

/** Sets the side of field f in a MODEL that ends with the sides of three fields. */
function side(f: number, value: number): Edit {
  return (view) => view.setUint8(view.byteLength - 3 + f, value);
}
