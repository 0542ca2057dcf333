import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../format/constants.ts";

/**
 * How an export stores weights. The name is the type of the rows; dense layers are f32 beside f32 rows, otherwise int8.
 */
export const QUANTIZATIONS = ["int8", "int4", "f16", "f32"] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

const ROW_TYPES: Record<Quantization, number> = { int8: TYPE_I8, int4: TYPE_I4, f16: TYPE_F16, f32: TYPE_F32 };

/** The type of the rows: one of TYPE_… */
export function rowTypeOf(quantization: Quantization): number {
  return ROW_TYPES[quantization];
}

/** The type of the dense layers: one of TYPE_… An MLP's first layer may stay f32 all the same (networks.ts). */
export function denseTypeOf(quantization: Quantization): number {
  return quantization === "f32" ? TYPE_F32 : TYPE_I8;
}
