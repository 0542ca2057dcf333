import { BREAK_OFF_MS } from "../limits.ts";

/** The body of an origin's answer, part by part. */
export class OriginBody {
  readonly #bytes: ReadableStreamBYOBReader | null;
  readonly #chunks: ReadableStreamDefaultReader<Uint8Array> | null;
  readonly #onPart: () => void;
  #isEmpty = true;

  /** `onPart` is called with each part that has arrived. */
  constructor(body: ReadableStream, onPart = () => {}) {
    this.#onPart = onPart;
    this.#bytes = byobReader(body);
    this.#chunks = this.#bytes ? null : body.getReader();
  }

  /** What has arrived, at least a byte and at most `size`; null at the end. Rejects where the origin breaks off. */
  async read(size: number): Promise<Uint8Array | null> {
    try {
      for (;;) {
        const { value, done } = this.#bytes
          ? await this.#bytes.readAtLeast(1, new Uint8Array(size))
          : await (this.#chunks as ReadableStreamDefaultReader<Uint8Array>).read();
        if (value && value.length > 0) {
          this.#isEmpty = false;
          this.#onPart();
          return value;
        }
        if (done) return null;
      }
    } catch (error) {
      if (this.#isEncodingsEnd(String(error))) return null;
      throw error;
    }
  }

  /**
   * Whether an encoding is cut, even to nothing, or has bytes after its end, by what the runtime says of that. As in
   * browsers, what was decoded is the answer. Where its connection broke off, the runtime says something else.
   */
  #isEncodingsEnd(error: string): boolean {
    return error.includes("ended prematurely") || (!this.#isEmpty && error.includes("decompression failed"));
  }

  /** Tells the origin that nobody reads any more. */
  cancel(reason: unknown): void {
    (this.#bytes ?? this.#chunks)?.cancel(reason).catch(() => {});
  }
}

/** Null for a stream whose chunks a program made. */
function byobReader(body: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** Ends an answer before its end, as the origin has. What was written of it is on its way by then. Never rejects. */
export async function breakOff(out: WritableStreamDefaultWriter, reason: unknown): Promise<void> {
  await scheduler.wait(BREAK_OFF_MS);
  await out.abort(reason).catch(() => {});
}
