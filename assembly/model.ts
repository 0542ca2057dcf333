// The head of section MODEL: the model's sizes, as every other file here uses them.
import {
  LAYER_ENTRY_BYTES,
  LOAD_BAD_MODEL,
  LOAD_OK,
  MAX_BUCKET_BITS,
  MAX_EMBEDDING_DIM,
  MAX_FIELDS,
  MAX_LAYER_WIDTH,
  MAX_LAYERS,
  MAX_PAGES,
  MODEL_BIAS,
  MODEL_BUCKET_BITS,
  MODEL_EMBEDDING_DIM,
  MODEL_FIELDS,
  MODEL_HEAD_BYTES,
  MODEL_LAYER_COUNT,
  MODEL_OUTPUT_INPUTS,
  MODEL_PAGE_COUNT,
  MODEL_PARTS,
  MODEL_ROW_COUNT,
  MODEL_ROW_TYPE,
  PART_ALL,
  PART_MLP,
  SECTION_MODEL,
  TYPE_I8,
} from "../format/constants";
import { sectionAddress, sectionBytes } from "./sections";

const MAX_ROWS: u32 = 0x80000000;

/** Where section MODEL begins. */
export let model: usize = 0;
/** F */
export let fields: u32 = 0;
/** k */
export let embeddingDim: u32 = 0;
/** TYPE_F32 or TYPE_I8 */
export let rowType: u32 = 0;
/** F + h: each field's OOV row, then the rows with a key. */
export let rowCount: u32 = 0;
/** Bits of a key's high word that choose its bucket. */
export let bucketBits: u32 = 0;
export let pageCount: u32 = 0;
/** PART_LINEAR | PART_FM | PART_MLP */
export let parts: u32 = 0;
/** The constant term of the logit. */
export let bias: f32 = 0;
/** Hidden layers of the MLP. */
export let layerCount: u32 = 0;
/** Units of the last hidden layer. */
export let outputInputs: u32 = 0;

/** Reads the head and checks it against the format's limits. */
export function checkModel(): i32 {
  model = sectionAddress(SECTION_MODEL);
  if (sectionBytes(SECTION_MODEL) < <u32>MODEL_HEAD_BYTES) return LOAD_BAD_MODEL;
  fields = load<u32>(model, MODEL_FIELDS);
  embeddingDim = load<u32>(model, MODEL_EMBEDDING_DIM);
  rowType = load<u32>(model, MODEL_ROW_TYPE);
  rowCount = load<u32>(model, MODEL_ROW_COUNT);
  bucketBits = load<u32>(model, MODEL_BUCKET_BITS);
  pageCount = load<u32>(model, MODEL_PAGE_COUNT);
  parts = load<u32>(model, MODEL_PARTS);
  bias = load<f32>(model, MODEL_BIAS);
  layerCount = load<u32>(model, MODEL_LAYER_COUNT);
  outputInputs = load<u32>(model, MODEL_OUTPUT_INPUTS);

  if (!within(fields, 1, MAX_FIELDS)) return LOAD_BAD_MODEL;
  if (!within(embeddingDim, 1, MAX_EMBEDDING_DIM)) return LOAD_BAD_MODEL;
  if (!within(rowType, 0, TYPE_I8)) return LOAD_BAD_MODEL;
  if (!within(rowCount, fields, MAX_ROWS)) return LOAD_BAD_MODEL;
  if (!within(bucketBits, 1, MAX_BUCKET_BITS)) return LOAD_BAD_MODEL;
  if (!within(pageCount, 0, MAX_PAGES)) return LOAD_BAD_MODEL;
  if (!within(parts, 1, PART_ALL)) return LOAD_BAD_MODEL;
  if (!F32.isFinite(bias)) return LOAD_BAD_MODEL;
  const mlp = (parts & PART_MLP) !== 0;
  if (!within(layerCount, mlp ? 1 : 0, mlp ? MAX_LAYERS : 0)) return LOAD_BAD_MODEL;
  if (!within(outputInputs, mlp ? 1 : 0, mlp ? MAX_LAYER_WIDTH : 0)) return LOAD_BAD_MODEL;
  return sectionBytes(SECTION_MODEL) === MODEL_HEAD_BYTES + layerCount * LAYER_ENTRY_BYTES ? LOAD_OK : LOAD_BAD_MODEL;
}

function within(got: u32, low: u32, high: u32): bool {
  return got >= low && got <= high;
}
