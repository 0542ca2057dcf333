// deepfm-edge/runtime in a Worker, where only a module that was imported may be compiled.
import { bestKernelModule } from "../worker/models/kernel-modules.ts";

export * from "./scoring.ts";

/** The fastest scoring kernel that this engine runs. */
export async function loadKernel(): Promise<WebAssembly.Module> {
  return bestKernelModule().module;
}
