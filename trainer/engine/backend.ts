import { createRequire } from "node:module";
import { UserError } from "../errors.ts";
import * as tf from "./tfjs.ts";
import { speedUpWasm } from "./wasm-kernels.ts";

/** TensorFlow.js's backends, fastest first: the order in which they are tried. */
export const BACKENDS = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];

const start: Record<Backend, () => Promise<void>> = {
  "tfjs-node-gpu": () => startNative("@tensorflow/tfjs-node-gpu"),
  "tfjs-node": () => startNative("@tensorflow/tfjs-node"),
  wasm: async () => {
    await import("@tensorflow/tfjs-backend-wasm");
    await select("wasm");
  },
  cpu: async () => {
    await import("@tensorflow/tfjs-backend-cpu");
    await select("cpu");
  },
};

/**
 * Native packages are not installed with this project, and need libtensorflow, which their install script downloads.
 * Only an import tells whether they work.
 */
async function startNative(name: string): Promise<void> {
  // tfjs-node 4.22 calls two functions of node:util that Node 23 removed.
  const util = createRequire(import.meta.url)("node:util");
  util.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  util.isArray ??= Array.isArray;
  try {
    await import(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    // The packages of TensorFlow.js are released together, and each takes its own version of tfjs-core alone.
    throw new Error(`to install it: npm install --no-save ${name}@${tf.version_core}`, { cause: error });
  }
  await select("tensorflow");
}

/** Sets a backend, and checks that it is the one that runs: `setBackend` may fall back to another without a word. */
async function select(name: string): Promise<void> {
  await tf.setBackend(name);
  await tf.ready();
  if (tf.getBackend() !== name)
    throw new Error(`TensorFlow.js chose the backend ${tf.getBackend()} instead of ${name}`);
}

/**
 * Starts the backend asked for; without one, the first that works. Throws UserError where the one asked for does not
 * work: an error is better than a training that is many times slower than expected.
 */
export async function startBackend(asked?: Backend): Promise<Backend> {
  tf.enableProdMode();
  const backend = await firstThatStarts(asked);
  if (backend === "wasm" && !(await speedUpWasm())) {
    process.stderr.write("TensorFlow.js's own matrix product is used, several times slower: this engine lacks SIMD\n");
  }
  return backend;
}

async function firstThatStarts(asked: Backend | undefined): Promise<Backend> {
  const problems: string[] = [];
  for (const backend of asked ? [asked] : BACKENDS) {
    try {
      await start[backend]();
      return backend;
    } catch (error) {
      problems.push(`backend ${backend} is not available here: ${firstLine(error)}`);
    }
  }
  throw new UserError(problems.join("\n"));
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}
