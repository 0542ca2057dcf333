// The six kernels in build/, which `npm run build` makes, and two ways to run one: as the host does, and by its bare
// exports.
import { readFileSync } from "node:fs";
import type { ModelBlob } from "../../format/blob.ts";
import { Kernel, type KernelBatch } from "../../runtime/kernel.ts";
import type { KernelExports } from "../../runtime/kernel-exports.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import type { TestRecord } from "./random-model.ts";

export type { KernelExports };

export interface TestKernel {
  name: string;
  variant: KernelVariant;
  debug: boolean;
  module: WebAssembly.Module;
}

function read(variant: KernelVariant, debug: boolean): TestKernel {
  const name = `kernel.${variant}${debug ? ".debug" : ""}.wasm`;
  const bytes = readFileSync(new URL(`../../build/${name}`, import.meta.url));
  return { name, variant, debug, module: new WebAssembly.Module(bytes) };
}

export const KERNELS: readonly TestKernel[] = (["scalar", "simd", "relaxed"] as const).flatMap((variant) => [
  read(variant, false),
  read(variant, true),
]);

export function instantiate({ module }: TestKernel): KernelExports {
  return new WebAssembly.Instance(module).exports as unknown as KernelExports;
}

/** Copies a blob into an instance and loads it; returns the LOAD_* code. */
export function loadInto(exports: KernelExports, blob: Uint8Array): number {
  const address = exports.reserve(blob.length);
  if (address === 0) throw new Error(`no room for ${blob.length} bytes`);
  new Uint8Array(exports.memory.buffer).set(blob, address);
  return exports.load(blob.length);
}

/** A batch of records as the kernel takes it. Row r of the blob is at rowsAddress + r · rowBytes. */
export function batchOf(records: readonly TestRecord[], rowsAddress: number, rowBytes: number): KernelBatch {
  const [offsets, addresses, values] = [[0], [] as number[], [] as number[]];
  for (const record of records)
    for (const field of record) {
      for (const { row, value } of field) {
        addresses.push(rowsAddress + row * rowBytes);
        values.push(value);
      }
      offsets.push(addresses.length);
    }
  return {
    offsets: new Uint32Array(offsets),
    addresses: new Uint32Array(addresses),
    values: new Float32Array(values),
  };
}

/** Writes a batch into the buffers of an instance and scores it; returns the CALL_* code. */
export function scoreIn(exports: KernelExports, records: number, batch: KernelBatch): number {
  const { buffer } = exports.memory;
  new Uint32Array(buffer, exports.offsetsAddress(), batch.offsets.length).set(batch.offsets);
  new Uint32Array(buffer, exports.rowAddresses(), batch.addresses.length).set(batch.addresses);
  new Float32Array(buffer, exports.valuesAddress(), batch.values.length).set(batch.values);
  return exports.score(records);
}

/** Scores records as the host does. */
export class BlobScorer {
  readonly #kernel: Kernel;

  constructor({ module }: TestKernel, blob: Uint8Array, model: ModelBlob) {
    this.#kernel = new Kernel(placeBlob(module, blob), model.spec.fields.length);
  }

  /** The logits of records, `batchSize` a call. */
  logits(records: readonly TestRecord[], batchSize: number): Float32Array {
    const logits = new Float32Array(records.length);
    const scores = new Float32Array(records.length);
    for (let start = 0; start < records.length; start += batchSize) {
      const end = Math.min(records.length, start + batchSize);
      const batch = batchOf(records.slice(start, end), this.#kernel.rowsAddress, this.#kernel.rowBytes);
      this.#kernel.score(batch, logits.subarray(start, end), scores.subarray(start, end));
    }
    return logits;
  }

  /** The logits of candidates with a context, `batchSize` a call. */
  rank(context: TestRecord, candidates: readonly TestRecord[], batchSize: number): Float32Array {
    const { rowsAddress, rowBytes } = this.#kernel;
    const logits = new Float32Array(candidates.length);
    const scores = new Float32Array(candidates.length);
    this.#kernel.scoreContext(batchOf([context], rowsAddress, rowBytes));
    for (let start = 0; start < candidates.length; start += batchSize) {
      const end = Math.min(candidates.length, start + batchSize);
      const batch = batchOf(candidates.slice(start, end), rowsAddress, rowBytes);
      this.#kernel.scoreCandidates(batch, logits.subarray(start, end), scores.subarray(start, end));
    }
    return logits;
  }
}
