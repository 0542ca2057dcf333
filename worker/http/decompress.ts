import type { Deadline } from "./promises.ts";
import { readParts } from "./read-parts.ts";

export type Encoding = "gzip" | "deflate";

/**
 * Bytes that are decompressed at a time. The runtime decompresses all that it is given before any of it is read: with
 * 64 KiB at a time, 64 clients that each send half a megabyte of compressed zeros took a gigabyte.
 */
const COMPRESSED_BYTES = 256;

/** How many bytes DEFLATE makes of one at most: 258 of two bits. */
const MAX_RATIO = 1032;

/** Bytes of memory that decompressing a body takes beside what is read of it. */
export const DECOMPRESSION_BYTES = COMPRESSED_BYTES * MAX_RATIO;

/** Bytes of a compressed body that are read at a time. */
const PART_BYTES = 2 ** 14;

/**
 * Yields what a body decompresses to, in parts of at most `size` bytes, each of which is to be used before the next is
 * asked for. Nothing is decompressed while anything is left to read, as the runtime would let that pile up. Throws the
 * stream's error where the body breaks off or is not of this encoding.
 */
export async function* decompressedParts(
  body: ReadableStream,
  encoding: Encoding,
  size: number,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream(encoding);
  const writer = writable.getWriter();
  const output = new Output(readable, size);
  try {
    for await (const part of readParts(body, PART_BYTES, deadline)) {
      for (let at = 0; at < part.length; at += COMPRESSED_BYTES) {
        const written = handled(writer.write(part.slice(at, at + COMPRESSED_BYTES)));
        yield* output.allAfter(written);
        await written;
      }
    }
    const closed = handled(writer.close());
    yield* output.rest();
    await closed;
  } finally {
    output.cancel();
    writer.abort().catch(() => {});
  }
}

/** The readable end, one read ahead. */
class Output {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #size: number;
  #read: Promise<ReadableStreamReadResult<Uint8Array>>;

  constructor(readable: ReadableStream, size: number) {
    this.#reader = readable.getReader({ mode: "byob" });
    this.#size = size;
    this.#read = this.#next(new ArrayBuffer(size));
  }

  #next(buffer: ArrayBufferLike): Promise<ReadableStreamReadResult<Uint8Array>> {
    return handled(this.#reader.read(new Uint8Array(buffer as ArrayBuffer)));
  }

  /** All that is there once something was written. A read that is not filled has taken all. */
  async *allAfter(written: Promise<void>): AsyncGenerator<Uint8Array> {
    const nothing = written.then(() => null);
    for (;;) {
      const got = (await Promise.race([this.#read, nothing])) ?? (await Promise.race([this.#read, nextTurn()]));
      // Without any output yet, the read waits for what the next bytes become.
      if (got === null || got.done) return;
      const { length, buffer } = got.value;
      yield got.value;
      this.#read = this.#next(buffer);
      if (length < this.#size) return;
    }
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { value, done } = await this.#read;
      if (done) return;
      yield value;
      this.#read = this.#next(value.buffer);
    }
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

/** Null when all that is under way has been noticed. */
function nextTurn(): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, 0, null));
}

/** The same promise, whose rejection may stay unseen: another one tells of the same fault. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
