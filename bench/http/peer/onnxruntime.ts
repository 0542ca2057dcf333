// onnxruntime-web in a Worker, with one thread. The model is an ONNX file.
import * as ort from "onnxruntime-web/wasm";
import { instantiateDeployed } from "./instantiate.ts";
import module from "./peer.wasm";
import { peerWorker } from "./peer-worker.ts";

export default peerWorker(async (model, fields) => {
  instantiateDeployed(module);
  ort.env.wasm.numThreads = 1;
  // Anything but nothing, or it would be fetched.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  const session = await ort.InferenceSession.create(new Uint8Array(model), { graphOptimizationLevel: "all" });
  return async (rows, records) => {
    const ids = new ort.Tensor("int64", BigInt64Array.from(rows, BigInt), [records, fields]);
    const { score } = await session.run({ rows: ids }, ["score"]);
    return score.data;
  };
});
