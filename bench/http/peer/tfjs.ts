// TensorFlow.js in a Worker, on its own wasm backend with SIMD and one thread. The model is a blob of float32.

import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { readBlob } from "../../../format/read-blob.ts";
import "../../../trainer/engine/tfjs-parts.ts";
import { tfjsModel } from "../../kernel/tfjs-model.ts";
import { instantiateDeployed } from "./instantiate.ts";
import module from "./peer.wasm";
import { peerWorker } from "./peer-worker.ts";

const NOWHERE = "deployed";
const PATHS = {
  "tfjs-backend-wasm.wasm": NOWHERE,
  "tfjs-backend-wasm-simd.wasm": NOWHERE,
  "tfjs-backend-wasm-threaded-simd.wasm": NOWHERE,
};

export default peerWorker(async (model, fields) => {
  instantiateDeployed(module);
  tf.enableProdMode();
  tf.env().platform.fetch = async () => new Response(new ArrayBuffer(0));
  setThreadsCount(1);
  setWasmPaths(PATHS, true);
  await tf.setBackend("wasm");
  if (tf.getBackend() !== "wasm") throw new Error(`got the backend ${tf.getBackend()}, expected wasm`);
  const { forward } = tfjsModel(tf, readBlob(new Uint8Array(model)));
  return async (rows, records) =>
    tf.tidy(() => tf.sigmoid(forward(tf.tensor2d(rows, [records, fields], "int32"))).dataSync());
});
