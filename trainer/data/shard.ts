import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { FormatError } from "../../format/errors.ts";
import type { Dataset } from "./dataset.ts";
import { plainEntries } from "./plain-entries.ts";
import type { ShardLayout } from "./shard-layout.ts";

// Encoded records on disk: shards of a few thousand records each, one after the other in a file. What follows from the
// spec is not stored: the number of a field's entries where it is always one, and their values where they are 1 or 1/n.
//
//   u32 × 4    records n, entries, stored values, CRC-32 of these three and of what follows
//   u8 × n     labels, padded with zeros to a multiple of 4
//   f32 × n    sample weights, where the log has them
//   u16 × n·R  for each record, its number of entries in each of the R fields where that varies; padded
//   u32 × words · entries   row numbers (one word), or row keys (two) until the rows are known
//   f32        the stored values

/** Records in a full shard: few, so that a shuffle buffer mixes many places of the log. */
export const SHARD_RECORDS = 16_384;
/** The four words before the labels. */
export const SHARD_HEADER_BYTES = 16;

/** What to do about a damaged file. */
const REMEDY = "delete its folder, which is then made again";

export interface Shard {
  records: number;
  labels: Uint8Array;
  weights: Float32Array | null;
  /** Entries of each field where their number varies, record by record. */
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

/** The checksum of a shard's bytes, which its header has in its fourth word. */
export function shardChecksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(SHARD_HEADER_BYTES), crc32(bytes.subarray(0, SHARD_HEADER_BYTES - 4)));
}

/** Bytes of a section of a shard, which begins at a multiple of 4. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** Reads a shard. `words`: words an entry. Throws FormatError where the file is shorter or its bytes have changed. */
export async function readShard(
  file: FileHandle,
  path: string,
  place: ShardPlace,
  layout: ShardLayout,
  words: number,
): Promise<Shard> {
  const buffer = new ArrayBuffer(place.bytes);
  const bytes = new Uint8Array(buffer);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, place.offset + done);
    if (bytesRead === 0) throw new FormatError(path, `got ${place.offset + done} bytes, expected more: ${REMEDY}`);
    done += bytesRead;
  }
  const [records = 0, entries = 0, stored = 0, checksum] = new Uint32Array(buffer, 0, 4);
  if (shardChecksum(bytes) !== checksum || records !== place.records)
    throw new FormatError(path, `got damaged bytes from ${place.offset}, expected what was written: ${REMEDY}`);
  let at = SHARD_HEADER_BYTES;
  const take = (length: number): number => {
    const start = at;
    at += padded(length);
    return start;
  };
  const varying = layout.single.filter((single) => !single).length;
  return {
    records,
    labels: new Uint8Array(buffer, take(records), records),
    weights: layout.weighted ? new Float32Array(buffer, take(4 * records), records) : null,
    counts: new Uint16Array(buffer, take(2 * records * varying), records * varying),
    words: new Uint32Array(buffer, take(4 * words * entries), words * entries),
    values: new Float32Array(buffer, take(4 * stored), stored),
  };
}

/** A shard of row keys with the rows of those keys in their place. */
export function withRows(
  shard: Shard,
  layout: ShardLayout,
  row: (field: number, lo: number, hi: number) => number,
): Shard {
  const words = new Uint32Array(shard.words.length / 2);
  let counted = 0;
  let entry = 0;
  for (let record = 0; record < shard.records; record++) {
    for (let f = 0; f < layout.fields; f++) {
      const last = entry + (layout.single[f] ? 1 : shard.counts[counted++]);
      for (; entry < last; entry++) words[entry] = row(f, shard.words[2 * entry], shard.words[2 * entry + 1]);
    }
  }
  return { ...shard, words };
}

/** Shards of rows, one after the other, as the trainer reads records. */
export function shardsToDataset(shards: readonly Shard[], layout: ShardLayout): Dataset {
  const count = shards.reduce((sum, { records }) => sum + records, 0);
  const entries = shards.reduce((sum, { words }) => sum + words.length, 0);
  const isPlain = layout.single.every(Boolean) && layout.values.every((kind) => kind === "one");
  const cells = count * layout.fields;
  const whole: Dataset = {
    count,
    labels: new Uint8Array(count),
    ...(layout.weighted && { weights: new Float32Array(count) }),
    ...(isPlain ? plainEntries(cells) : { offsets: new Uint32Array(cells + 1), values: new Float32Array(entries) }),
    rows: new Int32Array(entries),
  };
  let [record, entry] = [0, 0];
  for (const shard of shards) {
    whole.labels.set(shard.labels, record);
    if (shard.weights) whole.weights?.set(shard.weights, record);
    whole.rows.set(shard.words, entry);
    if (!isPlain) fillEntries(whole, shard, layout, record, entry);
    record += shard.records;
    entry += shard.words.length;
  }
  return whole;
}

const [ONE, MEAN, STORED] = [0, 1, 2];

/** Writes the offsets and the values of a shard, whose first record and entry are those numbers of the whole. */
function fillEntries(whole: Dataset, shard: Shard, layout: ShardLayout, firstRecord: number, firstEntry: number): void {
  const { fields } = layout;
  // As numbers, in lists of their own: this runs for every cell of the log in every epoch.
  const single = Uint8Array.from(layout.single, Number);
  const kinds = Uint8Array.from(layout.values, (kind) => (kind === "one" ? ONE : kind === "mean" ? MEAN : STORED));
  const { offsets, values } = whole;
  const { records, counts, values: storedValues } = shard;
  let cell = firstRecord * fields;
  let entry = firstEntry;
  let [counted, stored] = [0, 0];
  for (let record = 0; record < records; record++) {
    for (let f = 0; f < fields; f++) {
      const count = single[f] === 1 ? 1 : counts[counted++];
      const last = entry + count;
      const kind = kinds[f];
      if (kind === STORED) while (entry < last) values[entry++] = storedValues[stored++];
      else for (const value = kind === ONE ? 1 : 1 / count; entry < last; entry++) values[entry] = value;
      offsets[++cell] = entry;
    }
  }
}
