// What holds for ranking once a kernel took the bytes: no trap, CALL_* codes for what is wrong, and for candidates and
// items of the catalogue the scores that the host is promised.
import type { ModelBlob } from "../../format/blob.ts";
import { checkItems } from "../../format/items.ts";
import * as abi from "../../runtime/abi.ts";
import { NO_ITEM } from "../../runtime/kernel.ts";
import { integer, pick } from "../format/random.ts";
import type { KernelExports } from "../kernel/harness.ts";
import { type RowBatch, writeBatch } from "./batch.ts";
import { expect, timed } from "./expect.ts";

type Random = () => number;

/** What a kernel makes of a batch whose record 0 is the context. */
export interface Ranking {
  /** The logits of the batch's records as candidates, then their scores. */
  candidates: Float32Array;
  /** The logits of items of the catalogue, then their scores; empty without a catalogue. */
  items: Float32Array;
  /** The record of sums that ITEMS would have of record 0; empty where the model has products or items as entries. */
  record: Uint8Array;
}

/** Numbers of a catalogue's items, now and then as many as a call may have; none without a catalogue. */
export function randomItems(itemCount: number, random: Random): Uint32Array {
  const count = itemCount === 0 ? 0 : random() < 0.02 ? abi.MAX_BATCH : integer(random, 0, 5);
  return Uint32Array.from({ length: count }, () => integer(random, 0, itemCount - 1));
}

/** Ranks with one kernel, into which `model` has just been loaded. The batch has at least one record. */
export function rankIn(exports: KernelExports, model: ModelBlob, batch: RowBatch, items: Uint32Array): Ranking {
  const { records } = batch;
  const rowCount = model.sides.length + model.keys.length / 2;
  const is = (name: string, call: () => number, expected: number): void => {
    const code = timed(name, call);
    expect(code === expected, `${name} gives ${code}, expected ${expected}`);
  };
  writeBatch(exports, batch, rowCount);
  is("scoreCandidates before a context", () => exports.scoreCandidates(records), abi.CALL_NO_CONTEXT);
  is("scoreContext", () => exports.scoreContext(), abi.CALL_OK);
  is("scoreCandidates", () => exports.scoreCandidates(records), abi.CALL_OK);
  const candidates = scoresOf(exports, records);

  const numbers = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), abi.MAX_BATCH);
  numbers.set(items);
  const asSums = model.items.entries === undefined || model.items.keys.length === 0;
  is("scoreItems", () => exports.scoreItems(items.length), asSums ? abi.CALL_OK : abi.CALL_NO_ITEMS);
  const scores = scoresOf(exports, items.length);

  const withoutSums = model.products !== 0 || model.items.entries !== undefined;
  writeBatch(exports, batch, rowCount);
  is("precomputeItem", () => exports.precomputeItem(), withoutSums ? abi.CALL_NO_ITEMS : abi.CALL_OK);
  const record = new Uint8Array(exports.memory.buffer, exports.itemRecordAddress(), exports.itemBytes()).slice();
  if (!withoutSums) is("scoreItems after precomputeItem", () => exports.scoreItems(0), abi.CALL_NO_CONTEXT);
  return { candidates, items: scores, record };
}

/** Logits, then scores. */
export function scoresOf(exports: KernelExports, count: number): Float32Array {
  const { buffer } = exports.memory;
  const scores = new Float32Array(2 * count);
  scores.set(new Float32Array(buffer, exports.logitsAddress(), count));
  scores.set(new Float32Array(buffer, exports.scoresAddress(), count), count);
  return scores;
}

/** Checks that every item is found by its key, and a key that is not in the catalogue is not found. */
export function expectItemsFound(exports: KernelExports, { items: { keys } }: ModelBlob): void {
  const count = Math.min(keys.length / 2, abi.MAX_ENTRIES - 1);
  const buffer = new Uint32Array(exports.memory.buffer, exports.keysAddress(), 2 * count + 2);
  buffer.set(keys.subarray(0, 2 * count));
  buffer.fill(0, 2 * count);
  const code = timed("lookupItems", () => exports.lookupItems(count + 1));
  expect(code === abi.CALL_OK, `lookupItems returns ${code}`);
  const found = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), count + 1);
  expect(
    found.every((item, i) => item === (i < count ? i : NO_ITEM)),
    `${count} items, and keys that are not found`,
  );
}

/** Checks that readers take a record that a kernel has computed, where nothing can overflow. */
export function expectRecord(record: Uint8Array, model: ModelBlob): void {
  if (record.length > 0) checkItems({ field: 0, keys: Uint32Array.of(1, 0), records: record }, model);
}

/** Checks that calls with item numbers that are not there, and with a batch that was spoilt, end with a code. */
export function expectRefusals(
  exports: KernelExports,
  { items, sides }: ModelBlob,
  { records }: RowBatch,
  spoilt: number,
  random: Random,
): void {
  const codes = [abi.CALL_OK, abi.CALL_BAD_COUNT, abi.CALL_BAD_OFFSETS, abi.CALL_BAD_ADDRESS, abi.CALL_NO_ITEMS];
  for (const name of ["precomputeItem", "scoreContext"] as const) {
    const code = timed(name, () => exports[name]());
    expect(codes.includes(code), `${name} of a spoilt batch gives ${code}`);
  }
  const code = timed("scoreCandidates", () => exports.scoreCandidates(records));
  const right = spoilt === abi.CALL_OK ? [abi.CALL_OK, abi.CALL_NO_CONTEXT] : [spoilt];
  expect(right.includes(code), `candidates of a spoilt batch give ${code}, expected ${right}`);

  new Uint32Array(exports.memory.buffer, exports.offsetsAddress(), sides.length + 1).fill(0);
  expect(exports.scoreContext() === abi.CALL_OK, "an empty context is refused");
  const count = items.keys.length / 2;
  const numbers = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), 2);
  numbers.set([0, pick(random, [count, count + 1, 2 ** 28, 0x80000000, NO_ITEM])]);
  const item = timed("scoreItems", () => exports.scoreItems(2));
  const refusal = items.entries && count > 0 ? abi.CALL_NO_ITEMS : abi.CALL_BAD_ADDRESS;
  expect(item === refusal, `items that are not there give ${item}`);
  expect(exports.scoreItems(abi.MAX_BATCH + 1) === abi.CALL_BAD_COUNT, "more items than a call may have");
  expect(exports.lookupItems(abi.MAX_ENTRIES + 1) === abi.CALL_BAD_COUNT, "more keys than a call may have");
}
