import * as tf from "@tensorflow/tfjs";
import { TYPE_F32 } from "../../format/constants.ts";
import { readRow, rowStride, writeRow } from "../../format/row.ts";
import { type Dataset, pick } from "../data/dataset.ts";
import type { Learner } from "../model/learner.ts";
import type { Mlp } from "../model/mlp.ts";
import type { Moments } from "./least-squares.ts";

/** Records that layers are fitted on: some ten for each weight of an output, or fewer where layers are wide. */
const RECORDS = 2 ** 13;
/** A layer's inputs in memory: 64 MiB. */
const FLOATS = 2 ** 24;

/** An even sample of the calibration records, of a size that fits the model's widest layer into memory. */
export function sampleRecords({ model, tables }: Learner, calibration: Dataset): Dataset {
  const widest = Math.max(1, ...model.definition.networks.flatMap(({ inputs, hidden }) => [inputs, ...hidden]));
  const count = Math.min(calibration.count, RECORDS, Math.max(1, Math.floor(FLOATS / widest)));
  const records = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * calibration.count) / count));
  return pick(calibration, records, tables.fields);
}

/** What a network's first layer is given, [n, K]: computed from the rows as they are served in `rowType`. */
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

/** Runs `work` while the sample's rows are as a blob holds them. Only those rows are copied, so memory does not grow with the table. */
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

/** Moments of what a layer was trained on and of what it is given, both [n, K]; with covariances only if asked for. */
export function momentsOf(trained: tf.Tensor2D, given: tf.Tensor2D, covariances: boolean): Moments {
  const numbers = (compute: () => tf.Tensor): Float32Array => {
    const result = tf.tidy(compute);
    const copy = result.dataSync().slice() as Float32Array;
    result.dispose();
    return copy;
  };
  const centred = (x: tf.Tensor2D): tf.Tensor2D => x.sub(x.mean(0));
  const product = (left: tf.Tensor2D): Float32Array =>
    numbers(() => tf.matMul(centred(left), centred(given), true, false).div(given.shape[0]));
  return {
    trainedMean: numbers(() => trained.mean(0)),
    givenMean: numbers(() => given.mean(0)),
    variances: numbers(() => centred(given).square().mean(0)),
    covariances: covariances ? { given: product(given), cross: product(trained) } : null,
  };
}
