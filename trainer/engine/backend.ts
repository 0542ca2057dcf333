import { availableParallelism } from "node:os";
import { UserError } from "../errors.ts";
import {
  type Build,
  damageOf,
  type Install,
  installFolder,
  readInstall,
  renewal,
  TFJS_NODE_VERSION,
} from "../native/installs.ts";
import { say } from "../terminal/progress.ts";
import { warn } from "../terminal/warning.ts";
import { BACKENDS, type Backend, backendText, type RunningBackend } from "./backends.ts";
import { provideTfjs } from "./started-tfjs.ts";
import * as tf from "./tfjs.ts";
import { tfjsEngine } from "./tfjs-engine.ts";
import { loadTfjsNode, NATIVE, type NativeBackend, numericVariables } from "./tfjs-node.ts";
import { speedUpWasm } from "./wasm-kernels.ts";

type Native = "tfjs-node-gpu" | "tfjs-node";

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

/** A native backend is not installed. */
class NotInstalled extends Error {}

/** The library that this process has loaded, and the build that it is of. A process can load one. */
let loaded: { backend: NativeBackend; build: Build } | null = null;

/**
 * Native backends need TensorFlow's own library, which is installed at the user's request (`native install`). Only what
 * runs tells whether there is a GPU. Where the GPU's build alone is installed, it computes on the CPU too.
 */
async function startNative(name: Native): Promise<RunningBackend> {
  const onGpu = name === "tfjs-node-gpu";
  const install = installFor(onGpu);
  loaded ??= loadLibrary(checked(install), onGpu);
  const { backend, build } = loaded;
  const { isUsingGpuDevice: gpu, binding } = backend;
  if (gpu && !onGpu) throw new Error(`this process computes with tfjs-node-gpu already, ${ONE_LIBRARY}`);
  if (onGpu && build === "cpu") throw new Error(`this process computes with tfjs-node already, ${ONE_LIBRARY}`);
  if (onGpu && !gpu) throw new Error(noGpuText(binding.TF_Version));
  await select(NATIVE);
  const versions = { [`@tensorflow/${name}`]: TFJS_NODE_VERSION, tensorflow: binding.TF_Version };
  const threads = gpu ? null : nativeThreads();
  return { name, device: gpu ? "gpu" : "cpu", threads, versions, variables: numericVariables() };
}

const ONE_LIBRARY = "and can load one of the two only";

/** The build of a device; where the CPU's is not installed, the GPU's takes its place. Throws NotInstalled. */
function installFor(onGpu: boolean): Install {
  const builds: readonly Build[] = onGpu ? ["gpu"] : ["cpu", "gpu"];
  for (const build of builds) {
    const install = readInstall(installFolder(build));
    if (install !== null) return install;
  }
  throw new NotInstalled(`to install it: npx deepfm-edge native install${onGpu ? " --gpu" : ""}`);
}

/** Loads a library; the GPU's build sees no GPU where it takes the CPU build's place. */
function loadLibrary(install: Install, onGpu: boolean): NonNullable<typeof loaded> {
  if (!onGpu) process.env.CUDA_VISIBLE_DEVICES = "-1";
  const build = onGpu ? "gpu" : "cpu";
  return { backend: loadTfjsNode(install, build), build };
}

/** Throws where an installation is damaged. */
function checked(install: Install): Install {
  const [damage] = damageOf(install);
  if (damage === undefined) return install;
  throw new Error(`${damage}: ${renewal(install.build)}`);
}

function noGpuText(version: string): string {
  return (
    `got no GPU: TensorFlow ${version} found none that it can use, or not its CUDA libraries; expected one; ` +
    "npx deepfm-edge native test --gpu says why, and --backend tfjs-node or wasm computes on the CPU"
  );
}

/** The threads of an operation of TensorFlow: as many as its variable says, or one for each core. */
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
  provideTfjs(tfjsEngine);
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

/** Starts the GPU's backend where it is installed and works; null where it is not, with a word if it does not work. */
export async function startInstalledGpu(): Promise<RunningBackend | null> {
  tf.enableProdMode();
  try {
    return await startNative("tfjs-node-gpu");
  } catch (error) {
    if (!(error instanceof NotInstalled)) say(problemText("tfjs-node-gpu", error));
    return null;
  }
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
