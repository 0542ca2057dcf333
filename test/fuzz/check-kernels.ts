// What holds of the kernels for any bytes: a LOAD_* code that readBlob agrees with, no trap, scores of every batch that is
// right and a CALL_* code for every one that is not, within the memory that they declare and a second a call.
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { FormatError } from "../../format/errors.ts";
import { instantiate, KERNELS, type KernelExports, loadInto, type TestKernel } from "../kernel/harness.ts";
import { type RowBatch, randomBatch, spoilBatch, valueSums, writeBatch } from "./batch.ts";
import { largestNumber, placesApart } from "./bound.ts";

/** What `readBlob` said. */
export type Reading = { model: ModelBlob; error?: never } | { model?: never; error: FormatError };

/** The kernels' own maximum, scripts/build-kernel.ts. */
const MEMORY_BYTES = 64 * 2 ** 20;
/** An instance is used again until its memory is larger: filling more with poison would cost more than a new one. */
const REUSED_BYTES = 2 ** 20;
/** What any call may take. A mutant has at most some kilobytes of weights, so this is a thousand times what it takes. */
const CALL_MS = 1000;
/** Other processes may stop this one for longer than a call may take, but not each time. */
const TRIES = 3;
/** FORMAT.md, "Meaning of a score": up to here logits are finite. */
const FINITE = 2 ** 127;
const POISON = 0xff; // of which four are a NaN

interface Instance {
  kernel: TestKernel;
  exports: KernelExports;
}

/** Release builds of all variants and a debug build, with asserts, of each in turn; instances are used again. */
export class KernelCheck {
  readonly #instances: Instance[] = KERNELS.map((kernel) => ({ kernel, exports: instantiate(kernel) }));

  /** Throws where one of the above does not hold. Returns whether the kernels took the blob. */
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
    if (code !== c.LOAD_OK) {
      for (const { exports } of instances) {
        expect(
          exports.score(0) === c.CALL_NOT_LOADED && exports.lookup(0) === c.CALL_NOT_LOADED,
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
    expect(code >= c.LOAD_OK && code <= c.LOAD_NO_MEMORY, `load returns ${code}`);
    const after = exports.memory.buffer.byteLength;
    expect(code === c.LOAD_OK || after === before, `memory grew from ${before} to ${after} for a refused blob`);
    return code;
  }

  #score(instances: readonly Instance[], model: ModelBlob, blob: Uint8Array, random: () => number): void {
    const fields = model.sides.length;
    const rowCount = fields + model.keys.length / 2;
    expect(placesApart(model, blob), "layers share bytes of DENSE");

    const batch = randomBatch(fields, rowCount, random);
    const finite = largestNumber(model, blob, valueSums(batch, fields)) <= FINITE;
    const all = instances.map(({ kernel, exports }) => {
      expectKeysFound(exports, model, rowCount);
      // What the kernel does not write itself, it must not read.
      if (kernel.debug) poison(exports, blob);
      return this.#scores(exports, batch, rowCount);
    });
    for (const scores of all) expectPromised(scores, batch.records, finite);
    const exact = model.layers.every(({ weights }) => weights instanceof Int8Array);
    const [reference] = all;
    instances.forEach(({ kernel }, i) => {
      // Only a relaxed build's f32 layers may round otherwise.
      if (kernel.variant !== "relaxed" || exact)
        expect(sameNumbers(all[i], reference), `${kernel.name} scores ${all[i]}, kernel.scalar.wasm ${reference}`);
    });

    for (const { exports } of instances) {
      const expected = spoilBatch(exports, batch, fields, rowCount, random);
      const code = timed("score", () => exports.score(batch.records));
      expect(code === expected, `a spoilt batch gives ${code}, expected ${expected}`);
    }
  }

  /** Logits, then scores. */
  #scores(exports: KernelExports, batch: RowBatch, rowCount: number): Float32Array {
    const { buffer } = exports.memory;
    writeBatch(exports, batch, rowCount);
    const code = timed("score", () => exports.score(batch.records));
    expect(code === c.CALL_OK, `a right batch gives ${code}`);
    expect(exports.memory.buffer === buffer, "memory grew in score");
    const scores = new Float32Array(2 * batch.records);
    scores.set(new Float32Array(buffer, exports.logitsAddress(), batch.records));
    scores.set(new Float32Array(buffer, exports.scoresAddress(), batch.records), batch.records);
    return scores;
  }
}

/** Which codes go with the place that readBlob names. */
function expectAgreement(code: number, { error }: Reading): void {
  if (!error) {
    expect(code === c.LOAD_OK, `readBlob takes what the kernels refuse with ${code}`);
    return;
  }
  const { place, problem } = error;
  const codes = refusals(place, problem);
  expect(codes.includes(code), `the kernels return ${code}, readBlob says "${error.message}", expected ${codes}`);
}

const CONTENT = [c.LOAD_BAD_MODEL, c.LOAD_BAD_ROWS, c.LOAD_BAD_LAYER];

function refusals(place: string, problem: string): readonly number[] {
  if (place === "blob: header" || place === "blob")
    return [
      c.LOAD_TOO_SHORT,
      c.LOAD_BAD_MAGIC,
      c.LOAD_BAD_VERSION,
      c.LOAD_BAD_LENGTH,
      c.LOAD_BAD_TABLE,
      c.LOAD_BAD_SECTION,
    ];
  if (/^got (id|offset|end) /.test(problem)) return [c.LOAD_BAD_SECTION];
  if (problem === "got bytes that do not match their checksum") return [c.LOAD_BAD_CHECKSUM];
  const [, section = ""] = /^blob: section ([A-Z]+)/.exec(place) ?? [];
  // The kernel reads no JSON, and readBlob reads SPEC first, so it cannot say what else there is.
  if (section === "SPEC" || problem.endsWith("as in SPEC") || problem.startsWith("got fields "))
    return [c.LOAD_OK, ...CONTENT];
  if (section === "EVIDENCE" || section === "GOLDEN") return [c.LOAD_OK];
  if (section === "MODEL") return [c.LOAD_BAD_MODEL, c.LOAD_BAD_LAYER];
  return section === "DENSE" ? [c.LOAD_BAD_LAYER] : [c.LOAD_BAD_ROWS];
}

/** `scores`: logits, then scores. Where nothing can overflow, they are finite; elsewhere a score may be NaN. */
function expectPromised(scores: Float32Array, records: number, finite: boolean): void {
  scores.forEach((x, i) => {
    const logit = i < records;
    const right = logit ? Number.isFinite(x) : x > 0 && x <= 1;
    expect(right || (!finite && (logit || Number.isNaN(x))), `the ${logit ? "logit" : "score"} ${x}`);
  });
}

/** Every key is at its row, and a key that is not in the blob nowhere. */
function expectKeysFound(exports: KernelExports, { keys, sides }: ModelBlob, rowCount: number): void {
  const count = keys.length / 2;
  const buffer = new Uint32Array(exports.memory.buffer, exports.keysAddress(), keys.length + 2);
  buffer.set(keys);
  buffer.fill(0, keys.length);
  const code = timed("lookup", () => exports.lookup(count + 1));
  expect(code === c.CALL_OK, `lookup returns ${code}`);
  const addresses = new Uint32Array(exports.memory.buffer, exports.rowAddresses(), count + 1);
  const first = exports.rowsAddress() + sides.length * exports.rowBytes();
  const found = addresses.every((address, i) => address === (i < count ? first + i * exports.rowBytes() : 0));
  expect(found, `${rowCount} rows, and keys that are not found`);
}

/** Fills the buffers, which lie behind the blob, keys first, and loads again: what `load` prepares there is right again. */
function poison(exports: KernelExports, blob: Uint8Array): void {
  const buffers = exports.keysAddress();
  expect(buffers >= blob.length, "buffers within the blob");
  new Uint8Array(exports.memory.buffer).fill(POISON, buffers);
  expect(loadInto(exports, blob) === c.LOAD_OK, "a blob that was loaded is refused");
}

function sameNumbers(a: Float32Array | undefined, b: Float32Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((x, i) => x === b[i] || (Number.isNaN(x) && Number.isNaN(b[i])));
}

/** Measured after the fact: a call that does not end at all is for the watchdog. */
function timed(name: string, call: () => number): number {
  let code = 0;
  for (let tries = TRIES; tries > 0; tries--) {
    const start = performance.now();
    code = call();
    if (performance.now() - start <= CALL_MS) return code;
  }
  throw new Error(`${name} took more than ${CALL_MS} ms, ${TRIES} times`);
}

export function expect(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}
