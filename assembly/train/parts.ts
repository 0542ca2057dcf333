// A part of a command: its arguments, as index.ts put them, with the places of the part's items. An item is a record
// where nothing else is said.
import { gemv, gemvTransposed } from "../gemm/gemv";
import { adamRow, adamRows } from "./adam";
import { normalize, normalizeBackward, squaredDeviations } from "./batch-norm";
import { countOf, firstOf, get, getNumber, isExtra, operation, putSum } from "./command";
import { randomBlocks } from "./dropout";
import { addFields, addFieldsBackward, addLinear, addLinearBackward, pickFields, pickFieldsBackward } from "./fields";
import { fmBackward, fmForward } from "./fm";
import { layerBackward, layerForward } from "./layer";
import { addScaled, columnSums, sumOfSquares } from "./lists";
import { logisticLoss, softmaxLoss } from "./losses";
import * as op from "./operations";
import { f32_outer, multiplyRows, packPanels } from "./product";
import { innerProducts, innerProductsBackward, outerProducts, outerProductsBackward } from "./products";
import { gatherRows, numberRows, scatterRows, sumOfSquaresOfRows } from "./rows";
import { listOf, packedA } from "./scratch";
import { multiplyListedColumns, multiplyListedRows, packWide } from "./sparse";
import { towersBackward, towersForward } from "./towers";

/** The place of item `first` in the list at an address that is argument `index`, of so many numbers an item. */
function at(index: usize, first: usize, numbers: usize): usize {
  const address = get(index);
  return address === 0 ? 0 : address + 4 * first * numbers;
}

export function computePart(part: usize): void {
  if (isExtra(part)) {
    // The one command that has an extra part.
    const found = numberRows(
      get(7),
      get(2),
      get(3),
      <u32>get(8),
      get(9),
      <u32>get(10),
      get(11),
      get(12),
      get(13),
      get(14),
      get(15),
    );
    putSum(0, found);
    return;
  }
  const first = firstOf(part);
  const count = countOf(part);
  const which = operation();
  if (which < op.RANDOM_BLOCKS) computeProduct(which, first, count);
  else if (which < op.PICK_FIELDS) computeLayer(which, part, first, count);
  else if (which < op.LOGISTIC_LOSS) computeTerm(which, first, count);
  else computeRest(which, part, first, count);
}

/** Products of matrices; an item is a row of the result. */
function computeProduct(which: u32, first: usize, count: usize): void {
  switch (which) {
    case op.PACK_PANELS: // an item is a panel
      packPanels(first, count, get(0), get(1), get(2), get(3), get(4), get(5), get(6) !== 0);
      break;
    case op.MULTIPLY_ROWS:
      multiplyRows(first, count, get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7) !== 0);
      break;
    case op.MULTIPLY_VECTOR:
      gemv(get(0), at(1, first, get(3)), at(2, first, 1), count, get(3));
      break;
    case op.MULTIPLY_VECTOR_TRANSPOSED: // an item is four columns
      gemvTransposed(
        get(0),
        at(1, first, 4),
        at(2, first, 4),
        min<usize>(4 * count, get(3) - 4 * first),
        get(4),
        4 * get(3),
      );
      break;
    case op.OUTER:
      f32_outer(at(0, first, 1), get(1), at(2, first, get(3)), count, get(3));
      break;
    case op.PACK_WIDE: // an item is a panel
      packWide(first, count, get(0), get(1), get(2), get(3), get(4) !== 0);
      break;
    case op.MULTIPLY_LISTED_ROWS:
      multiplyListedRows(at(0, first, get(1)), count, get(1), get(2) + first * get(3), get(3), get(4));
      break;
    case op.MULTIPLY_LISTED_COLUMNS: // an item is a column
      multiplyListedColumns(get(0), first, count, get(1), get(2), get(3), get(4), get(5), get(6) !== 0, get(7) !== 0);
      break;
  }
}

/** What a hidden layer does besides. */
function computeLayer(which: u32, part: usize, first: usize, count: usize): void {
  switch (which) {
    case op.RANDOM_BLOCKS: // an item is a block
      randomBlocks(<u32>get(0), get(1), get(2), first, count);
      break;
    case op.LAYER_FORWARD: {
      const n = get(5);
      const bytes: usize = get(3) === 0 ? 0 : get(3) + first * n;
      const x = at(4, first, n);
      const scale = <f32>getNumber(8);
      const left = layerForward(at(0, first, n), get(1), get(2), bytes, x, count, n, <u32>get(6), <u32>get(7), scale);
      putSum(part, <f64>left);
      break;
    }
    case op.LAYER_BACKWARD: {
      const n = get(4);
      const bytes: usize = get(2) === 0 ? 0 : get(2) + first * n;
      const z = at(3, first, n);
      const activation = <u32>get(5);
      const dropped = <u32>get(6);
      const scale = <f32>getNumber(7);
      const dBias = listOf(part, 0);
      const dGamma = listOf(part, 1);
      layerBackward(at(0, first, n), at(1, first, n), bytes, z, dBias, dGamma, count, n, activation, dropped, scale);
      break;
    }
    case op.ROW_SUMS: {
      const n = get(1);
      columnSums(at(0, first, n), count, n, listOf(part, 0), 4 * n);
      break;
    }
    case op.COLUMN_SUMS: // an item is a column
      columnSums(at(0, first, 1), get(1), count, at(3, first, 1), 4 * get(2));
      break;
    case op.SQUARED_DEVIATIONS: {
      const n = get(2);
      squaredDeviations(at(0, first, n), get(1), listOf(part, 0), count, n);
      break;
    }
    case op.NORMALIZE: {
      const n = get(3);
      normalize(at(0, first, n), get(1), get(2), count, n);
      break;
    }
    case op.NORMALIZE_BACKWARD: {
      const n = get(6);
      normalizeBackward(at(0, first, n), at(1, first, n), get(2), get(3), get(4), get(5), count, n, get(7));
      break;
    }
  }
}

/** The terms of a logit. */
function computeTerm(which: u32, first: usize, count: usize): void {
  switch (which) {
    case op.PICK_FIELDS:
      pickFields(
        at(0, first, get(1) * get(2)),
        count,
        get(1),
        get(2),
        get(3),
        get(4),
        get(5),
        get(6),
        get(7) + first * get(8),
        get(8),
      );
      break;
    case op.PICK_FIELDS_BACKWARD:
      pickFieldsBackward(
        at(0, first, get(1) * get(2)),
        count,
        get(1),
        get(2),
        get(3),
        get(4),
        get(5),
        get(6),
        get(7) + first * get(8),
        get(8),
      );
      break;
    case op.ADD_FIELDS:
      addFields(at(0, first, get(2) * get(3)), at(1, first, get(3)), count, get(2), get(3));
      break;
    case op.ADD_FIELDS_BACKWARD:
      addFieldsBackward(at(0, first, get(2) * get(3)), at(1, first, get(3)), count, get(2), get(3));
      break;
    case op.ADD_LINEAR:
      addLinear(at(0, first, get(2)), at(1, first, 1), count, get(2), get(3), get(4));
      break;
    case op.ADD_LINEAR_BACKWARD:
      addLinearBackward(at(0, first, get(2)), at(1, first, 1), count, get(2), get(3), get(4));
      break;
    case op.FM_FORWARD:
      fmForward(at(0, first, get(2) * get(3)), at(1, first, 1), count, get(2), get(3), get(4));
      break;
    case op.FM_BACKWARD: {
      const numbers = get(3) * get(4);
      fmBackward(at(0, first, numbers), at(1, first, 1), at(2, first, numbers), count, get(3), get(4), get(5));
      break;
    }
    case op.INNER_PRODUCTS:
      innerProducts(get(0) + first * get(1), count, get(1), get(2), get(3), get(4));
      break;
    case op.INNER_PRODUCTS_BACKWARD:
      innerProductsBackward(get(0) + first * get(2), get(1) + first * get(2), count, get(2), get(3), get(4), get(5));
      break;
    case op.OUTER_PRODUCTS:
      outerProducts(get(0) + first * get(1), count, get(1), get(2), get(3), get(4), packedA);
      break;
    case op.OUTER_PRODUCTS_BACKWARD: {
      const x = get(0) + first * get(2);
      const d = get(1) + first * get(2);
      outerProductsBackward(x, d, count, get(2), get(3), get(4), get(5), packedA, packedA + 4 * get(5));
      break;
    }
    case op.TOWERS_FORWARD:
      towersForward(at(0, first, get(3)), at(1, first, get(3)), at(2, first, 1), count, get(3));
      break;
    case op.TOWERS_BACKWARD:
      towersBackward(at(0, first, get(3)), at(1, first, 1), at(2, first, get(3)), count, get(3));
      break;
  }
}

/** Losses, rows of tables and lists. */
function computeRest(which: u32, part: usize, first: usize, count: usize): void {
  switch (which) {
    case op.LOGISTIC_LOSS: {
      const loss = logisticLoss(at(0, first, 1), at(1, first, 1), at(2, first, 1), at(3, first, 1), count, get(4));
      putSum(part, loss);
      break;
    }
    case op.SOFTMAX_LOSS: {
      const scores = at(0, first, get(4));
      putSum(part, softmaxLoss(scores, get(1), get(2), get(3) + first, count, get(4), <f32>getNumber(5)));
      break;
    }
    case op.GATHER_ROWS: {
      // An item is a cell.
      const embeddings = at(6, first, get(1) - 1);
      gatherRows(get(0), get(1), count, at(2, first, 1), get(3), get(4), at(5, first, 1), embeddings);
      break;
    }
    case op.SCATTER_ROWS: // an item is a row of the batch, as in the two below and the last one
      scatterRows(get(0), first, count, get(1), get(2), get(3), get(4), get(5), get(6), get(7));
      break;
    case op.ADAM_ROWS: {
      const rows = at(3, first, 1);
      const gradients = at(5, first, get(4));
      adamRows(
        get(0),
        get(1),
        get(2),
        rows,
        count,
        get(4),
        gradients,
        getNumber(6),
        getNumber(7),
        getNumber(8),
        getNumber(9),
        packedA,
      );
      break;
    }
    case op.ADAM_ONE: {
      // An item is eight numbers of one row.
      const row: usize = 8 * first;
      const width = min<usize>(8 * count, get(4) - row);
      const values = at(0, row, 1);
      adamRow(
        values,
        at(1, row, 1),
        at(2, row, 1),
        width,
        at(5, row, 1),
        getNumber(6),
        getNumber(7),
        getNumber(8),
        getNumber(9),
      );
      break;
    }
    case op.ADD_SCALED: // an item is a number
      addScaled(at(0, first, 1), at(1, first, 1), getNumber(2), count);
      break;
    case op.SQUARES: // an item is a number
      putSum(part, sumOfSquares(at(0, first, 1), at(0, first, 1), 0, count));
      break;
    case op.SQUARES_OF_ROWS:
      putSum(part, sumOfSquaresOfRows(get(0), at(1, first, 1), count, get(2), at(3, first, get(2)), getNumber(4)));
      break;
  }
}
