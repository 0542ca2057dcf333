import type { RunningEngine } from "../../trainer/engine/engines.ts";

/** What a run on TensorFlow.js's wasm backend records, for tests that save a run without having trained it. */
export const WASM: RunningEngine = {
  engine: "tfjs",
  backend: "wasm",
  device: "cpu",
  threads: 1,
  versions: { "@tensorflow/tfjs-backend-wasm": "4.22.0", "@tensorflow/tfjs-core": "4.22.0" },
};
