import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { FormatError } from "../../format/errors.ts";
import type { FittedField } from "../../format/fitted-spec.ts";
import type { Dataset } from "./dataset.ts";

// Encoded records on disk, a few thousand to a shard, one shard after the other in a file. What follows from the spec is not
// written: how many entries a field has where it always has one, and their values where they are 1 or 1/n.
//
//   u32 × 4    records n, entries, stored values, CRC-32 of what follows
//   u8 × n     labels, padded with zeros to a multiple of 4
//   f32 × n    sample weights, where the log has them
//   u16 × n·R  for each record the number of entries of each of the R fields where it varies; padded
//   u32 × words · entries   row numbers (one word), or row keys (two) until the rows are known
//   f32        the stored values

/** Records in a shard: small, so that a shuffle buffer mixes many places of the log. */
export const SHARD_RECORDS = 16_384;
const HEADER_BYTES = 16;

/** What the spec says about the entries of each field. */
export interface Shape {
  fields: number;
  /** Whether records have one entry of the field, always. */
  single: readonly boolean[];
  values: readonly ("one" | "mean" | "stored")[];
  weighted: boolean;
}

export function shapeOf(fields: readonly FittedField[], weighted: boolean): Shape {
  return {
    fields: fields.length,
    single: fields.map(({ type, missing }) => type !== "multi-categorical" && missing !== "skip"),
    values: fields.map((field) => {
      if (field.type === "numeric") return field.encoding.kind === "value" ? "stored" : "one";
      return field.type === "multi-categorical" && field.pooling === "mean" ? "mean" : "one";
    }),
    weighted,
  };
}

export interface Shard {
  records: number;
  labels: Uint8Array;
  weights: Float32Array | null;
  /** Of the fields where it varies, record by record. */
  counts: Uint16Array;
  /** Row numbers, or row keys as two words each. */
  words: Uint32Array;
  values: Float32Array;
}

/** Where a shard is in its file. */
export interface ShardPlace {
  offset: number;
  bytes: number;
  records: number;
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** Writes shards into a file, as many records in each as SHARD_RECORDS. */
export class ShardWriter {
  readonly places: ShardPlace[] = [];
  readonly #file: FileHandle;
  #offset = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<ShardWriter> {
    return new ShardWriter(await open(path, "wx"));
  }

  async write({ records, labels, weights, counts, words, values }: Shard, entries: number): Promise<void> {
    const bytes =
      HEADER_BYTES +
      padded(records) +
      (weights ? 4 * records : 0) +
      padded(counts.byteLength) +
      words.byteLength +
      values.byteLength;
    const buffer = new Uint8Array(bytes);
    let at = HEADER_BYTES;
    for (const part of [labels, weights, counts, words, values]) {
      if (!part) continue;
      buffer.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += padded(part.byteLength);
    }
    new Uint32Array(buffer.buffer, 0, 4).set([records, entries, values.length, crc32(buffer.subarray(HEADER_BYTES))]);
    for (let done = 0; done < bytes; ) done += (await this.#file.write(buffer, done)).bytesWritten;
    this.places.push({ offset: this.#offset, bytes, records });
    this.#offset += bytes;
  }

  /** Ends the file; what was written is on the disk when this returns. */
  async close(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }

  /** Gives up: the file stays as it is. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
  }
}

export async function readShard(
  file: FileHandle,
  path: string,
  place: ShardPlace,
  shape: Shape,
  words: number,
): Promise<Shard> {
  const buffer = new ArrayBuffer(place.bytes);
  const bytes = new Uint8Array(buffer);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, place.offset + done);
    if (bytesRead === 0) throw new FormatError(path, `got ${place.offset + done} bytes, expected more: delete it`);
    done += bytesRead;
  }
  const [records = 0, entries = 0, stored = 0, checksum] = new Uint32Array(buffer, 0, 4);
  if (crc32(bytes.subarray(HEADER_BYTES)) !== checksum || records !== place.records)
    throw new FormatError(path, `got damaged bytes from ${place.offset}, expected what was written: delete it`);
  let at = HEADER_BYTES;
  const take = (length: number): number => {
    const start = at;
    at += padded(length);
    return start;
  };
  const varying = shape.single.filter((single) => !single).length;
  return {
    records,
    labels: new Uint8Array(buffer, take(records), records),
    weights: shape.weighted ? new Float32Array(buffer, take(4 * records), records) : null,
    counts: new Uint16Array(buffer, take(2 * records * varying), records * varying),
    words: new Uint32Array(buffer, take(4 * words * entries), words * entries),
    values: new Float32Array(buffer, take(4 * stored), stored),
  };
}

/** The same shard with rows in place of keys. */
export function withRows(shard: Shard, shape: Shape, row: (field: number, lo: number, hi: number) => number): Shard {
  const words = new Uint32Array(shard.words.length / 2);
  let counted = 0;
  let entry = 0;
  for (let record = 0; record < shard.records; record++) {
    for (let f = 0; f < shape.fields; f++) {
      const last = entry + (shape.single[f] ? 1 : shard.counts[counted++]);
      for (; entry < last; entry++) words[entry] = row(f, shard.words[2 * entry], shard.words[2 * entry + 1]);
    }
  }
  return { ...shard, words };
}

/** A shard as the trainer reads it. */
export function toDataset(shard: Shard, { fields, single, values }: Shape): Dataset {
  const { records, labels, weights, counts, words } = shard;
  const offsets = new Uint32Array(records * fields + 1);
  const all = new Float32Array(words.length);
  let counted = 0;
  let stored = 0;
  let entry = 0;
  for (let record = 0; record < records; record++) {
    for (let f = 0; f < fields; f++) {
      const count = single[f] ? 1 : counts[counted++];
      const value = values[f] === "mean" ? 1 / count : 1;
      for (const last = entry + count; entry < last; entry++)
        all[entry] = values[f] === "stored" ? shard.values[stored++] : value;
      offsets[record * fields + f + 1] = entry;
    }
  }
  const rows = new Int32Array(words.buffer, words.byteOffset, words.length);
  return { count: records, labels, ...(weights && { weights }), offsets, rows, values: all };
}
