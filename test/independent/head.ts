import { viewOf } from "./container.ts";
import { at, check } from "./refusal.ts";
import type { Spec } from "./spec.ts";

// Section 5, the head of section 2 MODEL. Rule 7.

export const HEAD_BYTES = 128;
const MAX_INPUTS = 65_536;

/** The terms of a score, and the products that an MLP takes; a model states the sum of its own. */
export const LINEAR = 1;
export const FM = 2;
export const MLP = 4;
export const TOWERS = 8;
export const INNER = 1;
export const OUTER = 2;

/** The head of MODEL. */
export interface Head {
  /** F, then D and h. */
  fields: number;
  dim: number;
  hot: number;
  rowType: number;
  bucketBits: number;
  pages: number;
  terms: number;
  bias: number;
  layers: number;
  outputWidth: number;
  outputOffset: number;
  fmDim: number;
  mlpFrom: number;
  products: number;
  innerScale: number;
  outerScale: number;
  contextLayers: number;
  itemLayers: number;
  itemField: number;
  /** m, the number of items of the catalogue in the blob. */
  items: number;
  /** Whether items are entries; then Q, the number of item pages, and z, the blocks of the filter of their items. */
  entries: boolean;
  itemPages: number;
  itemBlocks: number;
}

/** K of a first layer: that of the MLP, or that of the tower of `side`. */
export function firstInputs(head: Head, spec: Spec, side?: "context" | "item"): number {
  if (side) return head.dim * spec.fields.filter((field) => field.side === side).length;
  const d = head.dim - head.mlpFrom;
  const inner = head.products & INNER ? (head.fields * (head.fields - 1)) / 2 : 0;
  return head.fields * d + inner + (head.products & OUTER ? (d * (d + 1)) / 2 : 0);
}

/** `format`: from 8 on, items may be entries; before, what says so is reserved. */
export function readHead(bytes: Uint8Array, spec: Spec, format: number): Head {
  check(bytes.length >= HEAD_BYTES, 7, `MODEL has ${bytes.length} bytes`);
  const view = viewOf(bytes);
  const u32 = (offset: number, low: number, high: number): number => {
    const got = view.getUint32(offset, true);
    check(got >= low && got <= high, 7, `MODEL ${offset}: got ${got}, expected ${low}–${high}`);
    return got;
  };
  const f32 = (offset: number, expected?: number): number => {
    const got = view.getFloat32(offset, true);
    check(Number.isFinite(got) && got === (expected ?? got), 7, `MODEL ${offset}: got ${got}`);
    return got;
  };

  const terms = u32(24, 1, TOWERS + LINEAR);
  const [linearAlone, fm, mlp, towers] = [terms === LINEAR, terms & FM, terms & MLP, terms & TOWERS];
  const F = u32(0, spec.fields.length, spec.fields.length);
  const dim = u32(4, linearAlone ? 0 : 1, 256);
  const newer = (offset: number, high: number) => (format >= 8 ? u32(offset, 0, high) : 0);
  const pages = u32(20, 0, 1_048_576);
  const entries = newer(80, 1) === 1;
  const itemPages = newer(84, entries ? 1_048_576 - pages : 0);
  const m = u32(76, 0, 2 ** 32);
  check(!entries || m + itemPages > 0, 7, "items as entries, and none");
  const products = u32(52, 0, mlp ? INNER + OUTER : 0);
  const head: Head = {
    fields: F,
    dim,
    rowType: u32(8, 0, 3),
    hot: u32(12, F, 2 ** 31) - F,
    bucketBits: u32(16, 1, 24),
    pages,
    terms,
    bias: f32(28),
    layers: u32(32, mlp ? 1 : towers ? 2 : 0, mlp ? 16 : towers ? 34 : 0),
    outputWidth: u32(36, mlp ? 1 : 0, mlp ? 8192 : 0),
    outputOffset: u32(40, 0, 2 ** 32),
    fmDim: u32(44, fm ? 1 : 0, fm ? dim : 0),
    mlpFrom: u32(48, 0, mlp ? dim - 1 : 0),
    products,
    innerScale: f32(56, products & INNER ? undefined : 1),
    outerScale: f32(60, products & OUTER ? undefined : 1),
    contextLayers: u32(64, towers ? 1 : 0, towers ? 17 : 0),
    itemLayers: u32(68, towers ? 1 : 0, towers ? 17 : 0),
    itemField: u32(72, 0, m > 0 || entries ? F - 1 : 0),
    items: m,
    ...{ entries, itemPages, itemBlocks: newer(88, itemPages > 0 ? 37_748_736 / 32 : 0) },
  };
  const { type, side, encoding } = at(spec.fields, head.itemField);
  const named = type === "categorical" && side === "item" && encoding.kind === "vocabulary";
  check((head.items === 0 && !entries) || named, 7, `field ${head.itemField} cannot name items`);
  if (mlp) check(firstInputs(head, spec) <= MAX_INPUTS, 7, `got ${firstInputs(head, spec)} inputs`);
  if (towers) check(head.contextLayers + head.itemLayers === head.layers, 7, "the towers' layers are others");
  return head;
}
