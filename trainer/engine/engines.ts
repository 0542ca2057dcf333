import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { bestKernelVariant, type KernelVariant } from "../../runtime/variant.ts";
import { UserError } from "../errors.ts";
import type { EngineFactory } from "../model/engine.ts";
import { installFolder } from "../native/installs.ts";
import { widenOperations } from "./assembly/wide.ts";
import { assemblyEngine } from "./assembly-engine.ts";
import { BACKENDS, type Backend, backendText, type RunningBackend } from "./backends.ts";
import { startedTfjs } from "./started-tfjs.ts";

/** What computes gradients and logits: our own kernels, or TensorFlow.js. */
export const ENGINES = ["assembly", "tfjs"] as const;
export type EngineName = (typeof ENGINES)[number];

/** What an engine computes on: a build of our kernels, or one of TensorFlow.js's backends. */
export const PLATFORMS = ["relaxed", "simd", "scalar", ...BACKENDS] as const;
export type Platform = KernelVariant | Backend;

/** What a user asks for. A backend is TensorFlow.js's, so to ask for one is to ask for it. */
export interface AskedEngine {
  /** Default: auto. */
  engine?: EngineName | "auto" | undefined;
  backend?: Backend | undefined;
  /** Threads that our own engine computes on. Default: `defaultThreads`. */
  threads?: number | undefined;
  /** Why it is asked for, where no option of the user's does. */
  why?: string | undefined;
}

/** An engine that can compute: what it is and computes on, not what was asked for. */
export interface RunningEngine {
  engine: EngineName;
  backend: Platform;
  device: RunningBackend["device"];
  /** Threads that compute; null on a GPU. */
  threads: number | null;
  /** Whether V8 computes with 256 bits at a time for our own engine, which changes no bit of a result. */
  wide?: true;
  /** The versions of all software that it brings with it. */
  versions: Record<string, string>;
  /** A native backend's environment variables that change its numbers; null for one that is not set. */
  variables?: Record<string, string | null>;
}

/** An engine, and why it was chosen. */
export interface ChosenEngine extends RunningEngine {
  why: string;
}

/** A kernel's work has no more parts (assembly/train/command.ts): further threads would have nothing to do. */
export const MOST_THREADS = 64;

/** More threads gain little: the parts of a step that one thread computes are a tenth of it by then. */
const MOST_DEFAULT_THREADS = 16;

/** One for each processor that this process may use. */
export function defaultThreads(): number {
  return Math.min(MOST_DEFAULT_THREADS, availableParallelism());
}

/** The factory of an engine on so many threads; TensorFlow.js has its own, and computes once it is started. */
export function engineFactory(name: EngineName, threads: number | null = defaultThreads()): EngineFactory {
  return name === "tfjs" ? startedTfjs : assemblyEngine(threads ?? 1);
}

/**
 * Starts the engine asked for. `auto` takes our own, which is the fastest from npm packages alone, unless something
 * speaks for TensorFlow.js: a backend that is asked for, one for the GPU that is installed, or a JavaScript engine
 * without SIMD, for which our kernels are not made. Who asks for threads asks for our own. Throws UserError where what
 * is asked for does not work.
 */
export async function startEngine(asked: AskedEngine): Promise<ChosenEngine> {
  checkAsked(asked);
  const chosen = await chooseEngine(asked);
  return { ...chosen, why: asked.why ?? chosen.why };
}

async function chooseEngine({ engine = "auto", backend, threads }: AskedEngine): Promise<ChosenEngine> {
  if (engine === "assembly") return { ...runningAssembly(threads), why: "--engine asks for it" };
  if (threads !== undefined) return { ...runningAssembly(threads), why: "--threads asks for it" };
  if (backend) return { ...(await startTfjs(backend)), why: "--backend asks for its backend" };
  if (engine === "tfjs") return { ...(await startTfjs()), why: "--engine asks for it" };
  const gpu = await startGpu();
  if (gpu) return { ...gpu, why: "its backend for the GPU is installed" };
  if (bestKernelVariant() === "scalar") return { ...(await startTfjs()), why: "there is no SIMD here" };
  return { ...runningAssembly(threads), why: "it is the fastest without a GPU" };
}

/** What a run says of its engine; earlier versions had TensorFlow.js alone, and did not name it. */
export interface RecordedEngine {
  engine?: EngineName;
  backend: Platform;
}

/** The engine for a finished run: its own, or the one asked for. */
export function engineOfRun({ engine: own = "tfjs" }: RecordedEngine, asked: AskedEngine): EngineName {
  checkAsked(asked);
  const { engine = "auto", backend, threads } = asked;
  if (engine !== "auto") return engine;
  const name = backend ? "tfjs" : own;
  if (name === "tfjs" && threads !== undefined) throw threadsOfTfjs(threads);
  return name;
}

/** Starts what the engine of a finished run needs before its model predicts. */
export async function startEngineOfRun(record: RecordedEngine, asked: AskedEngine): Promise<void> {
  if (engineOfRun(record, asked) === "assembly") return;
  const { backend } = record;
  const { startBackend, startBackendOfRun } = await loadBackends();
  if (isBackend(backend)) await startBackendOfRun(backend, asked.backend);
  else await startBackend(asked.backend);
}

/** What asks again for an engine that runs, or has run, and for the reason that it was chosen for. */
export function askFor({
  engine,
  backend,
  threads,
  why,
}: Pick<RunningEngine, "engine" | "backend"> & Partial<Pick<ChosenEngine, "threads" | "why">>): AskedEngine {
  return isBackend(backend) ? { engine, backend, why } : { engine, threads: threads ?? undefined, why };
}

/**
 * Names an engine in a key of results: all that its numbers depend on. TensorFlow.js's backends from npm are named as
 * by earlier versions, whose results stay known. A native one's numbers follow its library, device, threads and
 * variables.
 */
export function engineKey({ engine, backend, device, threads, versions, variables }: RunningEngine): string {
  if (engine !== "tfjs") return `${engine} ${backend}`;
  if (variables === undefined) return backend;
  return `${backend} ${JSON.stringify([versions.tensorflow, device, threads, Object.entries(variables).toSorted()])}`;
}

/** An engine as one line of text. */
export function engineText({ engine, backend, device, threads, wide, versions }: RunningEngine): string {
  if (isBackend(backend)) return `TensorFlow.js backend: ${backendText({ name: backend, device, threads, versions })}`;
  return `engine: ${engine}, ${backend}${wide ? ", wide" : ""} (${threads} ${threads === 1 ? "thread" : "threads"})`;
}

function checkAsked({ engine, backend, threads }: AskedEngine): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw new UserError(`threads: got ${threads}, expected an integer of 1 to ${MOST_THREADS}`);
  if (threads !== undefined && (engine === "tfjs" || backend !== undefined)) throw threadsOfTfjs(threads);
  if (engine !== "assembly" || backend === undefined) return;
  throw new UserError(`got --engine assembly and --backend ${backend}, expected one of them: it has no backends`);
}

function threadsOfTfjs(threads: number): UserError {
  return new UserError(
    `got --threads ${threads} for TensorFlow.js, expected it for --engine assembly alone; tfjs-node takes as many as ` +
      "TF_NUM_INTRAOP_THREADS says, and wasm and cpu one",
  );
}

function isBackend(platform: Platform): platform is Backend {
  return (BACKENDS as readonly string[]).includes(platform);
}

function runningAssembly(threads = defaultThreads()): RunningEngine {
  const backend = bestKernelVariant();
  const wide = backend === "relaxed" && widenOperations();
  return { engine: "assembly", backend, device: "cpu", threads, ...(wide && { wide }), versions: {} };
}

/** TensorFlow.js, which is loaded where it is to compute. */
function loadBackends(): Promise<typeof import("./backend.ts")> {
  return import("./backend.ts");
}

async function startTfjs(asked?: Backend): Promise<RunningEngine> {
  const { startBackend } = await loadBackends();
  return runningTfjs(await startBackend(asked));
}

async function startGpu(): Promise<RunningEngine | null> {
  if (!existsSync(installFolder("gpu"))) return null;
  const { startInstalledGpu } = await loadBackends();
  const gpu = await startInstalledGpu();
  return gpu && runningTfjs(gpu);
}

async function runningTfjs({ name, versions, ...running }: RunningBackend): Promise<RunningEngine> {
  const { version_core } = await import("./tfjs.ts");
  return {
    engine: "tfjs",
    backend: name,
    ...running,
    versions: { ...versions, "@tensorflow/tfjs-core": version_core },
  };
}
