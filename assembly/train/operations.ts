// The commands that threads share the work of, in the groups that parts.ts has.

export const PACK_PANELS: u32 = 0;
export const MULTIPLY_ROWS: u32 = 1;
export const MULTIPLY_VECTOR: u32 = 2;
export const MULTIPLY_VECTOR_TRANSPOSED: u32 = 3;
export const OUTER: u32 = 4;
export const PACK_WIDE: u32 = 5;
export const MULTIPLY_LISTED_ROWS: u32 = 6;
export const MULTIPLY_LISTED_COLUMNS: u32 = 7;

export const RANDOM_BLOCKS: u32 = 8;
export const LAYER_FORWARD: u32 = 9;
export const LAYER_BACKWARD: u32 = 10;
export const ROW_SUMS: u32 = 11;
export const COLUMN_SUMS: u32 = 12;
export const SQUARED_DEVIATIONS: u32 = 13;
export const NORMALIZE: u32 = 14;
export const NORMALIZE_BACKWARD: u32 = 15;

export const PICK_FIELDS: u32 = 16;
export const PICK_FIELDS_BACKWARD: u32 = 17;
export const ADD_FIELDS: u32 = 18;
export const ADD_FIELDS_BACKWARD: u32 = 19;
export const ADD_LINEAR: u32 = 20;
export const ADD_LINEAR_BACKWARD: u32 = 21;
export const FM_FORWARD: u32 = 22;
export const FM_BACKWARD: u32 = 23;
export const INNER_PRODUCTS: u32 = 24;
export const INNER_PRODUCTS_BACKWARD: u32 = 25;
export const OUTER_PRODUCTS: u32 = 26;
export const OUTER_PRODUCTS_BACKWARD: u32 = 27;
export const TOWERS_FORWARD: u32 = 28;
export const TOWERS_BACKWARD: u32 = 29;

export const LOGISTIC_LOSS: u32 = 30;
export const SOFTMAX_LOSS: u32 = 31;
export const GATHER_ROWS: u32 = 32;
export const SCATTER_ROWS: u32 = 33;
export const ADAM_ROWS: u32 = 34;
export const ADAM_ONE: u32 = 35;
export const ADD_SCALED: u32 = 36;
export const SQUARES: u32 = 37;
export const SQUARES_OF_ROWS: u32 = 38;
