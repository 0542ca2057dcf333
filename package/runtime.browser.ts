// deepfm-edge/runtime in a browser, and wherever else a module can be fetched from beside this file.
import { bestKernelVariant } from "../runtime/variant.ts";

export * from "./scoring.ts";

/** Fetches and compiles the fastest scoring kernel that this engine runs. Throws where the server has no such file. */
export async function loadKernel(): Promise<WebAssembly.Module> {
  const url = kernelUrl();
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: got the status ${response.status}, expected a WebAssembly module`);
  // Not compileStreaming, which refuses every other content type than application/wasm. A kernel is 23 KB.
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Each address stands written out, as bundlers find such files by their text. */
function kernelUrl(): URL {
  switch (bestKernelVariant()) {
    case "relaxed":
      return new URL("../build/kernel.relaxed.wasm", import.meta.url);
    case "simd":
      return new URL("../build/kernel.simd.wasm", import.meta.url);
    case "scalar":
      return new URL("../build/kernel.scalar.wasm", import.meta.url);
  }
}
