/** Bytes of a block that short chunks are gathered in: an origin may send byte by byte. */
const BLOCK_BYTES = 16 * 2 ** 10;

interface Chunk {
  bytes: Uint8Array;
  /** The position of its first byte. */
  start: number;
}

/** The bytes of an answer that the origin has sent and the visitor has not been sent yet, by their positions in it. */
export class HeldBytes {
  #chunks: Chunk[] = [];
  #start = 0;
  #end = 0;
  /** Of the last chunk, where it is a block: the bytes behind it that are free. */
  #room: Uint8Array = EMPTY;
  /** The index of the chunk that was looked at last. */
  #index = 0;

  /** The position of the first byte that is held. */
  get start(): number {
    return this.#start;
  }

  /** The position after the last one. */
  get end(): number {
    return this.#end;
  }

  get size(): number {
    return this.#end - this.#start;
  }

  /** A long chunk becomes its own, a short one is copied. */
  append(chunk: Uint8Array): void {
    if (chunk.length > BLOCK_BYTES / 4) {
      this.#chunks.push({ bytes: chunk, start: this.#end });
      this.#room = EMPTY;
    } else if (chunk.length > 0) {
      if (this.#room.length < chunk.length) this.#room = new Uint8Array(BLOCK_BYTES);
      this.#room.set(chunk);
      this.#addToBlock(this.#room.subarray(0, chunk.length));
      this.#room = this.#room.subarray(chunk.length);
    }
    this.#end += chunk.length;
  }

  #addToBlock(added: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (last && last.bytes.buffer === added.buffer && last.bytes.byteOffset + last.bytes.length === added.byteOffset)
      last.bytes = new Uint8Array(added.buffer, last.bytes.byteOffset, last.bytes.length + added.length);
    else this.#chunks.push({ bytes: added, start: this.#end });
  }

  /** Lets go of the bytes before the position `to`, and returns them, in chunks. */
  take(to: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let chunks = 0;
    while (this.#start < to) {
      const chunk = this.#chunks[chunks] as Chunk;
      const part = chunk.bytes.subarray(0, to - this.#start);
      taken.push(part);
      this.#start += part.length;
      if (part.length === chunk.bytes.length) chunks++;
      else this.#chunks[chunks] = { bytes: chunk.bytes.subarray(part.length), start: this.#start };
    }
    this.#chunks.splice(0, chunks);
    this.#index = 0;
    return taken;
  }

  /** The byte at the position `at`; undefined where it is not held. */
  byte(at: number): number | undefined {
    const chunk = this.#chunkOf(at);
    return chunk?.bytes[at - chunk.start];
  }

  /** Whether the bytes from the position `at` on are those of `bytes` from `from` to `to`. */
  has(bytes: Uint8Array, from: number, to: number, at: number): boolean {
    let i = from;
    while (i < to) {
      const chunk = this.#chunkOf(at + i - from);
      if (!chunk) return false;
      // From an index of `bytes` to one of the chunk's.
      const offset = at - from - chunk.start;
      const held = chunk.bytes;
      const end = Math.min(to, held.length - offset);
      if (i >= end) return false;
      for (; i < end; i++) if (held[offset + i] !== bytes[i]) return false;
    }
    return true;
  }

  /** The chunk that has the byte at a position. What is asked for is mostly near what was asked for last. */
  #chunkOf(at: number): Chunk | undefined {
    const chunks = this.#chunks;
    while (this.#index > 0 && at < (chunks[this.#index] as Chunk).start) this.#index--;
    while (at >= (chunks[this.#index + 1]?.start ?? Number.POSITIVE_INFINITY)) this.#index++;
    return chunks[this.#index];
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);

/** Chunks as one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
