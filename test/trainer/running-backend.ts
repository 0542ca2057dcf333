import type { RunningBackend } from "../../trainer/engine/backend.ts";

/** What a run on the wasm backend records, for tests that save a run without having trained it. */
export const WASM: RunningBackend = {
  name: "wasm",
  device: "cpu",
  threads: 1,
  versions: { "@tensorflow/tfjs-backend-wasm": "4.22.0" },
};
