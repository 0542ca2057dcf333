import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FormatError } from "../format/errors.ts";
import { bestKernelVariant, type KernelVariant } from "./variant.ts";

/** Compiles the scoring kernel: the very module that the Worker runs. */
export function kernelModule(variant: KernelVariant = bestKernelVariant()): WebAssembly.Module {
  return new WebAssembly.Module(readKernel(variant));
}

/** The size of the kernel that this engine runs, in bytes. */
export function kernelBytes(): number {
  return readKernel(bestKernelVariant()).byteLength;
}

function readKernel(variant: KernelVariant): Uint8Array<ArrayBuffer> {
  const path = fileURLToPath(new URL(`../build/kernel.${variant}.wasm`, import.meta.url));
  if (!existsSync(path)) throw new FormatError(path, "the kernel is not built: run `npm run build` first");
  return new Uint8Array(readFileSync(path));
}
