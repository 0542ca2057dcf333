/** Bytes of a block that short chunks are gathered in: an origin may send byte by byte. */
const BLOCK_BYTES = 16 * 2 ** 10;

/** The bytes of an answer that the origin has sent and the visitor has not been sent yet, by their positions in it. */
export class HeldBytes {
  #chunks: Uint8Array[] = [];
  #start = 0;
  #end = 0;
  /** Of the last chunk, where it is a block: the bytes behind it that are free. */
  #room: Uint8Array = EMPTY;

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
    this.#end += chunk.length;
    if (chunk.length > BLOCK_BYTES / 4) {
      this.#chunks.push(chunk);
      this.#room = EMPTY;
    } else if (chunk.length > 0) {
      if (this.#room.length < chunk.length) this.#room = new Uint8Array(BLOCK_BYTES);
      this.#room.set(chunk);
      this.#addToBlock(this.#room.subarray(0, chunk.length));
      this.#room = this.#room.subarray(chunk.length);
    }
  }

  #addToBlock(added: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (last && last.buffer === added.buffer && last.byteOffset + last.length === added.byteOffset)
      this.#chunks[this.#chunks.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + added.length);
    else this.#chunks.push(added);
  }

  /** Lets go of the bytes before the position `to`, and returns them, in chunks. */
  take(to: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let chunks = 0;
    while (this.#start < to) {
      const chunk = this.#chunks[chunks] as Uint8Array;
      const part = chunk.subarray(0, to - this.#start);
      taken.push(part);
      this.#start += part.length;
      if (part.length === chunk.length) chunks++;
      else this.#chunks[chunks] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, chunks);
    return taken;
  }

  /** Whether the bytes from the position `at` on, which is held, are these. */
  has(bytes: Uint8Array, at: number): boolean {
    let position = this.#start;
    let compared = 0;
    for (const chunk of this.#chunks) {
      if (compared === bytes.length) return true;
      const from = at + compared - position;
      position += chunk.length;
      if (from >= chunk.length) continue;
      const length = Math.min(chunk.length - from, bytes.length - compared);
      for (let i = 0; i < length; i++) if (chunk[from + i] !== bytes[compared + i]) return false;
      compared += length;
    }
    return compared === bytes.length;
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
