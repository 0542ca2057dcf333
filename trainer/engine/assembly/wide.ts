import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import type { GemmExports } from "../wasm-matmul.ts";

// V8 can join two neighboring operations of 128 bits in one of 256, which gives the same bits in three quarters of the
// time. It does so behind this flag, an experiment of V8's: it is set only in the version whose bits
// test/trainer/engine/wide.test.ts compares, and only where Node.js has it, as V8 writes to stderr of one that it does
// not know.
const FLAG = "experimental-wasm-revectorize";
const TESTED_V8 = /^13\.6\./;
const BUILT_IN = "v8_enable_wasm_simd256_revec";

/** Rows, columns and depth of the product that is timed: some 50 microseconds. */
const SIZE = 96;
/** Of 15, with other work on all cores, none may be undisturbed. */
const TRIALS = 60;
/** Of the time without the flag. It is 0.7 where V8 joins operations, and 1 where it does not. */
const MOST_TIME = 0.87;

let wide: boolean | null = null;

/**
 * Has V8 compute with 256 bits from now on, if that is the faster, and returns whether it does. To be called before the
 * relaxed build of assembly/train is compiled. The first call takes some 25 ms.
 */
export function widenOperations(): boolean {
  wide ??= hasFlag() && isWideFaster();
  return wide;
}

/** Takes over what the process has decided, as V8's flags are its: for threads, which do not time it again. */
export function decideWidth(isWide: boolean): void {
  wide = isWide;
}

/** Whether V8 can join operations, if the processor can compute with them. */
export function hasFlag(): boolean {
  const built = process.config.variables as unknown as Record<string, unknown>;
  return process.arch === "x64" && TESTED_V8.test(process.versions.v8 ?? "") && built[BUILT_IN] === 1;
}

/**
 * Times products with and without the flag, which has no effect without AVX2: a process cannot ask for that. V8 looks
 * at the flag when it optimizes a function, in the midst of a training, so that it stays set for the process and its
 * threads where it is the faster, and is taken back otherwise.
 */
function isWideFaster(): boolean {
  const bytes = readFileSync(new URL("../../../build/gemm.relaxed.wasm", import.meta.url));
  // Another thread of the process may have set it.
  setFlagsFromString(`--no-${FLAG}`);
  const narrow = product(optimizedModule(bytes));
  setFlagsFromString(`--${FLAG}`);
  // With an empty custom section named "w", as V8 compiles the same bytes only once.
  const joined = product(optimizedModule(Buffer.concat([bytes, Buffer.of(0, 2, 1, 119)])));
  let [narrowTime, joinedTime] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let trial = 0; trial < TRIALS; trial++) {
    narrowTime = Math.min(narrowTime, timeOf(narrow));
    joinedTime = Math.min(joinedTime, timeOf(joined));
  }
  if (joinedTime < MOST_TIME * narrowTime) return true;
  setFlagsFromString(`--no-${FLAG}`);
  return false;
}

function timeOf(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

/** A product of zeros by a module of assembly/gemm. */
function product(module: WebAssembly.Module): () => void {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { gemm, scratchBytes } = new WebAssembly.Instance(module, { env: { memory } })
    .exports as unknown as GemmExports;
  const bytes = 4 * SIZE * SIZE;
  memory.grow(Math.ceil((3 * bytes + scratchBytes()) / 65536));
  return () => gemm(0, bytes, 2 * bytes, SIZE, SIZE, SIZE, false, false, 3 * bytes);
}

/** V8 optimizes a function when it has run for some time, but with these flags at once. */
function optimizedModule(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  setFlagsFromString("--no-liftoff");
  setFlagsFromString("--no-wasm-lazy-compilation");
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    setFlagsFromString("--wasm-lazy-compilation");
    setFlagsFromString("--liftoff");
  }
}
