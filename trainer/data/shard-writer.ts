import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { padded, SHARD_HEADER_BYTES, type Shard, type ShardPlace } from "./shard.ts";

/** Writes shards into a new file. It holds the file open until it is finished or disposed of. */
export class ShardWriter implements AsyncDisposable {
  readonly places: ShardPlace[] = [];
  readonly #file: FileHandle;
  #offset = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<ShardWriter> {
    return new ShardWriter(await open(path, "wx"));
  }

  /** `entries`: how many the shard has, as its words may be one or two an entry. */
  async write({ records, labels, weights, counts, words, values }: Shard, entries: number): Promise<void> {
    const bytes =
      SHARD_HEADER_BYTES +
      padded(records) +
      (weights ? 4 * records : 0) +
      padded(counts.byteLength) +
      words.byteLength +
      values.byteLength;
    const buffer = new Uint8Array(bytes);
    let at = SHARD_HEADER_BYTES;
    for (const part of [labels, weights, counts, words, values]) {
      if (!part) continue;
      buffer.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += padded(part.byteLength);
    }
    const checksum = crc32(buffer.subarray(SHARD_HEADER_BYTES));
    new Uint32Array(buffer.buffer, 0, 4).set([records, entries, values.length, checksum]);
    for (let done = 0; done < bytes; ) done += (await this.#file.write(buffer, done)).bytesWritten;
    this.places.push({ offset: this.#offset, bytes, records });
    this.#offset += bytes;
  }

  /** Ends the file; what was written is on the disk when this returns. */
  async finish(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }

  /** Closes a file that is not finished, and leaves it as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close().catch(() => {}); // what went wrong before matters more
  }
}
