import { fieldSides, mlpInputs } from "./blob.ts";
import { crossesSides } from "./columns.ts";
import * as c from "./constants.ts";
import { FormatError, show } from "./errors.ts";
import type { FittedField, FittedSpec } from "./fitted-spec.ts";

/** What section MODEL says before its layers, checked. The names are those of `ModelBlob`. */
export interface ModelHead {
  embeddingDim: number;
  rowType: number;
  rowCount: number;
  bucketBits: number;
  pageCount: number;
  terms: number;
  bias: number;
  fmDim: number;
  mlpFrom: number;
  products: number;
  innerScale: number;
  outerScale: number;
  layerCount: number;
  contextLayers: number;
  itemLayers: number;
  /** The position of the field whose values are the items' ids; 0 without a catalogue. */
  itemField: number;
  /** The number of items in the blob; 0 without a catalogue. */
  itemCount: number;
  /** ITEM_SUMS or ITEM_ENTRIES: what the records of items are. */
  itemForm: number;
  /** Q, the number of item pages; 0 unless the records are entries. */
  itemPages: number;
  /** Blocks of the filter of the items in pages. */
  itemFilterBlocks: number;
  /** The number of outputs of the MLP's last hidden layer; 0 without TERM_MLP. */
  outputWidth: number;
  sides: Uint8Array;
}

/** Layers that feed each other: those of the MLP, or of one tower. */
export interface LayerStack {
  /** The stack has the layers from `first` up to, and without, `end`. */
  first: number;
  end: number;
  /** The number of inputs of the first layer. */
  inputs: number;
  /** The number of outputs of the last layer, which then has no activation; null where any number will do. */
  outputs: number | null;
}

const PLACE = "blob: section MODEL";

/** Reads numbers of section MODEL; each error names the number, what was got and what was expected. */
export class ModelNumbers {
  readonly #view: DataView;

  constructor(model: Uint8Array) {
    if (model.length < c.MODEL_HEAD_BYTES) refuse(`got ${model.length} bytes, expected at least ${c.MODEL_HEAD_BYTES}`);
    this.#view = new DataView(model.buffer, model.byteOffset, model.byteLength);
  }

  /** The u32 at an offset. Throws FormatError unless it is in low … high. */
  u32(name: string, offset: number, low = 0, high = 0xffffffff): number {
    const got = this.#view.getUint32(offset, true);
    if (got < low || got > high) refuse(`got ${name} ${got}, expected ${low === high ? low : `${low} to ${high}`}`);
    return got;
  }

  /** The f32 at an offset. Throws FormatError unless it is finite. */
  f32(name: string, offset: number): number {
    const got = this.#view.getFloat32(offset, true);
    if (!Number.isFinite(got)) refuse(`got ${name} ${got}, expected a finite number`);
    return got;
  }
}

/**
 * Reads the head and the sides of section MODEL of a blob in a version of the format. Throws FormatError where they
 * break a rule or contradict the spec.
 */
export function readModelHead(model: Uint8Array, spec: FittedSpec, format: number): ModelHead {
  const numbers = new ModelNumbers(model);
  const fields = spec.fields.length;
  numbers.u32("fields", c.MODEL_FIELDS, fields, fields);
  const terms = numbers.u32("terms", c.MODEL_TERMS, 1, c.TERM_ALL);
  const fm = (terms & c.TERM_FM) !== 0;
  const mlp = (terms & c.TERM_MLP) !== 0;
  const towers = (terms & c.TERM_TOWERS) !== 0;
  if (towers && (fm || mlp)) refuse(`got terms ${terms}, expected towers (8) with neither FM (2) nor MLP (4)`);
  const vectors = fm || mlp || towers;
  const D = numbers.u32("embedding dimension", c.MODEL_EMBEDDING_DIM, vectors ? 1 : 0, c.MAX_EMBEDDING_DIM);
  const rowType = numbers.u32("row type", c.MODEL_ROW_TYPE, c.TYPE_F32, c.TYPE_I4);
  const rowCount = numbers.u32("rows", c.MODEL_ROW_COUNT, fields, 2 ** 31);
  const bucketBits = numbers.u32("bucket bits", c.MODEL_BUCKET_BITS, 1, c.MAX_BUCKET_BITS);
  const pageCount = numbers.u32("pages", c.MODEL_PAGE_COUNT, 0, c.MAX_PAGES);
  const bias = numbers.f32("bias", c.MODEL_BIAS);
  const fmDim = numbers.u32("FM dimension", c.MODEL_FM_DIM, fm ? 1 : 0, fm ? D : 0);
  const mlpFrom = numbers.u32("start of the MLP embedding", c.MODEL_MLP_FROM, 0, mlp ? D - 1 : 0);
  const products = numbers.u32("products", c.MODEL_PRODUCTS, 0, mlp ? c.PRODUCT_ALL : 0);
  const scale = (name: string, offset: number, product: number): number => {
    const got = numbers.f32(name, offset);
    if ((products & product) === 0 && got !== 1) refuse(`got ${name} ${got}, expected 1`);
    return got;
  };
  const innerScale = scale("inner scale", c.MODEL_INNER_SCALE, c.PRODUCT_INNER);
  const outerScale = scale("outer scale", c.MODEL_OUTER_SCALE, c.PRODUCT_OUTER);
  const inputs = mlpInputs(fields, D - mlpFrom, products);
  if (inputs > c.MAX_LAYER_INPUTS) refuse(`got ${inputs} layer inputs, expected at most ${c.MAX_LAYER_INPUTS}`);

  const most = mlp ? c.MAX_LAYERS : towers ? 2 * c.MAX_TOWER_LAYERS : 0;
  const layerCount = numbers.u32("layers", c.MODEL_LAYER_COUNT, Math.min(most, towers ? 2 : 1), most);
  const ofTower = (name: string, offset: number): number =>
    numbers.u32(name, offset, towers ? 1 : 0, towers ? c.MAX_TOWER_LAYERS : 0);
  const contextLayers = ofTower("layers of the context tower", c.MODEL_CONTEXT_LAYERS);
  const itemLayers = ofTower("layers of the item tower", c.MODEL_ITEM_LAYERS);
  if (towers && contextLayers + itemLayers !== layerCount) {
    refuse(`got ${contextLayers} + ${itemLayers} layers of the towers, expected ${layerCount} together`);
  }
  const outputWidth = numbers.u32("output width", c.MODEL_OUTPUT_WIDTH, mlp ? 1 : 0, mlp ? c.MAX_LAYER_WIDTH : 0);
  const sides = readSides(model, spec, layerCount, towers);
  const itemCount = numbers.u32("items", c.MODEL_ITEM_COUNT);
  // In older formats these bytes have no meaning.
  const newer = format >= c.ITEM_PAGES_BLOB_VERSION;
  const itemForm = newer ? numbers.u32("form of items", c.MODEL_ITEM_FORM, c.ITEM_SUMS, c.ITEM_ENTRIES) : c.ITEM_SUMS;
  const ofEntries = itemForm === c.ITEM_ENTRIES;
  const itemPages = newer
    ? numbers.u32("item pages", c.MODEL_ITEM_PAGES, 0, ofEntries ? c.MAX_PAGES - pageCount : 0)
    : 0;
  const mostBlocks = itemPages > 0 ? Math.floor(c.MAX_BLOB_BYTES / c.FILTER_BLOCK_BYTES) : 0;
  const itemFilterBlocks = newer
    ? numbers.u32("blocks of the item filter", c.MODEL_ITEM_FILTER_BLOCKS, 0, mostBlocks)
    : 0;
  if (ofEntries && itemCount === 0 && itemPages === 0) refuse("got items as entries and none of them, expected some");
  const hasItems = itemCount > 0 || ofEntries;
  const itemField = numbers.u32("item field", c.MODEL_ITEM_FIELD, 0, hasItems ? fields - 1 : 0);
  if (hasItems && !canNameItems(spec.fields[itemField]))
    refuse(`got item field ${itemField}, expected a categorical one of the item's side with a vocabulary`);
  const mixed = spec.fields.find((field) => crossesSides(field, spec.fields));
  if (mixed && (hasItems || towers))
    refuse(
      `got ${towers ? "towers" : `${itemCount} items`} and the cross ${show(mixed.name)} of both sides, expected none: ` +
        "an item is computed before its context is known",
    );
  return {
    ...{ embeddingDim: D, rowType, rowCount, bucketBits, pageCount, terms, bias, fmDim, mlpFrom, products },
    ...{ innerScale, outerScale, layerCount, contextLayers, itemLayers, outputWidth },
    ...{ itemField, itemCount, itemForm, itemPages, itemFilterBlocks, sides },
  };
}

/** The stacks of a model's layers: none, the MLP, or the two towers. */
export function layerStacks(head: ModelHead): LayerStack[] {
  const { terms, layerCount, embeddingDim: D, mlpFrom, products, sides, contextLayers } = head;
  if (terms & c.TERM_MLP) {
    return [{ first: 0, end: layerCount, inputs: mlpInputs(sides.length, D - mlpFrom, products), outputs: null }];
  }
  if (!(terms & c.TERM_TOWERS)) return [];
  const width = (side: number): number => D * sides.filter((of) => of === side).length;
  return [
    { first: 0, end: contextLayers, inputs: width(c.SIDE_CONTEXT), outputs: D },
    { first: contextLayers, end: layerCount, inputs: width(c.SIDE_ITEM), outputs: D },
  ];
}

/**
 * Whether a field's values can be the ids of items: each value, once it is prepared, is then one row key, and no other
 * value has it.
 */
export function canNameItems(field: FittedField | undefined): boolean {
  if (field?.side !== "item" || field.type !== "categorical" || field.cross) return false;
  return field.encoding.kind === "vocabulary";
}

/** The sides of the fields, which are the end of the section. */
function readSides(model: Uint8Array, spec: FittedSpec, layerCount: number, towers: boolean): Uint8Array {
  const expected = fieldSides(spec);
  const at = c.MODEL_HEAD_BYTES + layerCount * c.LAYER_ENTRY_BYTES;
  if (model.length !== at + expected.length) refuse(`got ${model.length} bytes, expected ${at + expected.length}`);
  const sides = model.slice(at);
  const wrong = sides.findIndex((side, f) => side !== expected[f]);
  if (wrong >= 0) refuse(`got side ${sides[wrong]} of field ${wrong}, expected ${expected[wrong]} as in SPEC`);
  if (towers && new Set(sides).size < 2) refuse(`got towers with all fields on side ${sides[0]}, expected both sides`);
  return sides;
}

function refuse(problem: string): never {
  throw new FormatError(PLACE, problem);
}
