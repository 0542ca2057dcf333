// The shapes at which every kernel is tested: below, at and above each tile and at multiples of it (4 lanes of D, 4
// inputs, 8 and 32 outputs, 4 records), and every row type, layer type, term, product, activation and model.
import * as c from "../../../format/constants.ts";
import { MODEL_TYPES, type ModelType } from "../../../format/spec.ts";
import { shapeOfType } from "../../../testing/format/shapes.ts";
import { cycled, type ModelShape } from "../../../testing/kernel/random-model.ts";

const { TYPE_F32, TYPE_I8, TYPE_F16, TYPE_I4, TERM_FM, TERM_LINEAR, TERM_MLP } = c;

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
const ROW_TYPES = [TYPE_I8, TYPE_F32, TYPE_I4, TYPE_F16, TYPE_I8];

const ACTIVATIONS = [c.ACTIVATION_RELU, c.ACTIVATION_TANH, c.ACTIVATION_SIGMOID];

function kernelCase(shape: ModelShape, label?: ModelType): KernelCase {
  const { fields, embeddingDim, hidden = [], layerTypes = [TYPE_I8], rowType = TYPE_I8 } = shape;
  const { terms = TERM_LINEAR | TERM_FM | (hidden.length > 0 ? TERM_MLP : 0), activations = [] } = shape;
  const type = (t: number): string => ["f32", "i8", "f16", "i4"][t];
  const deep = (terms & (TERM_MLP | c.TERM_TOWERS)) !== 0;
  const used = deep ? Array.from({ length: 2 * hidden.length + 2 }, (_, i) => cycled(layerTypes, i)) : [];
  const curves = activations.map((a) => ["none", "ReLU", "tanh", "sigmoid"][a]).join();
  const layers = deep ? `${hidden.join("-")} ${layerTypes.map(type).join()} ${curves}` : "no layers";
  const sums = ["linear", "FM", "MLP", "towers"].filter((_, i) => terms & (1 << i)).join(" + ");
  return {
    name: `${fields} × ${embeddingDim} ${type(rowType)} rows, ${layers}: ${label ?? sums}`,
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

// Every model at odd sizes. The lists have lengths that are coprime to ten, the number of models, and to each other,
// so that many different pairs occur.
const models = [1, 3, 5, 16].flatMap((k, i) =>
  [1, 3, 7].flatMap((fields, j) =>
    MODEL_TYPES.flatMap((type, m) => {
      const n = (i * 3 + j) * MODEL_TYPES.length + m;
      // Each of the two towers needs a field.
      if (type === "two-tower" && fields === 1) return [];
      const hidden = cycled([[9], [3, 8], [33, 5, 8], [8, 17], [40], [1, 1], [31, 9]], n);
      return kernelCase(
        {
          ...shapeOfType(type, k),
          fields,
          hidden: type === "LR" || type === "FM" ? [] : hidden,
          layerTypes: cycled([[TYPE_I8], [TYPE_F32], [TYPE_I8, TYPE_F32]], n),
          activations: [cycled(ACTIVATIONS, n), cycled(ACTIVATIONS, n + 1 + (n >> 2))],
          rowType: cycled(ROW_TYPES, i + j + m),
          seed: 400 + n,
        },
        type,
      );
    }),
  ),
);

const activations = ACTIVATIONS.flatMap((activation) =>
  [TYPE_I8, TYPE_F32].map((type) =>
    kernelCase({ fields: 5, embeddingDim: 6, hidden: [33, 9, 40], layerTypes: [type], activations: [activation] }),
  ),
);

const slices = [
  { fmDim: 5, mlpFrom: 2 }, // FM and MLP share elements
  { fmDim: 2, mlpFrom: 6, products: c.PRODUCT_ALL }, // neither takes elements 2 … 5, and d = 1
  { fmDim: 6, mlpFrom: 3, products: c.PRODUCT_INNER },
].map((slice, i) => kernelCase({ fields: 7, embeddingDim: 7, hidden: [9], rowType: i & 1, ...slice, seed: 500 + i }));

// As many layers as there may be: 16 in an MLP, and 16 hidden ones and the output in each tower.
const deepest = [TERM_MLP, c.TERM_TOWERS].map((terms) =>
  kernelCase({
    fields: 4,
    embeddingDim: 3,
    hidden: Array.from({ length: c.MAX_LAYERS }, (_, i) => 1 + ((5 * i) % 11)),
    layerTypes: [TYPE_I8],
    activations: ACTIVATIONS,
    terms,
    seed: 600,
  }),
);

const terms = [1, 2, 3, 4, 5, 6, 7].flatMap((sum) =>
  [TYPE_I8, TYPE_F32].map((type) =>
    kernelCase({
      fields: 7,
      embeddingDim: 5,
      hidden: sum & TERM_MLP ? [9, 8] : [],
      layerTypes: [type],
      rowType: type,
      terms: sum,
      seed: 100 + sum,
    }),
  ),
);

// Every row type at every remainder modulo 4, the elements of a vector, and modulo 8, the int4 elements of a word.
const rows = [TYPE_F32, TYPE_I8, TYPE_F16, TYPE_I4].flatMap((rowType) =>
  Array.from({ length: 13 }, (_, k) => kernelCase({ fields: 3, embeddingDim: 1 + k, rowType, seed: 700 + k })),
);

// Models as wide as those for Criteo, with its 39 fields.
const wide = [[TYPE_I8], [TYPE_F32], [TYPE_F32, TYPE_I8]].map((layerTypes) =>
  kernelCase({ fields: 39, embeddingDim: 16, hidden: [400, 31, 400], layerTypes, hotRows: 500, seed: 200 }),
);

export const CASES: readonly KernelCase[] = [
  ...sizes,
  ...terms,
  ...rows,
  ...wide,
  ...models,
  ...activations,
  ...slices,
  ...deepest,
  kernelCase({ fields: 3, embeddingDim: 2, hotRows: 0, terms: TERM_LINEAR | TERM_FM, seed: 300 }),
];
