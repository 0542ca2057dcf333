import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import { BlobScorer, batchOf, instantiate, KERNELS, loadInto, scoreIn } from "../../../testing/kernel/harness.ts";
import { randomModel, randomRecords } from "../../../testing/kernel/random-model.ts";
import { DOUBT } from "./approximate.ts";
import { CASES } from "./cases.ts";
import { referenceLogit } from "./reference.ts";

// A candidate of a ranking gets the score of its whole record. The sides of the test models' fields alternate, and
// the first is the item's.

/** The number of the record that is the context. */
const CONTEXT = 3;

function bits(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

describe.each(CASES)("$name", ({ shape, int8 }) => {
  const blob = writeBlob(randomModel(shape));
  const model = readBlob(blob);
  const records = randomRecords(model, 37, 8);
  const context = records[CONTEXT];
  const whole = records.map((record) =>
    record.map((field, f) => (model.sides[f] === c.SIDE_CONTEXT ? context[f] : field)),
  );
  // The candidates have entries of the context's fields too, and the context has entries of the item's: both are to
  // be ignored.
  const rank = (scorer: BlobScorer, batchSize: number): Float32Array => scorer.rank(context, records, batchSize);

  it("is ranked as its whole records are scored", () => {
    const expected = int8 ? [] : whole.map((record) => referenceLogit(model, record));
    for (const kernel of KERNELS) {
      const scorer = new BlobScorer(kernel, blob, model);
      const logits = rank(scorer, 37);
      if (int8) expect(bits(logits), kernel.name).toEqual(bits(scorer.logits(whole, 37)));
      const errors = expected.map(({ value, error }, i) => Math.abs(logits[i] - value) / error);
      expect(Math.max(0, ...errors), kernel.name).toBeLessThan(DOUBT);
    }
  });

  it("is ranked alike, to the bit, in batches of every size, whatever is scored between", () => {
    for (const kernel of KERNELS.filter(({ debug }) => !debug)) {
      const scorer = new BlobScorer(kernel, blob, model);
      const logits = bits(rank(scorer, 37));
      for (const size of [1, 3, 4, 6]) {
        expect(bits(rank(scorer, size)), `${kernel.name}, ${size} a batch`).toEqual(logits);
        scorer.logits(records.slice(0, 5), 5);
      }
    }
  });
});

describe.each(KERNELS)("$name", (kernel) => {
  const blob = writeBlob(randomModel({ fields: 5, embeddingDim: 3, hidden: [9] }));
  const model = readBlob(blob);
  const records = randomRecords(model, 4, 9);

  it("refuses candidates before a context, and what it refuses of a batch", () => {
    const exports = instantiate(kernel);
    expect(exports.scoreContext()).toBe(abi.CALL_NOT_LOADED);
    expect(exports.scoreCandidates(1)).toBe(abi.CALL_NOT_LOADED);
    loadInto(exports, blob);
    const batch = batchOf(records, exports.rowsAddress(), exports.rowBytes());
    expect(scoreIn(exports, 4, batch)).toBe(abi.CALL_OK);
    expect(exports.scoreCandidates(4)).toBe(abi.CALL_NO_CONTEXT);
    expect(exports.scoreContext()).toBe(abi.CALL_OK);
    expect(exports.scoreCandidates(4)).toBe(abi.CALL_OK);
    expect(exports.scoreCandidates(abi.MAX_BATCH + 1)).toBe(abi.CALL_BAD_COUNT);
    new Uint32Array(exports.memory.buffer, exports.rowAddresses(), 1)[0] = 1;
    expect(exports.scoreContext()).toBe(abi.CALL_BAD_ADDRESS);
    expect(exports.scoreCandidates(1)).toBe(abi.CALL_BAD_ADDRESS);
    loadInto(exports, blob);
    scoreIn(exports, 4, batch);
    expect(exports.scoreCandidates(4), "the context of the blob before").toBe(abi.CALL_NO_CONTEXT);
  });
});
