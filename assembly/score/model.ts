// The head of section MODEL: the sizes of the model, which every other file here reads from the variables below.
import {
  FILTER_BLOCK_BYTES,
  ITEM_ENTRIES,
  ITEM_PAGES_BLOB_VERSION,
  LAYER_ENTRY_BYTES,
  MAX_BLOB_BYTES,
  MAX_BUCKET_BITS,
  MAX_EMBEDDING_DIM,
  MAX_FIELDS,
  MAX_LAYER_INPUTS,
  MAX_LAYER_WIDTH,
  MAX_LAYERS,
  MAX_PAGES,
  MAX_TOWER_LAYERS,
  MODEL_BIAS,
  MODEL_BUCKET_BITS,
  MODEL_CONTEXT_LAYERS,
  MODEL_EMBEDDING_DIM,
  MODEL_FIELDS,
  MODEL_FM_DIM,
  MODEL_HEAD_BYTES,
  MODEL_INNER_SCALE,
  MODEL_ITEM_COUNT,
  MODEL_ITEM_FILTER_BLOCKS,
  MODEL_ITEM_FORM,
  MODEL_ITEM_LAYERS,
  MODEL_ITEM_PAGES,
  MODEL_LAYER_COUNT,
  MODEL_MLP_FROM,
  MODEL_OUTER_SCALE,
  MODEL_OUTPUT_WIDTH,
  MODEL_PAGE_COUNT,
  MODEL_PRODUCTS,
  MODEL_ROW_COUNT,
  MODEL_ROW_TYPE,
  MODEL_TERMS,
  PRODUCT_ALL,
  PRODUCT_INNER,
  PRODUCT_OUTER,
  SECTION_MODEL,
  SIDE_CONTEXT,
  SIDE_ITEM,
  TERM_ALL,
  TERM_FM,
  TERM_MLP,
  TERM_TOWERS,
  TYPE_I4,
} from "../../format/constants";
import { LOAD_BAD_MODEL, LOAD_OK } from "../../runtime/abi";
import { sectionAddress, sectionBytes, version } from "./sections";

/** Counts stay within int32; the length of the blob is the tighter bound. */
const MAX_ROWS: u32 = 0x80000000;

/** Where section MODEL begins. */
export let model: usize = 0;
/** F */
export let fields: u32 = 0;
/** D, the length of a row's vector; may be 0 if `terms` is TERM_LINEAR alone. */
export let embeddingDim: u32 = 0;
/** TYPE_F32, TYPE_I8, TYPE_F16 or TYPE_I4 */
export let rowType: u32 = 0;
/** F + h: each field's OOV row, then the rows with a key. */
export let rowCount: u32 = 0;
/** How many of a key's highest bits choose its bucket. */
export let bucketBits: u32 = 0;
/** Pages of rows that are not in the blob. */
export let pageCount: u32 = 0;
/** Pages of items, whose digests follow those of the pages of rows. */
export let itemPages: u32 = 0;
/** ITEM_SUMS or ITEM_ENTRIES: what the records of items are. */
export let itemForm: u32 = 0;
/** Blocks of the filter of the items in pages. */
export let itemFilterBlocks: u32 = 0;
/** TERM_LINEAR | TERM_FM | TERM_MLP, or TERM_LINEAR | TERM_TOWERS */
export let terms: u32 = 0;
/** The constant term of the logit. */
export let bias: f32 = 0;
/** FM takes v[0, fmDim); 0 without FM. */
export let fmDim: u32 = 0;
/** The MLP takes v[mlpFrom, D). */
export let mlpFrom: u32 = 0;
/** PRODUCT_INNER | PRODUCT_OUTER; 0 without an MLP. */
export let products: u32 = 0;
/** What inner products are multiplied by; 1 without them. */
export let innerScale: f32 = 1;
/** What outer products are multiplied by; 1 without them. */
export let outerScale: f32 = 1;
/** Layers of the MLP, or of both towers. */
export let layerCount: u32 = 0;
/** How many of the layers are the context tower's, which come first; 0 without towers. */
export let contextLayers: u32 = 0;
/** Units of the MLP's last hidden layer; 0 without an MLP. */
export let outputWidth: u32 = 0;

/** Reads the head and checks it against the limits of the format. Returns a LOAD_* code. */
export function checkModel(): i32 {
  model = sectionAddress(SECTION_MODEL);
  if (sectionBytes(SECTION_MODEL) < <u32>MODEL_HEAD_BYTES) return LOAD_BAD_MODEL;
  fields = load<u32>(model, MODEL_FIELDS);
  embeddingDim = load<u32>(model, MODEL_EMBEDDING_DIM);
  rowType = load<u32>(model, MODEL_ROW_TYPE);
  rowCount = load<u32>(model, MODEL_ROW_COUNT);
  bucketBits = load<u32>(model, MODEL_BUCKET_BITS);
  pageCount = load<u32>(model, MODEL_PAGE_COUNT);
  terms = load<u32>(model, MODEL_TERMS);
  bias = load<f32>(model, MODEL_BIAS);
  layerCount = load<u32>(model, MODEL_LAYER_COUNT);
  outputWidth = load<u32>(model, MODEL_OUTPUT_WIDTH);
  fmDim = load<u32>(model, MODEL_FM_DIM);
  mlpFrom = load<u32>(model, MODEL_MLP_FROM);
  products = load<u32>(model, MODEL_PRODUCTS);
  innerScale = load<f32>(model, MODEL_INNER_SCALE);
  outerScale = load<f32>(model, MODEL_OUTER_SCALE);
  contextLayers = load<u32>(model, MODEL_CONTEXT_LAYERS);
  // Bytes of a head that are reserved in older formats have no meaning there.
  const hasItemPages = version >= <u32>ITEM_PAGES_BLOB_VERSION;
  itemForm = hasItemPages ? load<u32>(model, MODEL_ITEM_FORM) : 0;
  itemPages = hasItemPages ? load<u32>(model, MODEL_ITEM_PAGES) : 0;
  itemFilterBlocks = hasItemPages ? load<u32>(model, MODEL_ITEM_FILTER_BLOCKS) : 0;

  if (!within(fields, 1, MAX_FIELDS)) return LOAD_BAD_MODEL;
  if (!within(terms, 1, TERM_ALL)) return LOAD_BAD_MODEL;
  const fm = (terms & TERM_FM) !== 0;
  const mlp = (terms & TERM_MLP) !== 0;
  const towers = (terms & TERM_TOWERS) !== 0;
  if (towers && (fm || mlp)) return LOAD_BAD_MODEL;
  if (!within(embeddingDim, fm || mlp || towers ? 1 : 0, MAX_EMBEDDING_DIM)) return LOAD_BAD_MODEL;
  if (!within(rowType, 0, TYPE_I4)) return LOAD_BAD_MODEL;
  if (!within(rowCount, fields, MAX_ROWS)) return LOAD_BAD_MODEL;
  if (!within(bucketBits, 1, MAX_BUCKET_BITS)) return LOAD_BAD_MODEL;
  if (!within(pageCount, 0, MAX_PAGES)) return LOAD_BAD_MODEL;
  if (!within(itemForm, 0, ITEM_ENTRIES)) return LOAD_BAD_MODEL;
  if (!within(itemPages, 0, itemForm === ITEM_ENTRIES ? MAX_PAGES - pageCount : 0)) return LOAD_BAD_MODEL;
  if (!within(itemFilterBlocks, 0, itemPages > 0 ? MAX_BLOB_BYTES / FILTER_BLOCK_BYTES : 0)) return LOAD_BAD_MODEL;
  if (itemForm === ITEM_ENTRIES && itemPages === 0 && load<u32>(model, MODEL_ITEM_COUNT) === 0) return LOAD_BAD_MODEL;
  if (!F32.isFinite(bias)) return LOAD_BAD_MODEL;
  if (!within(fmDim, fm ? 1 : 0, fm ? embeddingDim : 0)) return LOAD_BAD_MODEL;
  if (!within(mlpFrom, 0, mlp ? embeddingDim - 1 : 0)) return LOAD_BAD_MODEL;
  if (!within(products, 0, mlp ? PRODUCT_ALL : 0)) return LOAD_BAD_MODEL;
  if (!isScale(innerScale, PRODUCT_INNER) || !isScale(outerScale, PRODUCT_OUTER)) return LOAD_BAD_MODEL;
  // This cannot overflow: fields and dimensions are at most 256, as checked above.
  if (mlpWidth() > <u32>MAX_LAYER_INPUTS) return LOAD_BAD_MODEL;
  if (towers) {
    const itemLayers = load<u32>(model, MODEL_ITEM_LAYERS);
    if (!within(contextLayers, 1, MAX_TOWER_LAYERS) || !within(itemLayers, 1, MAX_TOWER_LAYERS)) return LOAD_BAD_MODEL;
    if (contextLayers + itemLayers !== layerCount) return LOAD_BAD_MODEL;
  } else {
    if (contextLayers !== 0 || load<u32>(model, MODEL_ITEM_LAYERS) !== 0) return LOAD_BAD_MODEL;
    if (!within(layerCount, mlp ? 1 : 0, mlp ? MAX_LAYERS : 0)) return LOAD_BAD_MODEL;
  }
  if (!within(outputWidth, mlp ? 1 : 0, mlp ? MAX_LAYER_WIDTH : 0)) return LOAD_BAD_MODEL;
  if (sectionBytes(SECTION_MODEL) !== MODEL_HEAD_BYTES + layerCount * LAYER_ENTRY_BYTES + fields) return LOAD_BAD_MODEL;
  for (let f: u32 = 0; f < fields; f++) if (!within(sideOf(f), 0, SIDE_ITEM)) return LOAD_BAD_MODEL;
  if (towers && (fieldsOf(SIDE_CONTEXT) === 0 || fieldsOf(SIDE_ITEM) === 0)) return LOAD_BAD_MODEL;
  return LOAD_OK;
}

/** The side of a field: SIDE_CONTEXT or SIDE_ITEM. */
export function sideOf(field: u32): u32 {
  assert(field < fields);
  return load<u8>(model + MODEL_HEAD_BYTES + layerCount * LAYER_ENTRY_BYTES + field);
}

/** How many fields a side has. */
export function fieldsOf(side: u32): u32 {
  let count: u32 = 0;
  for (let f: u32 = 0; f < fields; f++) if (sideOf(f) === side) count++;
  return count;
}

/** d, the length of the embeddings that the MLP or the towers take. */
export function deepDim(): u32 {
  return embeddingDim - mlpFrom;
}

/** Inputs of the MLP's first layer: embeddings, inner products, outer products. */
export function mlpWidth(): u32 {
  return fields * deepDim() + innerProductCount() + outerProductCount();
}

/** How many inner products there are, one for each pair of fields; 0 if the model has none. */
export function innerProductCount(): u32 {
  return products & PRODUCT_INNER ? (fields * (fields - 1)) >>> 1 : 0;
}

/** How many outer products there are, one for each pair a ≤ b of the d elements; 0 if the model has none. */
export function outerProductCount(): u32 {
  return products & PRODUCT_OUTER ? (deepDim() * (deepDim() + 1)) >>> 1 : 0;
}

/** Whether the scale of a product is finite, and 1 if the model has no such product. */
function isScale(scale: f32, product: u32): bool {
  return F32.isFinite(scale) && ((products & product) !== 0 || scale === 1);
}

function within(got: u32, low: u32, high: u32): bool {
  return got >= low && got <= high;
}
