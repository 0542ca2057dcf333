import { TYPE_F32 } from "../../format/constants.ts";
import { readRow, rowStride, writeRow } from "../../format/row.ts";
import { type Dataset, pickRecords } from "../data/dataset.ts";
import type { DenseMatrix, MatrixProduct } from "../engine/assembly/matrix-product.ts";
import type { Learner } from "../model/learner.ts";
import type { Mlp } from "../model/mlp.ts";
import type { Moments } from "./least-squares.ts";

/** The most records that a layer is fitted on: some ten for each weight of an output unit. */
const RECORDS = 2 ** 13;
/** The most inputs of a layer that are in memory, over all records of the sample: 64 MiB of floats. */
const FLOATS = 2 ** 24;

/**
 * An even sample of the calibration set: so many records that the inputs of the model's widest layer fit into memory.
 */
export function sampleRecords({ model, tables }: Learner, calibrationSet: Dataset): Dataset {
  const widest = Math.max(1, ...model.definition.networks.flatMap(({ inputs, hidden }) => [inputs, ...hidden]));
  const count = Math.min(calibrationSet.count, RECORDS, Math.max(1, Math.floor(FLOATS / widest)));
  const records = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * calibrationSet.count) / count));
  return pickRecords(calibrationSet, records, tables.fields);
}

/** The inputs of a network's first layer, [n, K], computed from rows that are stored as `rowType`. */
export function firstInputs(learner: Learner, sample: Dataset, network: Mlp, rowType: number): Float32Array {
  const inputs = new Float32Array(sample.count * network.inputs);
  let at = 0;
  withServedRows(learner, sample, rowType, () =>
    learner.predict(sample, undefined, (name, layer, input) => {
      if (name !== network.name || layer > 0) return;
      inputs.set(input, at);
      at += input.length;
    }),
  );
  return inputs;
}

/**
 * Runs `work` while the sample's rows have the values that a blob with `rowType` gives them, and then puts the trained
 * values back. Only those rows are copied, so that memory does not grow with the table.
 */
function withServedRows({ tables }: Learner, sample: Dataset, rowType: number, work: () => void): void {
  if (rowType === TYPE_F32) {
    work();
    return;
  }
  tables.finish();
  const { dim, values } = tables;
  const width = dim + 1;
  const rows = [...new Set(sample.rows)];
  const trained = new Float32Array(rows.length * width);
  const served = new DataView(new ArrayBuffer(rowStride(rowType, dim)));
  try {
    rows.forEach((row, i) => {
      trained.set(values.subarray(row * width, (row + 1) * width), i * width);
      writeRow(rowType, dim, values, row * width, served, 0);
      readRow(rowType, dim, served, 0, values, row * width);
    });
    work();
  } finally {
    rows.forEach((row, i) => {
      values.set(trained.subarray(i * width, (i + 1) * width), row * width);
    });
  }
}

/**
 * Moments of the inputs that a layer was trained on and of those that it is given, both [n, K]; covariances on demand.
 */
export function momentsOf(
  trained: DenseMatrix,
  given: DenseMatrix,
  covariances: boolean,
  product: MatrixProduct,
): Moments {
  const [trainedMean, givenMean] = [columnMeans(trained), columnMeans(given)];
  const centeredGiven = centered(given, givenMean);
  const covariance = (left: DenseMatrix): Float32Array =>
    product.multiply(left, centeredGiven, { a: true }).values.map((sum) => sum / given.rows);
  const squares = { ...centeredGiven, values: centeredGiven.values.map((x) => x * x) };
  return {
    trainedMean: Float32Array.from(trainedMean),
    givenMean: Float32Array.from(givenMean),
    variances: Float32Array.from(columnMeans(squares)),
    covariances: covariances
      ? { given: covariance(centeredGiven), cross: covariance(centered(trained, trainedMean)) }
      : null,
  };
}

/** [K], summed in float64. */
export function columnMeans({ values, rows, columns }: DenseMatrix): Float64Array {
  const means = new Float64Array(columns);
  for (let from = 0; from < values.length; from += columns) {
    for (let k = 0; k < columns; k++) means[k] = means[k] + values[from + k];
  }
  return means.map((sum) => sum / rows);
}

/** The numbers less their columns' means. */
function centered(matrix: DenseMatrix, means: Float64Array): DenseMatrix {
  return mapColumns(matrix, (x, k) => x - means[k]);
}

/** A matrix of `change(x, k)` for each number x in column k. */
export function mapColumns(matrix: DenseMatrix, change: (x: number, k: number) => number): DenseMatrix {
  const { columns } = matrix;
  const values = new Float32Array(matrix.values.length);
  for (let from = 0; from < values.length; from += columns) {
    for (let k = 0; k < columns; k++) values[from + k] = change(matrix.values[from + k], k);
  }
  return { ...matrix, values };
}
