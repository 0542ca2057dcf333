import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { UserError } from "../errors.ts";
import { speedUpWasm } from "./wasm-kernels.ts";

/** Fastest first; the order in which a backend is chosen. */
export const BACKENDS = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];

const start: Record<Backend, () => Promise<void>> = {
  "tfjs-node-gpu": () => startNative("@tensorflow/tfjs-node-gpu"),
  "tfjs-node": () => startNative("@tensorflow/tfjs-node"),
  wasm: async () => {
    await import("@tensorflow/tfjs-backend-wasm");
    await select("wasm");
  },
  cpu: () => select("cpu"),
};

/** The native packages need libtensorflow, which `npm ci` does not fetch: whether they work is known by importing them. */
async function startNative(name: string): Promise<void> {
  // tfjs-node 4.22 calls two functions of node:util that Node 23 removed.
  const util = createRequire(import.meta.url)("node:util");
  util.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  util.isArray ??= Array.isArray;
  await import(name);
  await select("tensorflow");
}

/** `setBackend` may fall back without a word, so ask which one it is. */
async function select(name: string): Promise<void> {
  await tf.setBackend(name);
  await tf.ready();
  if (tf.getBackend() !== name)
    throw new Error(`TensorFlow.js chose the backend ${tf.getBackend()} instead of ${name}`);
}

/**
 * Starts the backend asked for, or else the first that works. Throws where the one asked for does not: training
 * many times slower than expected is worse than an error.
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
