import { type FileHandle, open } from "node:fs/promises";
import { systemFault } from "../io/system-fault.ts";
import { padded, SHARD_HEADER_BYTES, type Shard, type ShardPlace, shardChecksum } from "./shard.ts";

/**
 * Writes shards into a new file. It holds the file open until it is finished or disposed of. Throws UserError where the
 * system refuses to write.
 */
export class ShardWriter implements AsyncDisposable {
  readonly places: ShardPlace[] = [];
  readonly #path: string;
  readonly #file: FileHandle;
  #offset = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(path: string): Promise<ShardWriter> {
    const file = await open(path, "wx").catch((error) => {
      throw systemFault(path, error);
    });
    return new ShardWriter(path, file);
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
    const header = new Uint32Array(buffer.buffer, 0, 4);
    header.set([records, entries, values.length]);
    header[3] = shardChecksum(buffer);
    await this.#try(async () => {
      for (let done = 0; done < bytes; ) done += (await this.#file.write(buffer, done)).bytesWritten;
    });
    this.places.push({ offset: this.#offset, bytes, records });
    this.#offset += bytes;
  }

  /** Ends the file; what was written is on the disk when this returns. */
  async finish(): Promise<void> {
    await this.#try(async () => {
      await this.#file.sync();
      await this.#file.close();
    });
  }

  async #try(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      throw systemFault(this.#path, error);
    }
  }

  /** Closes a file that is not finished, and leaves it as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close().catch(() => {}); // what went wrong before matters more
  }
}
