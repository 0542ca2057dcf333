// TensorFlow.js on its own wasm backend, without the matrix product that the trainer puts into it; one thread.

import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "../../trainer/engine/tfjs.ts";
import type { BenchCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { tfjsModel } from "./tfjs-model.ts";

export async function startTfjs(): Promise<void> {
  tf.enableProdMode();
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  if (tf.getBackend() !== "wasm") throw new Error(`got the backend ${tf.getBackend()}, expected wasm`);
}

export function tfjsContestant({ models, rows, fields }: BenchCase): Contestant {
  const ids = Int32Array.from(rows);
  const { forward, weights } = tfjsModel(tf, models.f32);
  return {
    name: "tfjs-wasm",
    score(first, records, logits) {
      tf.tidy(() => {
        const part = tf.tensor2d(ids.subarray(first * fields, (first + records) * fields), [records, fields], "int32");
        const logit = forward(part);
        tf.sigmoid(logit).dataSync();
        logits.set(logit.dataSync() as Float32Array);
      });
    },
    close() {
      tf.dispose(weights);
    },
  };
}
