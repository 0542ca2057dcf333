import { BLOB_HEADER_BYTES, BLOB_HEADER_LENGTH, MAX_BLOB_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import type { KernelExports } from "./kernel-exports.ts";

/** A blob in the memory of a kernel of its own, where the kernel checks and reads it. No other copy need exist. */
export interface PlacedBlob {
  kernel: KernelExports;
  /** Where the blob is, or is to be. The kernel's `load` may detach it. */
  bytes: Uint8Array;
}

/** Makes room for a blob in a fresh instance of a kernel. Throws FormatError where it is longer than a blob may be. */
export function reserveBlob(module: WebAssembly.Module, length: number): PlacedBlob {
  if (length > MAX_BLOB_BYTES) throw new FormatError("blob", `got ${length} bytes, expected at most ${MAX_BLOB_BYTES}`);
  const kernel = new WebAssembly.Instance(module).exports as unknown as KernelExports;
  const address = kernel.reserve(length);
  if (address === 0) throw new FormatError("blob", `got no memory for its ${length} bytes`);
  return { kernel, bytes: new Uint8Array(kernel.memory.buffer, address, length) };
}

/** Copies a blob into a fresh instance of a kernel. Throws FormatError as `reserveBlob` does. */
export function placeBlob(module: WebAssembly.Module, blob: Uint8Array): PlacedBlob {
  const placed = reserveBlob(module, blob.length);
  placed.bytes.set(blob);
  return placed;
}

/** The length that a blob's first bytes state. Throws FormatError where they are fewer than a header's. */
export function statedLength(start: Uint8Array): number {
  if (start.length < BLOB_HEADER_BYTES)
    throw new FormatError("blob", `got ${start.length} bytes, expected at least ${BLOB_HEADER_BYTES}`);
  return new DataView(start.buffer, start.byteOffset).getUint32(BLOB_HEADER_LENGTH, true);
}
