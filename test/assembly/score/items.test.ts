import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import { Kernel, NO_ITEM } from "../../../runtime/kernel.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import {
  BlobScorer,
  batchOf,
  instantiate,
  KERNELS,
  loadInto,
  type TestKernel,
} from "../../../testing/kernel/harness.ts";
import { randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { DOUBT } from "./approximate.ts";
import { CASES } from "./cases.ts";
import { referenceLogit } from "./reference.ts";
import { withItems } from "./with-items.ts";

// An item of the catalogue gets the score of the whole record that has its fields and the context's. The sides of the
// test models' fields alternate, and the first is the item's; field 0 names the items.

/** The number of the record that is the context. */
const CONTEXT = 3;
/** How much the logits of int8 models may differ by the order of float32 sums, relative to the largest logit. */
const ROUNDING = 1e-5;

describe.each(CASES.filter(({ shape }) => !shape.products))("$name", ({ shape, int8 }) => {
  const model = randomModel(shape);
  const without = writeBlob(model);
  const read = readBlob(without);
  const records = randomRecords(model, 21, 8);
  const context = records[CONTEXT];
  const whole = records.map((record) =>
    record.map((field, f) => (model.sides[f] === c.SIDE_CONTEXT ? context[f] : field)),
  );
  const numbers = Uint32Array.from(records, (_, i) => i);

  it("scores its items as whole records", () => {
    const references = int8 ? [] : whole.map((record) => referenceLogit(read, record));
    for (const kernel of KERNELS) {
      const blob = withItems(kernel, model, records, without);
      const one = new Kernel(placeBlob(kernel.module, blob), model.sides.length);
      one.scoreContext(batchOf([context], one.rowsAddress, one.rowBytes));
      const logits = new Float32Array(records.length);
      one.scoreItems(numbers, logits, new Float32Array(records.length));
      if (int8) {
        const expected = new BlobScorer(kernel, blob, read).logits(whole, 21);
        const size = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1);
        const worst = expected.reduce((most, logit, i) => Math.max(most, Math.abs(logit - logits[i])), 0);
        expect(worst, kernel.name).toBeLessThan(ROUNDING * size);
      } else {
        const errors = references.map(({ value, error }, i) => Math.abs(logits[i] - value) / error);
        expect(Math.max(...errors), kernel.name).toBeLessThan(DOUBT);
      }
    }
  });

  it("gives the same records and the same scores in all kernels and in batches of every size", () => {
    const [scalar, ...others] = KERNELS.filter(({ debug }) => !debug) as [TestKernel, ...TestKernel[]];
    const blob = withItems(scalar, model, records, without);
    expect(readBlob(blob).items?.keys).toHaveLength(2 * records.length);
    for (const kernel of [scalar, ...others]) {
      if (int8) expect(withItems(kernel, model, records, without), kernel.name).toEqual(blob);
      const one = new Kernel(placeBlob(kernel.module, blob), model.sides.length);
      one.scoreContext(batchOf([context], one.rowsAddress, one.rowBytes));
      const all = new Float32Array(records.length);
      one.scoreItems(numbers, all, new Float32Array(records.length));
      for (const size of [1, 6]) {
        const logits = new Float32Array(records.length);
        for (let start = 0; start < records.length; start += size) {
          const batch = numbers.subarray(start, start + size);
          one.scoreItems(batch, logits.subarray(start), new Float32Array(size));
        }
        expect(logits, `${kernel.name}, ${size} a batch`).toEqual(all);
      }
    }
  });
});

describe.each(KERNELS)("$name", (kernel) => {
  const model = randomModel({ fields: 5, embeddingDim: 3, hidden: [9] });
  const records = randomRecords(model, 9, 9);
  const blob = withItems(kernel, model, records);

  it("finds items by their keys", () => {
    const one = new Kernel(placeBlob(kernel.module, blob), 5);
    const found = new Uint32Array(5);
    one.lookupItems(Uint32Array.of(1, 7, 17, 7, 2, 7, 0, 0, 1, 8), found);
    expect([...found]).toEqual([0, 8, NO_ITEM, NO_ITEM, NO_ITEM]);
  });

  it("refuses items before a context, items that are not there, and too many", () => {
    const exports = instantiate(kernel);
    const numbersAre = (...numbers: number[]): void =>
      new Uint32Array(exports.memory.buffer, exports.rowAddresses(), numbers.length).set(numbers);
    expect(exports.scoreItems(1)).toBe(abi.CALL_NOT_LOADED);
    expect(exports.lookupItems(1)).toBe(abi.CALL_NOT_LOADED);
    expect(exports.precomputeItem()).toBe(abi.CALL_NOT_LOADED);
    loadInto(exports, blob);
    numbersAre(0);
    expect(exports.scoreItems(1)).toBe(abi.CALL_NO_CONTEXT);
    expect(exports.lookupItems(abi.MAX_ENTRIES + 1)).toBe(abi.CALL_BAD_COUNT);
    expect(exports.scoreContext()).toBe(abi.CALL_OK);
    expect(exports.scoreItems(1)).toBe(abi.CALL_OK);
    expect(exports.scoreItems(abi.MAX_BATCH + 1)).toBe(abi.CALL_BAD_COUNT);
    numbersAre(9);
    expect(exports.scoreItems(1)).toBe(abi.CALL_BAD_ADDRESS);
    numbersAre(0xffffffff);
    expect(exports.scoreItems(1)).toBe(abi.CALL_BAD_ADDRESS);
    const offsets = new Uint32Array(exports.memory.buffer, exports.offsetsAddress(), 6);
    offsets.fill(1, 1);
    expect(exports.precomputeItem(), "which is no row's address").toBe(abi.CALL_BAD_ADDRESS);
    offsets.fill(0);
    expect(exports.precomputeItem()).toBe(abi.CALL_OK);
    expect(exports.scoreItems(1), "the context is lost").toBe(abi.CALL_NO_CONTEXT);
  });

  it("makes no item of a model with products", () => {
    const exports = instantiate(kernel);
    loadInto(exports, writeBlob(randomModel({ fields: 3, embeddingDim: 3, hidden: [9], products: c.PRODUCT_ALL })));
    expect(exports.itemBytes()).toBe(0);
    expect(exports.precomputeItem()).toBe(abi.CALL_NO_ITEMS);
  });
});
