// Builds the modules of assembly/ into build/: the scoring kernel, kernel.<variant>.wasm, and its debug build for
// tests, kernel.<variant>.debug.wasm, unoptimized and with assertions; the trainer's matrix product,
// gemm.<variant>.wasm, and its step, train.<variant>.wasm, which work on the memory that they import; and the
// benchmark's roofline.wasm. A warning of the compiler is an error.
//
// They are built when they are needed: kernels.json says of which sources and what came of them, and what still fits is
// left alone. Processes that build at the same time write the same bytes, each file whole.
import { createHash } from "node:crypto";
import { globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { KernelVariant } from "../../runtime/variant.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = join(ROOT, "build");
const STAMP = join(BUILD, "kernels.json");

/** What the modules are made of, besides the compiler: test/edges.test.ts lets assembly/ import nothing else. */
const SOURCES = ["assembly/**/*.ts", "format/constants.ts", "runtime/abi.ts", "scripts/programs/kernels.ts"];

// A Worker uploads the kernel and compiles it at its start. It takes 26 KiB; more than this would mean that
// AssemblyScript's runtime slipped in.
const MAX_RELEASE_BYTES = 28 * 1024;
// 64 MiB: the largest blob (25 MiB) fits with the largest activations and arena (25 MiB), and a Worker has 128 MB.
const MAX_MEMORY_PAGES = 1024;

// All that 32-bit addresses reach.
const MAX_TRAINING_PAGES = 65536;

const FEATURES: Record<KernelVariant, string[]> = {
  scalar: [],
  simd: ["--enable", "simd"],
  relaxed: ["--enable", "simd", "--enable", "relaxed-simd"],
};
const RELEASE = ["--optimizeLevel", "3", "--noAssert"];
const DEBUG = ["--optimizeLevel", "0", "--debug"];

/** A module to build. */
interface Target {
  file: string;
  source: string;
  options: string[];
  /** The names of all that it imports. */
  imports: string[];
  maxBytes: number;
}

const TARGETS: readonly Target[] = [
  ...(["scalar", "simd", "relaxed"] as const).flatMap((variant) => [
    kernel(`kernel.${variant}.wasm`, variant, RELEASE, MAX_RELEASE_BYTES),
    kernel(`kernel.${variant}.debug.wasm`, variant, DEBUG, Number.POSITIVE_INFINITY),
  ]),
  ...(["simd", "relaxed"] as const).map((variant) => ({
    file: `gemm.${variant}.wasm`,
    source: "assembly/gemm/index.ts",
    options: ["--importMemory", "--noExportMemory", ...FEATURES[variant], ...RELEASE],
    imports: ["memory"],
    maxBytes: MAX_RELEASE_BYTES,
  })),
  ...(["scalar", "simd", "relaxed"] as const).map((variant) => ({
    file: `train.${variant}.wasm`,
    source: "assembly/train/index.ts",
    // Shared, so that threads can work on one memory; the host says how much of it there is.
    options: [
      "--importMemory",
      "--noExportMemory",
      "--enable",
      "threads",
      "--sharedMemory",
      ...FEATURES[variant],
    ].concat(["--initialMemory", "1", "--maximumMemory", String(MAX_TRAINING_PAGES), ...RELEASE]),
    imports: ["memory"],
    maxBytes: MAX_RELEASE_BYTES,
  })),
  {
    file: "roofline.wasm",
    source: "assembly/roofline/index.ts",
    options: [...FEATURES.relaxed, ...RELEASE],
    imports: [],
    maxBytes: MAX_RELEASE_BYTES,
  },
];

function kernel(file: string, variant: KernelVariant, options: string[], maxBytes: number): Target {
  const memory = ["--maximumMemory", String(MAX_MEMORY_PAGES)];
  return {
    file,
    source: "assembly/score/index.ts",
    options: [...memory, ...FEATURES[variant], ...options],
    imports: [],
    maxBytes,
  };
}

export interface BuiltKernel {
  file: string;
  bytes: number;
}

/** What kernels.json says: digests, of the sources together and of each module. */
interface Stamp {
  sources: string;
  modules: Record<string, string>;
}

/**
 * Builds the modules where they are not there, are not of the present sources, or have been damaged. `onBuild` is
 * called before, as it takes a quarter of a minute. Returns all modules.
 */
export async function buildKernels(onBuild: () => void = () => {}): Promise<BuiltKernel[]> {
  const sources = digestOfSources();
  if (!isBuilt(sources)) {
    onBuild();
    await build(sources);
  }
  return TARGETS.map(({ file }) => ({ file: `build/${file}`, bytes: readFileSync(join(BUILD, file)).length }));
}

async function build(sources: string): Promise<void> {
  mkdirSync(BUILD, { recursive: true });
  const folder = mkdtempSync(join(BUILD, "unfinished-"));
  try {
    const modules: Record<string, string> = {};
    for (const target of TARGETS) {
      modules[target.file] = digest(await compile(target, join(folder, target.file)));
    }
    for (const { file } of TARGETS) renameSync(join(folder, file), join(BUILD, file));
    const path = join(folder, "kernels.json");
    writeFileSync(path, `${JSON.stringify({ sources, modules }, null, 2)}\n`);
    renameSync(path, STAMP);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compile({ source, file, options, imports, maxBytes }: Target, path: string): Promise<Uint8Array> {
  // Loading the compiler takes longer than finding out that it is not needed.
  const { default: asc } = await import("assemblyscript/asc");
  const { error, stderr } = await asc.main([
    source,
    ...["--baseDir", relative(process.cwd(), ROOT) || "."],
    ...["--outFile", relative(ROOT, path)],
    ...["--runtime", "stub"],
    ...["--use", "abort="], // a failed assertion traps, instead of calling an import
    ...["--disableWarning", "112"], // "exports v128": only other files call those functions
    "--noColors", // messages are read by more than terminals, and some environments force colors
    ...options,
  ]);
  const messages = stderr.toString();
  if (error || messages !== "") throw new Error(`${file}: ${messages || error?.message}`);
  const bytes = readFileSync(path);
  const got = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(({ name }) => name);
  if (got.join() !== imports.join()) throw new Error(`${file}: got imports [${got}], expected [${imports}]`);
  if (bytes.length > maxBytes) throw new Error(`${file}: got ${bytes.length} bytes, expected at most ${maxBytes}`);
  return bytes;
}

function isBuilt(sources: string): boolean {
  try {
    const stamp: Stamp = JSON.parse(readFileSync(STAMP, "utf8"));
    return (
      stamp.sources === sources &&
      TARGETS.every(({ file }) => digest(readFileSync(join(BUILD, file))) === stamp.modules[file])
    );
  } catch {
    return false; // something is not there, or is no stamp: building makes it
  }
}

/** Changes with every byte of the sources and with the compiler's version. */
function digestOfSources(): string {
  const hash = createHash("sha256");
  const compiler = findPackageJSON("assemblyscript", import.meta.url);
  if (compiler === undefined) throw new Error("got no package assemblyscript, expected what `npm ci` installs");
  hash.update(JSON.parse(readFileSync(compiler, "utf8")).version);
  for (const path of globSync(SOURCES, { cwd: ROOT }).sort()) {
    const bytes = readFileSync(join(ROOT, path));
    hash.update(`${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
