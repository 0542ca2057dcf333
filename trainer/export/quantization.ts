import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../format/constants.ts";

/** How an export stores weights: the name is the rows' type. Dense layers are int8 beside all of them but f32. */
export const QUANTIZATIONS = ["int8", "int4", "f16", "f32"] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

const ROW_TYPES: Record<Quantization, number> = { int8: TYPE_I8, int4: TYPE_I4, f16: TYPE_F16, f32: TYPE_F32 };

/** TYPE_… of the rows. */
export function rowTypeOf(quantization: Quantization): number {
  return ROW_TYPES[quantization];
}

/** TYPE_… of the dense layers; an MLP's first one may stay f32 where 7-bit inputs lose too much (dense.ts). */
export function denseTypeOf(quantization: Quantization): number {
  return quantization === "f32" ? TYPE_F32 : TYPE_I8;
}
