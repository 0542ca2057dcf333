import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import type { KernelBatch } from "../../../runtime/kernel.ts";
import { batchOf, instantiate, KERNELS, loadInto, scoreIn } from "../../../testing/kernel/harness.ts";
import { randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { DOUBT } from "./approximate.ts";
import { referenceLogit } from "./reference.ts";

// Rows of 12 = 3 · 2² bytes, so that the check of row addresses (rows.ts) has both an odd factor and a power of two.
const FIELDS = 3;
const BLOB = writeBlob(randomModel({ fields: FIELDS, embeddingDim: 2, hidden: [8], hotRows: 200 }));
const MODEL = readBlob(BLOB);
const RECORDS = randomRecords(MODEL, abi.MAX_BATCH, 5);

describe.each(KERNELS)("$name", (kernel) => {
  const exports = instantiate(kernel);
  loadInto(exports, BLOB);
  const rows = exports.rowsAddress();
  const rowBytes = exports.rowBytes();
  const good = (records = 2): KernelBatch => batchOf(RECORDS.slice(0, records), rows, rowBytes);
  const floats = (address: number, length: number): Float32Array =>
    new Float32Array(exports.memory.buffer, address, length);

  it("does nothing before a blob is loaded", () => {
    const empty = instantiate(kernel);
    expect(empty.lookup(0)).toBe(abi.CALL_NOT_LOADED);
    expect(empty.score(0)).toBe(abi.CALL_NOT_LOADED);
    empty.reserve(BLOB.length);
    expect(empty.score(0)).toBe(abi.CALL_NOT_LOADED);
  });

  it("scores no records, and as many as a batch has", () => {
    expect(scoreIn(exports, 0, { ...good(), offsets: Uint32Array.of(0) })).toBe(abi.CALL_OK);
    expect(scoreIn(exports, abi.MAX_BATCH, good(abi.MAX_BATCH))).toBe(abi.CALL_OK);
  });

  it("refuses more records, keys or entries than a call may have", () => {
    expect(scoreIn(exports, abi.MAX_BATCH + 1, good(abi.MAX_BATCH))).toBe(abi.CALL_BAD_COUNT);
    expect(scoreIn(exports, -1, good())).toBe(abi.CALL_BAD_COUNT);
    expect(exports.lookup(abi.MAX_ENTRIES + 1)).toBe(abi.CALL_BAD_COUNT);
    expect(exports.lookup(-1)).toBe(abi.CALL_BAD_COUNT);
    const offsets = (last: number): KernelBatch => ({ ...good(), offsets: Uint32Array.of(0, 0, 0, last) });
    expect(scoreIn(exports, 1, offsets(abi.MAX_ENTRIES + 1))).toBe(abi.CALL_BAD_COUNT);
    expect(scoreIn(exports, 1, offsets(2 ** 32 - 1))).toBe(abi.CALL_BAD_COUNT);
  });

  it("refuses offsets that do not ascend from 0", () => {
    const offsets = (...numbers: number[]): KernelBatch => ({ ...good(), offsets: Uint32Array.from(numbers) });
    expect(scoreIn(exports, 0, offsets(1))).toBe(abi.CALL_BAD_OFFSETS);
    expect(scoreIn(exports, 1, offsets(1, 1, 1, 1))).toBe(abi.CALL_BAD_OFFSETS);
    expect(scoreIn(exports, 1, offsets(0, 2, 1, 3))).toBe(abi.CALL_BAD_OFFSETS);
    expect(scoreIn(exports, 1, offsets(0, 2 ** 32 - 1, 2, 3))).toBe(abi.CALL_BAD_OFFSETS);
    expect(scoreIn(exports, 1, offsets(0, 1, 2, 0))).toBe(abi.CALL_BAD_OFFSETS);
  });

  it("refuses every address near the rows and the arena but their rows", () => {
    const check = (base: number, count: number): void => {
      const ends = [base, base + count * rowBytes];
      for (const end of ends) {
        for (let address = end - 3 * rowBytes; address <= end + 3 * rowBytes; address++) {
          const row = (address - base) / rowBytes;
          const expected = Number.isInteger(row) && row >= 0 && row < count ? abi.CALL_OK : abi.CALL_BAD_ADDRESS;
          const batch = { ...good(), offsets: Uint32Array.of(0, 1, 1, 1), addresses: Uint32Array.of(address) };
          expect(scoreIn(exports, 1, batch), `${address - base}`).toBe(expected);
        }
      }
    };
    check(rows, FIELDS + 200);
    check(exports.arenaAddress(), abi.ARENA_ROWS);
  });

  it("refuses address 0, those that wrap, and a bad last one", () => {
    for (const address of [0, 4, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 12]) {
      const batch = good();
      batch.addresses[batch.addresses.length - 1] = address;
      expect(scoreIn(exports, 2, batch)).toBe(abi.CALL_BAD_ADDRESS);
    }
    expect(scoreIn(exports, 2, good())).toBe(abi.CALL_OK);
  });

  it("scores rows in the arena as the same rows in the blob", () => {
    expect(scoreIn(exports, 4, good(4))).toBe(abi.CALL_OK);
    const fromBlob = floats(exports.logitsAddress(), 4).slice();
    const batch = good(4);
    const memory = new Uint8Array(exports.memory.buffer);
    batch.addresses.forEach((address, i) => {
      const place = exports.arenaAddress() + (abi.ARENA_ROWS - 1 - i) * rowBytes;
      memory.copyWithin(place, address, address + rowBytes);
      batch.addresses[i] = place;
    });
    expect(scoreIn(exports, 4, batch)).toBe(abi.CALL_OK);
    expect(floats(exports.logitsAddress(), 4)).toEqual(fromBlob);
  });

  it("scores as many entries as a call may have", () => {
    const records = randomRecords(MODEL, 4, 11).map((record) => record.map((field) => field.slice(0, 0)));
    const many = Array.from({ length: c.MAX_RECORD_ENTRIES }, (_, i) => ({ row: i % 203, value: (i % 7) / 2048 }));
    for (const record of records) record[1] = many;
    expect(scoreIn(exports, 4, batchOf(records, rows, rowBytes))).toBe(abi.CALL_OK);
    for (const logit of floats(exports.logitsAddress(), 4)) {
      const { value, error } = referenceLogit(MODEL, records[0] ?? []);
      expect(Math.abs(logit - value)).toBeLessThan(DOUBT * error);
    }
  });

  it("finds every key of the blob at its row, and no other", () => {
    const keys = new Uint32Array(exports.memory.buffer, exports.keysAddress(), 2 * abi.MAX_ENTRIES);
    const addresses = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), abi.MAX_ENTRIES);
    const hot = MODEL.keys.length / 2;
    keys.set(MODEL.keys);
    expect(exports.lookup(hot)).toBe(abi.CALL_OK);
    expect(Array.from(addresses.subarray(0, hot))).toEqual(
      Array.from({ length: hot }, (_, i) => rows + (FIELDS + i) * rowBytes),
    );
    for (const [lo, hi] of [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ] as const) {
      keys.set(MODEL.keys.map((word, i) => word + (i % 2 === 0 ? lo : hi)));
      expect(exports.lookup(hot)).toBe(abi.CALL_OK);
      expect(addresses.subarray(0, hot).every((address) => address === 0)).toBe(true);
    }
    keys.set([0, 0, 2 ** 32 - 1, 2 ** 32 - 1]);
    expect(exports.lookup(2)).toBe(abi.CALL_OK);
    expect(Array.from(addresses.subarray(0, 2))).toEqual([0, 0]);
  });

  it("finds keys that all fall into one bucket, and none in a blob without keys", () => {
    const keys = Uint32Array.from({ length: 2 * 100 }, (_, i) => (i % 2 === 0 ? i + 1 : 7));
    const crowded = { ...randomModel({ fields: 1, embeddingDim: 4, hotRows: 100 }), keys };
    const other = instantiate(kernel);
    expect(loadInto(other, writeBlob(crowded))).toBe(abi.LOAD_OK);
    const buffer = (): Uint32Array => new Uint32Array(other.memory.buffer, other.keysAddress(), keys.length);
    const addresses = (): Uint32Array => new Uint32Array(other.memory.buffer, other.rowAddresses(), 100);
    buffer().set(keys);
    expect(other.lookup(100)).toBe(abi.CALL_OK);
    expect(Array.from(addresses())).toEqual(Array.from({ length: 100 }, (_, i) => other.rowsAddress() + 12 * (1 + i)));

    expect(loadInto(other, writeBlob(randomModel({ fields: 1, embeddingDim: 4, hotRows: 0 })))).toBe(abi.LOAD_OK);
    buffer().set(keys);
    expect(other.lookup(100)).toBe(abi.CALL_OK);
    expect(addresses().every((address) => address === 0)).toBe(true);
  });

  it("turns logits into probabilities: 1 / (1 + e^−x) within 3 ULP", () => {
    const other = instantiate(kernel);
    for (const x of [-200, -100, -88.7, -87, -20, -5, -1, -1e-3, 0, 1e-3, 0.5, 1, 3, 10, 17, 50, 100]) {
      const bias = Math.fround(x);
      const model = { ...randomModel({ fields: 1, embeddingDim: 1, hotRows: 0, terms: c.TERM_LINEAR }), bias };
      expect(loadInto(other, writeBlob(model))).toBe(abi.LOAD_OK);
      expect(scoreIn(other, 1, { ...good(), offsets: Uint32Array.of(0, 0), addresses: new Uint32Array(0) })).toBe(0);
      expect(new Float32Array(other.memory.buffer, other.logitsAddress(), 1)[0]).toBe(bias);
      const [score = Number.NaN] = new Float32Array(other.memory.buffer, other.scoresAddress(), 1);
      const expected = 1 / (1 + Math.exp(-bias));
      // Below the smallest normal float32, 2⁻¹²⁶, e^−x overflows to infinity and the score is 0.
      expect(Math.abs(score - expected)).toBeLessThanOrEqual(Math.max(3 * 2 ** -24 * expected, 2 ** -126));
    }
  });
});
