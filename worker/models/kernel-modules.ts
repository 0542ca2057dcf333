import relaxed from "../../build/kernel.relaxed.wasm";
import scalar from "../../build/kernel.scalar.wasm";
import simd from "../../build/kernel.simd.wasm";
import { bestKernelVariant, type KernelVariant } from "../../runtime/variant.ts";

const KERNEL_MODULES: Readonly<Record<KernelVariant, WebAssembly.Module>> = { relaxed, simd, scalar };

export interface KernelModule {
  variant: KernelVariant;
  module: WebAssembly.Module;
}

/** The fastest kernel that this engine runs. */
export function bestKernelModule(): KernelModule {
  const variant = bestKernelVariant();
  return { variant, module: KERNEL_MODULES[variant] };
}
