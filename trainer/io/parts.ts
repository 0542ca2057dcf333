import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FormatError } from "../../format/errors.ts";
import { readFault } from "./system-fault.ts";

// Files may be larger than what one call of the system reads or writes (2 GiB), than a buffer, and than memory.

/** Bytes that are read, written or hashed at once: enough that the number of calls does not matter. */
export const PART_BYTES = 2 ** 26;

/** The bytes of a typed array, in parts that share its memory. */
export function* partsOf(list: ArrayBufferView, partBytes = PART_BYTES): Generator<Uint8Array> {
  for (let at = 0; at < list.byteLength; at += partBytes)
    yield new Uint8Array(list.buffer, list.byteOffset + at, Math.min(partBytes, list.byteLength - at));
}

/** A file that is read where and as far as one likes. Throws FormatError where it cannot be read. */
export class FileReader implements Disposable {
  readonly path: string;
  readonly size: number;
  readonly #file: number;

  constructor(path: string) {
    this.path = path;
    this.#file = this.#system(() => openSync(path, "r"));
    this.size = this.#system(() => fstatSync(this.#file).size);
  }

  /** Fills a typed array with what follows `from`, in parts; gives each part when it is filled. */
  *fill(into: ArrayBufferView, from: number, partBytes = PART_BYTES): Generator<Uint8Array> {
    let at = from;
    for (const part of partsOf(into, partBytes)) {
      for (let done = 0; done < part.length; ) {
        const read = this.#system(() => readSync(this.#file, part, done, part.length - done, at));
        if (read === 0) throw new FormatError(this.path, `got ${at} bytes, expected more`);
        done += read;
        at += read;
      }
      yield part;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #system<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw readFault(this.path, error);
    }
  }
}
