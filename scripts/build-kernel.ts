// Builds the modules of assembly/: the scoring kernel, build/kernel.<variant>.wasm, and its debug build for tests,
// build/kernel.<variant>.debug.wasm, unoptimized and with assertions; the trainer's matrix product,
// build/gemm.<variant>.wasm, which works on the memory that it imports; and the benchmark's build/roofline.wasm. A
// warning of the compiler is an error.
import { mkdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import type { KernelVariant } from "../runtime/variant.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

// A Worker uploads the kernel and compiles it at its start. It takes 23 KiB; more than this would mean that
// AssemblyScript's runtime slipped in.
const MAX_RELEASE_BYTES = 24 * 1024;

// 64 MiB: the largest blob (25 MiB) fits with the largest activations and arena (25 MiB), and a Worker has 128 MB.
const MAX_MEMORY_PAGES = 1024;

const FEATURES: Record<KernelVariant, string[]> = {
  scalar: [],
  simd: ["--enable", "simd"],
  relaxed: ["--enable", "simd", "--enable", "relaxed-simd"],
};

const BUILDS = {
  release: { suffix: "", options: ["--optimizeLevel", "3", "--noAssert"] },
  debug: { suffix: ".debug", options: ["--optimizeLevel", "0", "--debug"] },
};

interface Built {
  file: string;
  bytes: number;
}

async function build(variant: KernelVariant, kind: keyof typeof BUILDS): Promise<Built> {
  const { suffix, options } = BUILDS[kind];
  const memory = ["--maximumMemory", String(MAX_MEMORY_PAGES)];
  const built = await compile(
    "assembly/score/index.ts",
    `build/kernel.${variant}${suffix}.wasm`,
    [],
    [...memory, ...FEATURES[variant], ...options],
  );
  if (kind === "release" && built.bytes > MAX_RELEASE_BYTES) {
    throw new Error(`${built.file}: got ${built.bytes} bytes, expected at most ${MAX_RELEASE_BYTES}`);
  }
  return built;
}

function buildGemm(variant: "simd" | "relaxed"): Promise<Built> {
  const memory = ["--importMemory", "--noExportMemory"];
  return compile(
    "assembly/gemm/index.ts",
    `build/gemm.${variant}.wasm`,
    ["memory"],
    [...memory, ...FEATURES[variant], ...BUILDS.release.options],
  );
}

function buildRoofline(): Promise<Built> {
  return compile(
    "assembly/roofline/index.ts",
    "build/roofline.wasm",
    [],
    [...FEATURES.relaxed, ...BUILDS.release.options],
  );
}

async function compile(source: string, file: string, expected: string[], options: string[]): Promise<Built> {
  const { error, stderr } = await asc.main([
    source,
    ...["--baseDir", relative(process.cwd(), ROOT) || "."],
    ...["--outFile", file],
    ...["--runtime", "stub"],
    ...["--use", "abort="], // a failed assertion traps, instead of calling an import
    ...["--disableWarning", "112"], // "exports v128": only other files call those functions
    ...options,
  ]);
  const messages = stderr.toString();
  if (error || messages !== "") throw new Error(`${file}: ${messages || error?.message}`);

  const bytes = readFileSync(`${ROOT}/${file}`);
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(({ name }) => name);
  if (imports.join() !== expected.join()) {
    throw new Error(`${file}: got imports [${imports}], expected [${expected}]`);
  }
  return { file, bytes: bytes.length };
}

mkdirSync(`${ROOT}/build`, { recursive: true });
const built: Built[] = [];
for (const variant of ["scalar", "simd", "relaxed"] as const) {
  for (const kind of ["release", "debug"] as const) built.push(await build(variant, kind));
}
for (const variant of ["simd", "relaxed"] as const) built.push(await buildGemm(variant));
built.push(await buildRoofline());
console.table(built);
