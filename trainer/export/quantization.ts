import { TYPE_F32, TYPE_I8 } from "../../format/constants.ts";

/** How an export stores weights: the name says the rows' type; dense layers are int8, but for f32. */
export const QUANTIZATIONS = ["int8", "f32"] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

/** TYPE_… of rows and of dense layers. */
export function rowTypeOf(quantization: Quantization): number {
  return quantization === "int8" ? TYPE_I8 : TYPE_F32;
}

export function denseTypeOf(quantization: Quantization): number {
  return quantization === "f32" ? TYPE_F32 : TYPE_I8;
}
