import { FormatError } from "../format/errors.ts";
import { type PlacedBlob, reserveBlob, statedLength } from "../format/placed-blob.ts";

/** Bytes of a read: few enough to stay in a cache, and enough that 80 reads bring the largest blob. */
const READ_BYTES = 256 * 1024;

/**
 * Reads a blob straight into the memory of a kernel of its own. A buffer for the whole blob would cost as much time again, most
 * of it the system's for fresh pages, and as much of the isolate's memory. Throws FormatError where the blob is not as long as
 * its header says.
 */
export async function readStream(module: WebAssembly.Module, stream: ReadableStream): Promise<PlacedBlob> {
  const reader = stream.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(READ_BYTES);
  let placed: PlacedBlob | null = null;
  let read = 0;
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(READ_BYTES, new Uint8Array(buffer));
      const part = value ?? new Uint8Array(0);
      placed ??= reserveBlob(module, statedLength(part));
      const { bytes } = placed;
      const end = read + part.length;
      if (end > bytes.length || (done && end < bytes.length))
        throw new FormatError(
          "blob",
          `got ${done ? "" : "at least "}${end} bytes, expected ${bytes.length} as its header says`,
        );
      bytes.set(part, read);
      if (done) return placed;
      read = end;
      buffer = part.buffer;
    }
  } finally {
    await reader.cancel();
  }
}
