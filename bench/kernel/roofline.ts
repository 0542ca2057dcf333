// What the machine can do at most, measured on one thread just before the race (assembly/roofline).
import { readFileSync } from "node:fs";
import { median, processorMs } from "./race.ts";

export interface Roofline {
  /** Multiplications of bytes a second, summed in groups of four: the better of two ways to ask for them. */
  dots: number;
  /** float32 multiply-adds a second. */
  madds: number;
  /** Bytes read a second, from as many as the rows of a case take. */
  bytes: number;
}

interface RooflineExports {
  dots(steps: number): number;
  pairs(steps: number): number;
  madds(steps: number): number;
  reserve(bytes: number): boolean;
  readBytes(bytes: number, passes: number): number;
}

const STEPS = 150_000;
const INSTRUCTIONS = 64 * STEPS;
/** int8 rows of the largest case. */
const READ_BYTES = 4_800_000 & ~63;
const PASSES = 60;
const ROUNDS = 9;

export function measureRoofline(): Roofline {
  const bytes = readFileSync(new URL("../../build/roofline.wasm", import.meta.url));
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as RooflineExports;
  wasm.reserve(READ_BYTES);
  const rates: Record<string, number[]> = { dots: [], pairs: [], madds: [], bytes: [] };
  const measure = (name: string, amount: number, run: () => number): void => {
    const started = processorMs();
    run();
    rates[name]?.push((1000 * amount) / (processorMs() - started));
  };
  for (let round = 0; round < ROUNDS; round++) {
    measure("dots", 16 * INSTRUCTIONS, () => wasm.dots(STEPS));
    measure("pairs", 16 * INSTRUCTIONS, () => wasm.pairs(STEPS));
    measure("madds", 4 * INSTRUCTIONS, () => wasm.madds(STEPS));
    measure("bytes", PASSES * READ_BYTES, () => wasm.readBytes(READ_BYTES, PASSES));
  }
  const rate = (name: string): number => median(rates[name] ?? []);
  return { dots: Math.max(rate("dots"), rate("pairs")), madds: rate("madds"), bytes: rate("bytes") };
}
