import { BACKENDS, type Backend } from "../../trainer/engine/backends.ts";

/**
 * The backend of TensorFlow.js that the trainer's tests compute on: DEEPFM_EDGE_BACKEND names another than wasm, such
 * as tfjs-node where it is installed.
 */
export const TEST_BACKEND: Backend = testBackend(process.env.DEEPFM_EDGE_BACKEND || "wasm");

function testBackend(name: string): Backend {
  const backend = BACKENDS.find((known) => known === name);
  if (!backend) throw new Error(`DEEPFM_EDGE_BACKEND: got ${name}, expected one of ${BACKENDS.join(", ")}`);
  return backend;
}
