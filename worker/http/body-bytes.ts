import { MAX_BODY_BYTES } from "../limits.ts";

/** The bytes of a body while they arrive. Their memory is given back at once, not when the engine next collects. */
export class BodyBytes implements Disposable {
  #bytes: Uint8Array<ArrayBuffer>;
  #size: number;

  /** `buffer` becomes its own; the first `size` bytes of it have arrived. Default: all of them. */
  constructor(buffer: ArrayBuffer, size = buffer.byteLength) {
    this.#bytes = new Uint8Array(buffer);
    this.#size = size;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** How many there is memory for. */
  get room(): number {
    return this.#bytes.length;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size);
  }

  /** The room that is needed for `more` bytes: twice as much, if there is not enough. */
  roomFor(more: number): number {
    const needed = this.#size + more;
    return needed <= this.room ? this.room : Math.min(MAX_BODY_BYTES, Math.max(needed, 2 * this.room));
  }

  append(part: Uint8Array): void {
    const room = this.roomFor(part.length);
    if (room > this.room) this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(room));
    this.#bytes.set(part, this.#size);
    this.#size += part.length;
  }

  [Symbol.dispose](): void {
    if (this.room === 0) return;
    this.#size = 0;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(0));
  }
}
