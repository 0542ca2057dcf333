import type { Deadline } from "./promises.ts";

/**
 * Yields the bytes of a stream in parts of `size`, the last one shorter. All are in the same buffer, so a part is to be
 * used before the next is asked for. The stream's own chunks have 4 KiB, and each takes longer to ask for than to read:
 * three quarters of the time that 300 KB of JSON take. A stream whose chunks a program made comes in those chunks.
 *
 * Throws what `deadline` throws when its time is over; the stream is then given up.
 */
export async function* readParts(stream: ReadableStream, size: number, deadline: Deadline): AsyncGenerator<Uint8Array> {
  const reader = byteReader(stream) ?? chunkReader(stream);
  let buffer: ArrayBuffer = new ArrayBuffer(size);
  try {
    for (;;) {
      const { value, done } = await deadline.race(reader.read(buffer));
      if (value) yield value;
      if (done) return;
      if (value) buffer = value.buffer as ArrayBuffer;
    }
  } finally {
    // Not awaited, as a stream that hangs may not even be cancelled.
    reader.cancel().catch(() => {});
    if (!buffer.detached) buffer.transfer(0);
  }
}

interface PartReader {
  /** Reads a part into the buffer, or gives one of its own. */
  read(buffer: ArrayBuffer): Promise<{ value?: Uint8Array | undefined; done: boolean }>;
  cancel(): Promise<void>;
}

/** A reader that fills buffers; null where the stream cannot. */
function byteReader(stream: ReadableStream): PartReader | null {
  try {
    const reader = stream.getReader({ mode: "byob" });
    return {
      read: (buffer) => reader.readAtLeast(buffer.byteLength, new Uint8Array(buffer)),
      cancel: () => reader.cancel(),
    };
  } catch {
    return null;
  }
}

function chunkReader(stream: ReadableStream<Uint8Array>): PartReader {
  const reader = stream.getReader();
  return { read: () => reader.read(), cancel: () => reader.cancel() };
}
