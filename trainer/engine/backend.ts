import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { UserError } from "../errors.ts";
import { say } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";
import * as tf from "./tfjs.ts";
import { speedUpWasm } from "./wasm-kernels.ts";

/** TensorFlow.js's backends, fastest first: the order in which they are tried. */
export const BACKENDS = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];
const NATIVES = ["tfjs-node-gpu", "tfjs-node"] as const;

/** A backend that has been started: what it is and computes on, not what was asked for. */
export interface RunningBackend {
  name: Backend;
  device: "gpu" | "cpu";
  /** Threads that compute; null on a GPU. */
  threads: number | null;
  /** The versions of the backend's package and library. */
  versions: Record<string, string>;
}

const start: Record<Backend, () => Promise<RunningBackend>> = {
  "tfjs-node-gpu": () => startNative("tfjs-node-gpu"),
  "tfjs-node": () => startNative("tfjs-node"),
  wasm: async () => {
    const { getThreadsCount, version_wasm } = await import("@tensorflow/tfjs-backend-wasm");
    await select("wasm");
    const versions = { "@tensorflow/tfjs-backend-wasm": version_wasm };
    return { name: "wasm", device: "cpu", threads: getThreadsCount(), versions };
  },
  cpu: async () => {
    const { version_cpu } = await import("@tensorflow/tfjs-backend-cpu");
    await select("cpu");
    return { name: "cpu", device: "cpu", threads: 1, versions: { "@tensorflow/tfjs-backend-cpu": version_cpu } };
  },
};

/** What both native packages register themselves as. */
const NATIVE = "tensorflow";

/** The members of tfjs-node 4.22.0's `NodeJSKernelBackend` that are used here. */
interface NativeBackend {
  /** Whether the library has found a GPU. The GPU's package computes on the CPU where it has not, without a word. */
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

/** Why a native package cannot be used. It is loaded once: a second import would not register it again. */
const refused = new Map<Backend, Error>();

/** A backend's package is not there. */
class NotInstalled extends Error {}

/**
 * Native packages are not installed with this project, and need libtensorflow, which their install script downloads.
 * Only an import tells whether they work, and only what runs then tells whether there is a GPU.
 */
async function startNative(name: (typeof NATIVES)[number]): Promise<RunningBackend> {
  const before = refused.get(name);
  if (before) throw before;
  const version = await importNative(`@tensorflow/${name}`);
  await select(NATIVE);
  const { isUsingGpuDevice: gpu, binding } = tf.backend() as unknown as NativeBackend;
  if (gpu !== (name === "tfjs-node-gpu")) {
    if (gpu) throw new Error("this process computes with tfjs-node-gpu already, and can load one of the two only");
    const error = new Error(
      `got no GPU: libtensorflow ${binding.TF_Version} found none that it can use, or not its CUDA libraries; ` +
        "expected one; --backend tfjs-node or wasm computes on the CPU",
    );
    refused.set(name, error);
    forgetNative();
    throw error;
  }
  const versions = { [`@tensorflow/${name}`]: version, libtensorflow: binding.TF_Version };
  return { name, device: gpu ? "gpu" : "cpu", threads: gpu ? null : nativeThreads(), versions };
}

/** Imports a native package, which registers itself. Returns its version. */
async function importNative(name: string): Promise<string> {
  // tfjs-node 4.22 calls two functions of node:util that Node 23 removed.
  const util = createRequire(import.meta.url)("node:util");
  util.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  util.isArray ??= Array.isArray;
  try {
    const { version } = await import(name);
    return version["tfjs-node"];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    // The packages of TensorFlow.js are released together, and each takes its own version of tfjs-core alone.
    throw new NotInstalled(`to install it: npm install --no-save ${name}@${tf.version_core}`, { cause: error });
  }
}

/** Removes a native backend, so that the other package can register itself: both do so under one name. */
function forgetNative(): void {
  tf.removeBackend(NATIVE);
  for (const { kernelName } of tf.getKernelsForBackend(NATIVE)) tf.unregisterKernel(kernelName, NATIVE);
}

/** The threads of an operation of libtensorflow: as many as its variable says, or one for each core. */
function nativeThreads(): number {
  const set = Number(process.env.TF_NUM_INTRAOP_THREADS);
  return Number.isInteger(set) && set > 0 ? set : availableParallelism();
}

/** Sets a backend, and checks that it is the one that runs: `setBackend` may fall back to another without a word. */
async function select(name: string): Promise<void> {
  await tf.setBackend(name);
  await tf.ready();
  if (tf.getBackend() !== name)
    throw new Error(`TensorFlow.js chose the backend ${tf.getBackend()} instead of ${name}`);
}

/** Whether this process has started a backend. */
let started = false;

/** Starts the first backend that works, unless one runs already: for what computes with TensorFlow.js on any. */
export async function startAnyBackend(): Promise<void> {
  if (!started) await startBackend();
}

/** Has the next `startAnyBackend` start the fastest one, whatever ran before, as in a process of its own. */
export function forgetBackend(): void {
  started = false;
}

/**
 * Starts the backend asked for; without one, the first that works. Throws UserError where the one asked for does not
 * work: an error is better than a training that is many times slower than expected.
 */
export async function startBackend(asked?: Backend): Promise<RunningBackend> {
  tf.enableProdMode();
  const backend = await firstThatStarts(asked);
  if (backend.name === "wasm" && !(await speedUpWasm())) {
    process.stderr.write("TensorFlow.js's own matrix product is used, several times slower: this engine lacks SIMD\n");
  }
  started = true;
  return backend;
}

/**
 * Starts the backend that a run was trained on, or the one asked for. Where the run's is not available here, the first
 * that works takes its place, and that is said: a model computes alike on all of them but for rounding.
 */
export async function startBackendOfRun(trainedOn: Backend, asked?: Backend): Promise<RunningBackend> {
  if (asked) return startBackend(asked);
  try {
    return await startBackend(trainedOn);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const backend = await startBackend();
    warn(`the run was trained on another backend: ${error.message}; ${backendText(backend)} takes its place`);
    return backend;
  }
}

/** Starts the first native backend that is installed and works; null where there is none. */
export async function startInstalledNative(): Promise<RunningBackend | null> {
  tf.enableProdMode();
  for (const name of NATIVES) {
    try {
      const backend = await startNative(name);
      started = true;
      return backend;
    } catch (error) {
      if (!(error instanceof NotInstalled)) say(problemText(name, error));
    }
  }
  return null;
}

/** A backend as one line of text. */
export function backendText({ name, device, threads, versions }: RunningBackend): string {
  const [version] = Object.values(versions);
  const where = threads === null ? device.toUpperCase() : `${threads} ${threads === 1 ? "thread" : "threads"}`;
  return `${name} ${version} (${where})`;
}

async function firstThatStarts(asked: Backend | undefined): Promise<RunningBackend> {
  const problems: string[] = [];
  for (const name of asked ? [asked] : BACKENDS) {
    try {
      return await start[name]();
    } catch (error) {
      const problem = problemText(name, error);
      problems.push(problem);
      // One that is installed and does not work is worth a word; one that is not installed is not.
      if (!asked && !(error instanceof NotInstalled)) say(problem);
    }
  }
  throw new UserError(problems.join("\n"));
}

function problemText(name: Backend, error: unknown): string {
  return `backend ${name} is not available here: ${firstLine(error)}`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
}
