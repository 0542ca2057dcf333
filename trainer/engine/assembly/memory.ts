import { UserError } from "../../errors.ts";

/** All that 32-bit addresses reach, in pages of 64 KiB; assembly/train is built for it. */
const MAX_PAGES = 65536;
const PAGE_BYTES = 65536;
const CACHE_LINE = 64;
/** What the system gives at a time at least. */
const SYSTEM_PAGE_BYTES = 4096;

/**
 * The linear memory that an engine computes in. It is handed out from its beginning on, and what was handed out last
 * can be taken back. It is shared, so that its arrays stay what they are when it grows, and threads can work on it.
 */
export class LinearMemory {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
  /** Called before it grows. */
  onGrow: () => void = () => {};
  /** What the memory's arrays are over: another object after each growth, of the same memory. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  /** The first address that has not been handed out. Address 0 is never, as it stands for nothing. */
  #end = CACHE_LINE;
  /** The first address that was never handed out: what lies beyond is 0. */
  #fresh = CACHE_LINE;
  /** Where zeros were handed out that may not have been written to. */
  #unwritten: { from: number; to: number }[] = [];

  get end(): number {
    return this.#end;
  }

  /**
   * The address of so many bytes, at the beginning of a cache line. Throws UserError where 4 GiB do not hold them, or
   * the machine has no more.
   */
  allocate(bytes: number): number {
    const address = this.#end;
    const end = Math.ceil((address + bytes) / CACHE_LINE) * CACHE_LINE;
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (end > MAX_PAGES * PAGE_BYTES) throw noRoom(end, `expected at most ${MAX_PAGES * PAGE_BYTES}`);
    if (missing > 0) this.#grow(missing, end);
    this.#end = end;
    this.#fresh = Math.max(this.#fresh, end);
    return address;
  }

  /** As `allocate`, and every byte is 0. The system finds room for fresh pages when they are first written to. */
  allocateZeros(bytes: number): number {
    const used = this.#fresh;
    const address = this.allocate(bytes);
    const dirty = Math.min(used, address + bytes) - address;
    if (dirty > 0) new Uint8Array(this.#buffer, address, dirty).fill(0);
    if (used < address + bytes) this.#unwritten.push({ from: Math.max(used, address), to: address + bytes });
    return address;
  }

  /**
   * Has the system find room now for all zeros that were handed out, and leaves what has been written there. It takes
   * about a microsecond a page. Without it a step waits for that wherever it is the first to write to a page: with a
   * large table, at most of its rows.
   */
  populate(): void {
    for (const { from, to } of this.#unwritten) {
      const words = this.integers(from, (to - from) / 4);
      for (let i = 0; i < words.length; i += SYSTEM_PAGE_BYTES / 4) Atomics.or(words, i, 0);
    }
    this.#unwritten = [];
  }

  #grow(pages: number, end: number): void {
    this.onGrow();
    try {
      this.memory.grow(pages);
    } catch (error) {
      if (error instanceof RangeError) throw noRoom(end, "and the system gives no more memory");
      throw error;
    }
  }

  /** The address of so many numbers of four bytes. */
  allocateNumbers(count: number): number {
    return this.allocate(4 * count);
  }

  /** Takes back all from an address on, an earlier `end`. */
  release(end: number): void {
    this.#end = end;
  }

  /** The float32 numbers at an address. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#buffer, address, length);
  }

  /** The 32-bit integers at an address. */
  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.#buffer, address, length);
  }

  /** Whether an array is one of this memory's. */
  owns({ buffer }: Float32Array | Int32Array | Uint32Array): boolean {
    return this.#buffers.has(buffer);
  }

  get #buffer(): ArrayBufferLike {
    const { buffer } = this.memory;
    this.#buffers.add(buffer);
    return buffer;
  }
}

function noRoom(bytes: number, expected: string): UserError {
  return new UserError(
    `got a training step of ${bytes} bytes, ${expected}: a smaller training.batchSize takes less, and --engine tfjs has ` +
      "no such limit",
  );
}
