// The shapes at which every kernel is tested: below, at, above and at multiples of each tile (4 lanes of k, 4 inputs, 8
// and 32 outputs, 4 records), and every type and part. Lists of coprime lengths are cycled, so that pairs vary.
import { PART_ALL, PART_FM, PART_LINEAR, PART_MLP, TYPE_F32, TYPE_I8 } from "../../format/constants.ts";
import type { ModelShape } from "./random-model.ts";

export interface KernelCase {
  name: string;
  shape: ModelShape;
  /** Whether all hidden layers are int8. */
  int8: boolean;
}

export const BATCH_SIZES: readonly number[] = [1, 2, 3, 4, 5, 7, 63, 64];

const DIMENSIONS = [1, 3, 4, 5, 10, 16, 17];
const FIELDS = [1, 2, 7, 39];
const HIDDEN = [[1], [3, 8], [9, 31], [8], [33, 3, 9], [31, 1], [8, 8, 8, 8], [40, 9, 31]];
const LAYER_TYPES = [[TYPE_I8], [TYPE_F32], [TYPE_I8, TYPE_F32], [TYPE_F32, TYPE_I8], [TYPE_I8]];
const ROW_TYPES = [TYPE_I8, TYPE_F32, TYPE_I8];

function cycled<T>(list: readonly T[], i: number): T {
  return list[i % list.length] as T;
}

function kernelCase(shape: ModelShape): KernelCase {
  const { fields, embeddingDim, hidden = [], layerTypes = [], rowType = TYPE_I8, parts = PART_ALL } = shape;
  const type = (t: number): string => (t === TYPE_I8 ? "i8" : "f32");
  const used = hidden.map((_, i) => cycled(layerTypes, i));
  const mlp = hidden.length > 0 ? `${hidden.join("-")} ${used.map(type).join(",")}` : "no MLP";
  const sums = ["linear", "FM", "MLP"].filter((_, i) => parts & (1 << i)).join(" + ");
  return {
    name: `${fields} × ${embeddingDim} ${type(rowType)} rows, ${mlp}: ${sums}`,
    shape,
    int8: used.every((t) => t === TYPE_I8),
  };
}

const sizes = DIMENSIONS.flatMap((embeddingDim, i) =>
  FIELDS.map((fields, j) => {
    const n = i * FIELDS.length + j;
    return kernelCase({
      fields,
      embeddingDim,
      hidden: cycled(HIDDEN, n),
      layerTypes: cycled(LAYER_TYPES, n),
      rowType: cycled(ROW_TYPES, n),
      seed: n,
    });
  }),
);

const parts = [1, 2, 3, 4, 5, 6, 7].flatMap((sum) =>
  [TYPE_I8, TYPE_F32].map((type) =>
    kernelCase({
      fields: 7,
      embeddingDim: 5,
      hidden: sum & PART_MLP ? [9, 8] : [],
      layerTypes: [type],
      rowType: type,
      parts: sum,
      seed: 100 + sum,
    }),
  ),
);

const wide = [[TYPE_I8], [TYPE_F32], [TYPE_F32, TYPE_I8]].map((layerTypes) =>
  kernelCase({ fields: 39, embeddingDim: 16, hidden: [400, 31, 400], layerTypes, hotRows: 500, seed: 200 }),
);

export const CASES: readonly KernelCase[] = [
  ...sizes,
  ...parts,
  ...wide,
  kernelCase({ fields: 3, embeddingDim: 2, hotRows: 0, parts: PART_LINEAR | PART_FM, seed: 300 }),
];
