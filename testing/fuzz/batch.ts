// Batches as a host writes them into a kernel's buffers: right ones, and ones with an offset or an address that is
// wrong.
import * as abi from "../../runtime/abi.ts";
import { integer, pick } from "../format/random.ts";
import type { KernelExports } from "../kernel/harness.ts";

type Random = () => number;

/** How many rows of the arena batches use. */
const ARENA_SLOTS = 4;

/**
 * A batch whose entries name rows by number: first the rows of the blob, then ARENA_SLOTS rows of the arena. So it fits
 * every kernel.
 */
export interface RowBatch {
  records: number;
  offsets: Uint32Array;
  rows: Uint32Array;
  values: Float32Array;
}

/** A batch of up to 5 records, or now and then of MAX_BATCH, with no entry to a few in each field. */
export function randomBatch(fields: number, rowCount: number, random: Random): RowBatch {
  const records = random() < 0.02 ? abi.MAX_BATCH : integer(random, 0, 5);
  const offsets = new Uint32Array(records * fields + 1);
  for (let i = 1; i < offsets.length; i++) {
    offsets[i] = offsets[i - 1] + (random() < 0.8 ? 1 : pick(random, [0, 0, 2, 3, 5]));
  }
  const entries = offsets.at(-1) as number;
  return {
    records,
    offsets,
    rows: Uint32Array.from({ length: entries }, () => integer(random, 0, rowCount + ARENA_SLOTS - 1)),
    values: Float32Array.from({ length: entries }, () => (random() < 0.6 ? 1 : random() < 0.9 ? 4 * random() - 2 : 0)),
  };
}

/** The largest Σ |value| of each field over the batch's records. */
export function valueSums({ records, offsets, values }: RowBatch, fields: number): Float64Array {
  const sums = new Float64Array(fields);
  for (let cell = 0; cell < records * fields; cell++) {
    let sum = 0;
    for (let i = offsets[cell]; i < offsets[cell + 1]; i++) sum += Math.abs(values[i]);
    sums[cell % fields] = Math.max(sums[cell % fields], sum);
  }
  return sums;
}

/** The address of a row of a batch in a kernel's memory. */
function addressOf(exports: KernelExports, rowCount: number, row: number): number {
  const bytes = exports.rowBytes();
  return row < rowCount ? exports.rowsAddress() + row * bytes : exports.arenaAddress() + (row - rowCount) * bytes;
}

/** Writes a batch into a kernel's buffers. The arena's rows are copies of the blob's first ones. */
export function writeBatch(exports: KernelExports, batch: RowBatch, rowCount: number): void {
  const memory = new Uint8Array(exports.memory.buffer);
  for (let slot = 0; slot < ARENA_SLOTS; slot++) {
    const from = addressOf(exports, rowCount, slot % rowCount);
    memory.copyWithin(addressOf(exports, rowCount, rowCount + slot), from, from + exports.rowBytes());
  }
  const { buffer } = exports.memory;
  new Uint32Array(buffer, exports.offsetsAddress(), batch.offsets.length).set(batch.offsets);
  new Float32Array(buffer, exports.valuesAddress(), batch.values.length).set(batch.values);
  const addresses = new Uint32Array(buffer, exports.rowAddresses(), batch.rows.length);
  batch.rows.forEach((row, i) => {
    addresses[i] = addressOf(exports, rowCount, row);
  });
}

/**
 * Spoils the batch in a kernel's buffers, in one place. Returns the CALL_* code that it must be refused with, or
 * CALL_OK where what was written is right by chance.
 */
export function spoilBatch(
  exports: KernelExports,
  batch: RowBatch,
  fields: number,
  rowCount: number,
  random: Random,
): number {
  const { buffer } = exports.memory;
  const cells = batch.records * fields;
  const offsets = new Uint32Array(buffer, exports.offsetsAddress(), cells + 1);
  const entries = batch.rows.length;
  const addresses = new Uint32Array(buffer, exports.rowAddresses(), abi.MAX_ENTRIES);
  const bytes = exports.rowBytes();
  if (entries > 0 && random() < 0.6) {
    const at = integer(random, 0, entries - 1);
    const ends = [addressOf(exports, rowCount, 0), addressOf(exports, rowCount, rowCount - 1), exports.arenaAddress()];
    const near = pick(random, ends) + pick(random, [-bytes, -4, -1, 1, 4, bytes, bytes * abi.ARENA_ROWS]);
    addresses[at] = pick(random, [0, 1, 4, 0xffffffff, buffer.byteLength, near, near, random() * 2 ** 32]);
    return isRow(exports, addresses[at], rowCount) ? abi.CALL_OK : abi.CALL_BAD_ADDRESS;
  }
  const at = integer(random, 0, cells);
  const old = offsets[at];
  offsets[at] = pick(random, [
    old + 1,
    old - 1,
    0xffffffff,
    0x80000000,
    abi.MAX_ENTRIES,
    abi.MAX_ENTRIES + 1,
    random() * 2 ** 32,
  ]);
  if (offsets[0] !== 0 || offsets.some((offset, i) => i > 0 && offset < offsets[i - 1])) return abi.CALL_BAD_OFFSETS;
  const last = offsets[cells];
  if (last > abi.MAX_ENTRIES) return abi.CALL_BAD_COUNT;
  return addresses.subarray(0, last).every((address) => isRow(exports, address, rowCount))
    ? abi.CALL_OK
    : abi.CALL_BAD_ADDRESS;
}

function isRow(exports: KernelExports, address: number, rowCount: number): boolean {
  const within = (start: number, count: number): boolean => {
    const row = (address - start) / exports.rowBytes();
    return Number.isInteger(row) && row >= 0 && row < count;
  };
  return within(exports.rowsAddress(), rowCount) || within(exports.arenaAddress(), abi.ARENA_ROWS);
}
