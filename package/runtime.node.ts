// deepfm-edge/runtime in Node.
import { kernelModule } from "../runtime/node.ts";

export * from "./scoring.ts";

/** Reads and compiles the fastest scoring kernel that this engine runs. */
export async function loadKernel(): Promise<WebAssembly.Module> {
  return kernelModule();
}
