import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { FormatError } from "../../../format/errors.ts";
import { readBlob } from "../../../format/read-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import { instantiate, KERNELS, loadInto } from "../../../testing/kernel/harness.ts";
import { BROKEN_BLOBS } from "./broken-blobs.ts";
import { GOOD_BLOB, GOOD_FLOAT_BLOB } from "./good-blobs.ts";

const EXPORTS = [
  "arenaAddress",
  "encodeJson",
  "encodedEnd",
  "encodedNext",
  "itemBytes",
  "itemRecordAddress",
  "keysAddress",
  "load",
  "locateEncoded",
  "locatedInBlob",
  "logitsAddress",
  "lookup",
  "lookupItems",
  "membersAddress",
  "memory",
  "offsetsAddress",
  "precomputeItem",
  "reserve",
  "reservePlan",
  "rowAddresses",
  "rowBytes",
  "rowsAddress",
  "score",
  "scoreCandidates",
  "scoreContext",
  "scoreItems",
  "scoresAddress",
  "textAddress",
  "unseenAddress",
  "usePlan",
  "valuesAddress",
];

describe.each(KERNELS)("$name", (kernel) => {
  it("exports what the host uses and nothing else, and imports nothing", () => {
    expect(WebAssembly.Module.imports(kernel.module)).toEqual([]);
    const names = WebAssembly.Module.exports(kernel.module).map(({ name }) => name);
    expect(names.sort()).toEqual(EXPORTS);
  });

  it("loads a blob, and another one after it", () => {
    const exports = instantiate(kernel);
    expect(loadInto(exports, GOOD_BLOB)).toBe(abi.LOAD_OK);
    expect(exports.rowBytes()).toBe(16);
    expect(loadInto(exports, GOOD_FLOAT_BLOB)).toBe(abi.LOAD_OK);
    expect(exports.rowBytes()).toBe(24);
  });

  it("gives aligned buffers that do not overlap the blob, within a memory that stays as it is", () => {
    const exports = instantiate(kernel);
    const blob = exports.reserve(GOOD_BLOB.length);
    expect(blob % c.SECTION_ALIGNMENT).toBe(0);
    expect(loadInto(exports, GOOD_BLOB)).toBe(abi.LOAD_OK);
    const { buffer } = exports.memory;
    const buffers: [number, number][] = [
      [blob, GOOD_BLOB.length],
      [exports.keysAddress(), 8 * abi.MAX_ENTRIES],
      [exports.rowAddresses(), 4 * abi.MAX_ENTRIES],
      [exports.valuesAddress(), 4 * abi.MAX_ENTRIES],
      [exports.offsetsAddress(), 4 * (3 * abi.MAX_BATCH + 1)],
      [exports.arenaAddress(), abi.ARENA_ROWS * exports.rowBytes()],
      [exports.logitsAddress(), 4 * abi.MAX_BATCH],
      [exports.scoresAddress(), 4 * abi.MAX_BATCH],
    ];
    let end = 0;
    for (const [address, bytes] of buffers.sort(([a], [b]) => a - b)) {
      expect(address % c.SECTION_ALIGNMENT).toBe(0);
      expect(address).toBeGreaterThanOrEqual(end);
      end = address + bytes;
    }
    expect(end).toBeLessThanOrEqual(buffer.byteLength);
    expect(exports.lookup(abi.MAX_ENTRIES)).toBe(abi.CALL_OK);
    expect(exports.score(abi.MAX_BATCH)).toBe(abi.CALL_OK);
    expect(exports.memory.buffer).toBe(buffer);
  });

  it("refuses a blob that is longer than was reserved, or than the limit", () => {
    const exports = instantiate(kernel);
    expect(exports.load(GOOD_BLOB.length)).toBe(abi.LOAD_NO_MEMORY);
    exports.reserve(GOOD_BLOB.length - 1);
    expect(exports.load(GOOD_BLOB.length)).toBe(abi.LOAD_NO_MEMORY);
    expect(exports.reserve(c.MAX_BLOB_BYTES)).toBeGreaterThan(0);
    expect(exports.reserve(c.MAX_BLOB_BYTES + 1)).toBe(0);
    expect(exports.load(GOOD_BLOB.length)).toBe(abi.LOAD_NO_MEMORY);
    expect(exports.reserve(-1)).toBe(0);
    expect(exports.load(-1)).toBe(abi.LOAD_NO_MEMORY);
  });

  it("forgets the blob that it had when it refuses the next", () => {
    const exports = instantiate(kernel);
    expect(loadInto(exports, GOOD_BLOB)).toBe(abi.LOAD_OK);
    expect(loadInto(exports, GOOD_BLOB.slice(0, -64))).toBe(abi.LOAD_BAD_LENGTH);
    expect(exports.score(0)).toBe(abi.CALL_NOT_LOADED);
  });
});

describe("a blob with", () => {
  it.each(BROKEN_BLOBS)("$name is refused", ({ code, blob }) => {
    expect(() => readBlob(blob)).toThrow(FormatError);
    for (const kernel of KERNELS) expect(loadInto(instantiate(kernel), blob), kernel.name).toBe(code);
  });
});
