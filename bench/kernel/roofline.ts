// The machine's limit on one thread, measured by loops that hold nothing but one instruction (assembly/roofline).
import { readFileSync } from "node:fs";
import { median } from "../../trainer/metrics/median.ts";
import { processorMs } from "../processor-time.ts";
import { type BenchCase, type Precision, rowBytes } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

interface RooflineExports {
  dots(steps: number): number;
  pairs(steps: number): number;
  madds(steps: number): number;
  reserve(bytes: number): boolean;
  readBytes(bytes: number, passes: number): number;
}

/** Instructions in one step of a loop. */
const STEP = 64;
/** Multiplications in one instruction, of 16 bytes. */
const PRODUCTS: Record<Precision, number> = { int8: 16, f32: 4 };
const STEPS = 150_000;
/** Bytes of the int8 rows of the largest case, in whole steps of 64. */
const READ_BYTES = 4_800_000 & ~63;
const PASSES = 60;
const ROUNDS = 9;

export class Roofline {
  readonly #wasm: RooflineExports;
  /** int8 multiplications a second, products summed in groups of four: the faster of two ways to write that. */
  readonly dots: number;
  /** float32 multiplications a second, each followed by an addition. */
  readonly madds: number;
  /** Bytes read a second, from an area as large as the rows of a case. */
  readonly bytes: number;
  readonly #way: "dots" | "pairs";

  constructor() {
    const bytes = readFileSync(new URL("../../build/roofline.wasm", import.meta.url));
    const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as RooflineExports;
    wasm.reserve(READ_BYTES);
    const dots = rateOf(PRODUCTS.int8 * STEP * STEPS, () => wasm.dots(STEPS));
    const pairs = rateOf(PRODUCTS.int8 * STEP * STEPS, () => wasm.pairs(STEPS));
    this.dots = Math.max(dots, pairs);
    this.madds = rateOf(PRODUCTS.f32 * STEP * STEPS, () => wasm.madds(STEPS));
    this.bytes = rateOf(PASSES * READ_BYTES, () => wasm.readBytes(READ_BYTES, PASSES));
    this.#way = dots > pairs ? "dots" : "pairs";
    this.#wasm = wasm;
  }

  /**
   * Takes the least time in which a case can be scored: does as many multiplications as its layers have at the peak
   * rate, or reads as many bytes as its rows have, whichever takes longer. As a contestant it meets the same slow
   * moments of the machine as the kernels. It writes no logits.
   */
  contestant(one: BenchCase, precision: Precision): Contestant {
    const multiply = precision === "int8" ? this.#wasm[this.#way] : this.#wasm.madds;
    const products = STEP * PRODUCTS[precision];
    const bytes = rowBytes(one, precision);
    const boundByArithmetic = one.macs / (precision === "int8" ? this.dots : this.madds) > bytes / this.bytes;
    return {
      name: `roofline, ${precision}`,
      score: (_first, records) => {
        if (boundByArithmetic) multiply(Math.ceil((records * one.macs) / products));
        else this.#wasm.readBytes(Math.min(READ_BYTES, records * bytes + 64), 1);
      },
      close() {},
    };
  }
}

/** What `run` does of `amount` in a second of processor time: the median of ROUNDS runs. */
function rateOf(amount: number, run: () => number): number {
  return median(
    Array.from({ length: ROUNDS }, () => {
      const started = processorMs();
      run();
      return (1000 * amount) / (processorMs() - started);
    }),
  );
}
