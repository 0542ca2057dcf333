import { existsSync, readFileSync, statfsSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { counted } from "../../format/counted.ts";
import { UserError } from "../errors.ts";
import type { Build } from "./installs.ts";
import { firstThatRuns } from "./programs.ts";

// What TensorFlow's wheels need of a machine. Where it lacks something, that is said before anything is fetched.

/** TensorFlow's wheels are of manylinux_2_17: the oldest C library that they run with. */
const OLDEST_GLIBC = "2.17";
/** The oldest driver of CUDA 12 (docs.nvidia.com/cuda/cuda-toolkit-release-notes, "minor version compatibility"). */
const OLDEST_DRIVER = "525.60.13";
/** The oldest that compiles the PTX of CUDA 12.5, which GPUs newer than the compiled kernels (8.9) need. */
const OLDEST_DRIVER_FOR_PTX = "555.42.02";
/** Compute capabilities that cuBLAS 12.5 has kernels for. */
const CAPABILITIES = { oldest: 6, newest: 9 } as const;

const NPM_ENGINES = "the engines from npm packages need nothing of it (--engine assembly, --backend wasm)";

export interface Gpu {
  name: string;
  driver: string;
  /** Its compute capability; null where only the driver was found. */
  capability: number | null;
}

/** What of a machine decides; tests hand in others. */
export interface Machine {
  platform: string;
  arch: string;
  /** Null where the C library is another, such as musl. */
  glibc: string | null;
  /** Names of the processor's features. */
  features: readonly string[];
}

export function thisMachine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, glibc: platform === "linux" ? glibcVersion() : null, features: processorFeatures() };
}

/** Throws UserError where TensorFlow's library would not run on a machine. */
export function checkMachine({ platform, arch, glibc, features }: Machine): void {
  if (platform !== "linux" || arch !== "x64")
    throw new UserError(
      `got ${platform} ${arch}, expected linux x64: the native backend is not built yet for others; ${NPM_ENGINES}`,
    );
  if (glibc === null)
    throw new UserError(`got a system without glibc, such as Alpine's musl, expected one with it: ${NPM_ENGINES}`);
  if (isOlder(glibc, OLDEST_GLIBC))
    throw new UserError(`got glibc ${glibc}, expected at least ${OLDEST_GLIBC}: ${NPM_ENGINES}`);
  if (!features.includes("avx"))
    throw new UserError(
      `got a processor without AVX, expected one with it, as TensorFlow's wheels use it: ${NPM_ENGINES}`,
    );
}

/** Finds the GPU that a driver tells of; null where there is no driver of NVIDIA's. */
export async function findGpu(): Promise<Gpu | null> {
  const query = ["--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"];
  const found = await firstThatRuns([["nvidia-smi"], ["/usr/lib/wsl/lib/nvidia-smi"]], query);
  if (found !== null) {
    const [name = "", driver = "", capability = ""] = found.version.split(", ");
    return { name, driver, capability: Number(capability) || null };
  }
  const path = "/proc/driver/nvidia/version";
  const [, driver] = existsSync(path) ? (/Module.*?(\d{3,}\.[\d.]+)/.exec(readFileSync(path, "utf8")) ?? []) : [];
  return driver === undefined ? null : { name: "unknown", driver, capability: null };
}

/** Throws UserError where a GPU or its driver cannot run CUDA 12.5. */
export function checkGpu(gpu: Gpu | null): void {
  if (gpu === null)
    throw new UserError(
      "got no driver of NVIDIA's, expected one: install it, or leave out --gpu; with --no-device nothing is asked of " +
        "this machine, as where an image for another one is made",
    );
  const { name, driver, capability } = gpu;
  const update = "update the driver, or leave out --gpu";
  if (isOlder(driver, OLDEST_DRIVER))
    throw new UserError(`got NVIDIA's driver ${driver}, expected at least ${OLDEST_DRIVER} for CUDA 12: ${update}`);
  if (capability === null) return;
  if (capability < CAPABILITIES.oldest || Math.floor(capability) > CAPABILITIES.newest)
    throw new UserError(
      `got ${name} of compute capability ${capability}, expected ${CAPABILITIES.oldest}.x to ${CAPABILITIES.newest}.x, ` +
        "for which the libraries of CUDA 12.5 have kernels; leave out --gpu",
    );
  if (capability >= CAPABILITIES.newest && isOlder(driver, OLDEST_DRIVER_FOR_PTX))
    throw new UserError(
      `got NVIDIA's driver ${driver}, expected at least ${OLDEST_DRIVER_FOR_PTX} for ${name}, whose kernels it compiles: ${update}`,
    );
}

/** Throws UserError where a folder's disk has less room than is needed. */
export function checkRoom(folder: string, bytes: number): void {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new UserError(
    `${folder}: got ${gigabytes(free)} of free disk, expected ${gigabytes(bytes)}: free some, or name another folder ` +
      "in DEEPFM_EDGE_NATIVE",
  );
}

export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** The machine as lines of a report. */
export async function machineLines(build: Build): Promise<string[]> {
  const { glibc } = thisMachine();
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readIfThere("/etc/os-release"))?.[1] ?? process.platform;
  const processors = cpus();
  const lines = [
    `system      ${system}, ${process.arch}, glibc ${glibc}`,
    `processor   ${processors[0]?.model.trim()}, ${counted(processors.length, "thread")}`,
    `Node        ${process.versions.node}`,
  ];
  if (build === "cpu") return lines;
  const gpu = await findGpu();
  const text = gpu && `${gpu.name}, driver ${gpu.driver}, compute capability ${gpu.capability ?? "unknown"}`;
  return [...lines, `GPU         ${text ?? "no driver of NVIDIA's"}`];
}

/** Whether the version `a`, of numbers with dots, comes before `b`. */
function isOlder(a: string, b: string): boolean {
  return a.localeCompare(b, "en", { numeric: true }) < 0;
}

/** The version of glibc, which Node's report of itself has; null where Node runs with another C library. */
function glibcVersion(): string | null {
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  report.excludeNetwork = true; // which looks up names, and may take seconds
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ?? null;
}

function processorFeatures(): string[] {
  return /^flags\s*:\s*(.*)$/m.exec(readIfThere("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
