/**
 * A stream's bytes in parts of `size`, the last one shorter, each in the same buffer and so to be used before the next. A stream's
 * own chunks have 4 KiB, and each takes longer to ask for than to read: of 300 KB of JSON three quarters of the time. A stream that
 * a program made out of chunks of its own comes as those.
 */
export async function* readParts(stream: ReadableStream, size: number): AsyncGenerator<Uint8Array> {
  const reader = byteReader(stream);
  if (!reader) return yield* stream;
  let buffer = new ArrayBuffer(size);
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(size, new Uint8Array(buffer));
      if (value) yield value;
      if (done) return;
      buffer = value.buffer;
    }
  } finally {
    await reader.cancel();
  }
}

/** Null for a stream that cannot fill a buffer. */
function byteReader(stream: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
