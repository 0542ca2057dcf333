// What the machine can do at most on one thread: loops that hold nothing but one instruction (assembly/roofline).
import { readFileSync } from "node:fs";
import { type BenchCase, rowBytes } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { median, processorMs } from "./race.ts";

interface RooflineExports {
  dots(steps: number): number;
  pairs(steps: number): number;
  madds(steps: number): number;
  reserve(bytes: number): boolean;
  readBytes(bytes: number, passes: number): number;
}

/** Instructions a step of the loops. */
const STEP = 64;
const STEPS = 150_000;
/** Bytes of the int8 rows of the largest case. */
const READ_BYTES = 4_800_000 & ~63;
const PASSES = 60;
const ROUNDS = 9;

export class Roofline {
  readonly #wasm: RooflineExports;
  /** Multiplications of bytes a second, summed in groups of four: by the better of two ways to ask for them. */
  readonly dots: number;
  /** float32 multiply-adds a second. */
  readonly madds: number;
  /** Bytes read a second, from as many as the rows of a case take. */
  readonly bytes: number;
  readonly #way: "dots" | "pairs";

  constructor() {
    const bytes = readFileSync(new URL("../../build/roofline.wasm", import.meta.url));
    const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as RooflineExports;
    wasm.reserve(READ_BYTES);
    const rate = (amount: number, run: () => number): number =>
      median(
        Array.from({ length: ROUNDS }, () => {
          const started = processorMs();
          run();
          return (1000 * amount) / (processorMs() - started);
        }),
      );
    const dots = rate(16 * STEP * STEPS, () => wasm.dots(STEPS));
    const pairs = rate(16 * STEP * STEPS, () => wasm.pairs(STEPS));
    this.dots = Math.max(dots, pairs);
    this.madds = rate(4 * STEP * STEPS, () => wasm.madds(STEPS));
    this.bytes = rate(PASSES * READ_BYTES, () => wasm.readBytes(READ_BYTES, PASSES));
    this.#way = dots > pairs ? "dots" : "pairs";
    this.#wasm = wasm;
  }

  /**
   * Takes the least time that a case can take: does the arithmetic of its layers at the peak rate, or reads as many bytes
   * as its rows have, whichever takes longer. It runs in the race, so that a slow moment of the machine falls on it too.
   */
  contestant(one: BenchCase, type: "int8" | "f32"): Contestant {
    const run = type === "int8" ? this.#wasm[this.#way] : this.#wasm.madds;
    const products = STEP * (type === "int8" ? 16 : 4);
    const bytes = rowBytes(one, type);
    const arithmetic = one.macs / (type === "int8" ? this.dots : this.madds) > bytes / this.bytes;
    return {
      name: rooflineName(type),
      score: (_first, records) => {
        if (arithmetic) run(Math.ceil((records * one.macs) / products));
        else this.#wasm.readBytes(Math.min(READ_BYTES, records * bytes + 64), 1);
      },
      close() {},
    };
  }
}

export function rooflineName(type: "int8" | "f32"): string {
  return `roofline, ${type}`;
}
