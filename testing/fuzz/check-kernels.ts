// What holds for the kernels, whatever the bytes are: a LOAD_* code that agrees with readBlob, no trap, scores for
// every batch that is right and a CALL_* code for every one that is not, within the memory that they declare and within
// a second a call.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { FormatError } from "../../format/errors.ts";
import * as abi from "../../runtime/abi.ts";
import { instantiate, KERNELS, type KernelExports, loadInto, type TestKernel } from "../kernel/harness.ts";
import { type RowBatch, randomBatch, spoilBatch, valueSums, writeBatch } from "./batch.ts";
import { largestNumber, largestOfItems, placesApart } from "./bound.ts";
import { checkJson } from "./check-json.ts";
import { expectItemsFound, expectRecord, expectRefusals, randomItems, rankIn, scoresOf } from "./check-rank.ts";
import { expect, timed } from "./expect.ts";

/** The outcome of `readBlob`: a model or an error. */
export type Reading = { model: ModelBlob; error?: never } | { model?: never; error: FormatError };

/** The largest memory that the kernels declare: scripts/programs/kernels.ts. */
const MEMORY_BYTES = 64 * 2 ** 20;
/**
 * An instance is used again until its memory is larger than this, since filling more with poison costs more than a new
 * instance.
 */
const REUSED_BYTES = 2 ** 20;
/** Up to here FORMAT.md, "Meaning of a score", promises finite logits. */
const FINITE = 2 ** 127;
/** Four such bytes are a NaN. */
const POISON = 0xff;

interface Instance {
  kernel: TestKernel;
  exports: KernelExports;
}

/**
 * Checks the release builds of all variants and, by turns, one of the debug builds, which have asserts. Instances are
 * used again.
 */
export class KernelCheck {
  readonly #instances: Instance[] = KERNELS.map((kernel) => ({ kernel, exports: instantiate(kernel) }));

  /**
   * Throws where something of what the head of this file says does not hold. Returns whether the kernels took the blob.
   */
  check(blob: Uint8Array, reading: Reading, number: number, random: () => number): boolean {
    const debug = (["scalar", "simd", "relaxed"] as const)[number % 3];
    const instances = this.#instances.filter(({ kernel }) => !kernel.debug || kernel.variant === debug);
    const codes = instances.map(({ exports }) => this.#load(exports, blob));
    const [code = -1] = codes;
    expect(
      codes.every((other) => other === code),
      `the kernels return ${codes}`,
    );
    expectAgreement(code, reading);
    if (code !== abi.LOAD_OK) {
      for (const { exports } of instances) {
        expect(
          exports.score(0) === abi.CALL_NOT_LOADED && exports.lookup(0) === abi.CALL_NOT_LOADED,
          "scores without a blob",
        );
      }
      return false;
    }
    if (reading.model) this.#score(instances, reading.model, blob, random);
    for (const instance of instances) {
      const { byteLength } = instance.exports.memory.buffer;
      expect(byteLength <= MEMORY_BYTES, `takes ${byteLength} bytes of memory`);
      if (byteLength > REUSED_BYTES) instance.exports = instantiate(instance.kernel);
    }
    return true;
  }

  #load(exports: KernelExports, blob: Uint8Array): number {
    exports.reserve(blob.length);
    const before = exports.memory.buffer.byteLength;
    const code = timed("load", () => loadInto(exports, blob));
    expect(code >= abi.LOAD_OK && code <= abi.LOAD_BAD_ITEMS, `load returns ${code}`);
    const after = exports.memory.buffer.byteLength;
    expect(code === abi.LOAD_OK || after === before, `memory grew from ${before} to ${after} for a refused blob`);
    return code;
  }

  #score(instances: readonly Instance[], model: ModelBlob, blob: Uint8Array, random: () => number): void {
    const fields = model.sides.length;
    const rowCount = fields + model.keys.length / 2;
    expect(placesApart(model, blob), "layers share bytes of DENSE");

    const batch = randomBatch(fields, rowCount, random);
    const items = randomItems(model.items.entries ? 0 : model.items.keys.length / 2, random);
    const sums = valueSums(batch, fields);
    const finite = largestNumber(model, blob, sums) <= FINITE;
    const finiteItems = finite && largestOfItems(model, blob, sums) <= FINITE;
    const all = instances.map(({ kernel, exports }): Numbers[] => {
      expectKeysFound(exports, model, rowCount);
      expectItemsFound(exports, model);
      // A kernel must not read what it has not written itself.
      if (kernel.debug) poison(exports, blob);
      const scores = this.#scores(exports, batch, rowCount);
      expectPromised(scores, finite);
      const ranking = batch.records > 0 ? rankIn(exports, model, batch, items) : null;
      if (!ranking) return [scores];
      expectPromised(ranking.candidates, finite);
      expectPromised(ranking.items, finiteItems);
      if (finite) expectRecord(ranking.record, model);
      expectSameAsWhole(scores, ranking.candidates, model);
      // As floats, a record's integers could be NaN; and its floats are numbers only where nothing overflows.
      const record = finite ? new Int32Array(ranking.record.buffer) : new Float32Array(ranking.record.buffer);
      return [scores, ranking.candidates, ranking.items, record];
    });
    const exact = model.layers.every(({ weights }) => weights instanceof Int8Array);
    const [reference] = all;
    instances.forEach(({ kernel }, i) => {
      // Only a relaxed build may round otherwise, and only in f32 layers.
      if (kernel.variant !== "relaxed" || exact)
        all[i]?.forEach((numbers, j) => {
          const expected = reference?.[j];
          expect(sameNumbers(numbers, expected), `${kernel.name} gives ${numbers}, kernel.scalar.wasm ${expected}`);
        });
    });

    for (const { exports } of instances) {
      const expected = spoilBatch(exports, batch, fields, rowCount, random);
      const code = timed("score", () => exports.score(batch.records));
      expect(code === expected, `a spoilt batch gives ${code}, expected ${expected}`);
      expectRefusals(exports, model, batch, expected, random);
    }
    checkJson(
      instances.map(({ exports }) => exports),
      model,
      random,
    );
  }

  /** The logits of a batch, then its scores. */
  #scores(exports: KernelExports, batch: RowBatch, rowCount: number): Float32Array {
    const { buffer } = exports.memory;
    writeBatch(exports, batch, rowCount);
    const code = timed("score", () => exports.score(batch.records));
    expect(code === abi.CALL_OK, `a right batch gives ${code}`);
    expect(exports.memory.buffer === buffer, "memory grew in score");
    return scoresOf(exports, batch.records);
  }
}

/** Checks that a kernel's code is one that goes with what readBlob says. */
function expectAgreement(code: number, { error }: Reading): void {
  if (!error) {
    expect(code === abi.LOAD_OK, `readBlob takes what the kernels refuse with ${code}`);
    return;
  }
  const { place, problem } = error;
  const codes = refusals(place, problem);
  expect(codes.includes(code), `the kernels return ${code}, readBlob says "${error.message}", expected ${codes}`);
}

const CONTENT = [abi.LOAD_BAD_MODEL, abi.LOAD_BAD_ROWS, abi.LOAD_BAD_LAYER, abi.LOAD_BAD_ITEMS];

function refusals(place: string, problem: string): readonly number[] {
  if (place === "blob: header" || place === "blob")
    return [
      abi.LOAD_TOO_SHORT,
      abi.LOAD_BAD_MAGIC,
      abi.LOAD_BAD_VERSION,
      abi.LOAD_BAD_LENGTH,
      abi.LOAD_BAD_TABLE,
      abi.LOAD_BAD_SECTION,
    ];
  if (/^got (id|offset|end) /.test(problem)) return [abi.LOAD_BAD_SECTION];
  if (problem === "got bytes that do not match their checksum") return [abi.LOAD_BAD_CHECKSUM];
  const [, section = ""] = /^blob: section ([A-Z_]+)/.exec(place) ?? [];
  // The kernel reads no JSON, and readBlob reads SPEC first, so the kernel may find another fault or none.
  if (section === "SPEC" || problem.endsWith("as in SPEC") || problem.startsWith("got fields "))
    return [abi.LOAD_OK, ...CONTENT];
  // readBlob looks at the item field before the other sections, and it alone sees whether its values can be ids.
  if (problem.startsWith("got item field")) return problem.endsWith("vocabulary") ? [abi.LOAD_OK, ...CONTENT] : CONTENT;
  if (section.startsWith("ITEM") || problem.endsWith("none with products")) return [abi.LOAD_BAD_ITEMS];
  if (section === "EVIDENCE" || section === "GOLDEN") return [abi.LOAD_OK, abi.LOAD_BAD_ITEMS];
  if (section === "MODEL") return [abi.LOAD_BAD_MODEL, abi.LOAD_BAD_LAYER];
  return section === "DENSE" ? [abi.LOAD_BAD_LAYER] : [abi.LOAD_BAD_ROWS];
}

/** Checks logits and then scores: they are finite where nothing can overflow; elsewhere a score may be NaN. */
function expectPromised(scores: Float32Array, finite: boolean): void {
  scores.forEach((x, i) => {
    const logit = i < scores.length / 2;
    const right = logit ? Number.isFinite(x) : x > 0 && x <= 1;
    expect(right || (!finite && (logit || Number.isNaN(x))), `the ${logit ? "logit" : "score"} ${x}`);
  });
}

/**
 * Checks that record 0, as a candidate with itself as context, scores as before: to the bit, unless an f32 first layer
 * is computed in two parts.
 */
function expectSameAsWhole(scores: Float32Array, candidates: Float32Array, { terms, layers }: ModelBlob): void {
  if (terms & c.TERM_MLP && layers[0]?.weights instanceof Float32Array) return;
  const [whole, ranked] = [scores.subarray(0, 1), candidates.subarray(0, 1)];
  expect(sameNumbers(whole, ranked), `a candidate scores ${ranked}, its whole record ${whole}`);
}

/** Checks that every key is found at its row, and a key that is not in the blob is not found. */
function expectKeysFound(exports: KernelExports, { keys, sides }: ModelBlob, rowCount: number): void {
  const count = keys.length / 2;
  const buffer = new Uint32Array(exports.memory.buffer, exports.keysAddress(), keys.length + 2);
  buffer.set(keys);
  buffer.fill(0, keys.length);
  const code = timed("lookup", () => exports.lookup(count + 1));
  expect(code === abi.CALL_OK, `lookup returns ${code}`);
  const addresses = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), count + 1);
  const first = exports.rowsAddress() + sides.length * exports.rowBytes();
  const found = addresses.every((address, i) => address === (i < count ? first + i * exports.rowBytes() : 0));
  expect(found, `${rowCount} rows, and keys that are not found`);
}

/**
 * Fills all buffers, which lie behind the blob, with poison and loads again, so that what `load` prepares there is
 * right again.
 */
function poison(exports: KernelExports, blob: Uint8Array): void {
  const buffers = exports.keysAddress();
  expect(buffers >= blob.length, "buffers within the blob");
  new Uint8Array(exports.memory.buffer).fill(POISON, buffers);
  expect(loadInto(exports, blob) === abi.LOAD_OK, "a blob that was loaded is refused");
}

type Numbers = Float32Array | Int32Array;

function sameNumbers(a: Numbers, b: Numbers | undefined): boolean {
  return b !== undefined && a.every((x, i) => x === b[i] || (Number.isNaN(x) && Number.isNaN(b[i])));
}
