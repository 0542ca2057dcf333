import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { applyPatch, isPatch, makeBlob, readPatchHeader } from "../../format/patch.ts";
import { readBlob } from "../../format/read-blob.ts";
import { sealBlob } from "../../format/seal.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { writePatch } from "../../format/write-patch.ts";
import { withRowChanges } from "../../testing/format/blob-update.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../golden/${name}.blob.bin`, import.meta.url)));

const model = randomModel({ fields: 5, embeddingDim: 16, hidden: [32, 16], hotRows: 4000, pages: 40 });
const base = writeBlob(model);
const version = await sealBlob(base);

async function updated(changes: Parameters<typeof withRowChanges>[1], more: Partial<typeof model> = {}) {
  const blob = writeBlob({ ...withRowChanges(model, changes), ...more });
  await sealBlob(blob);
  return blob;
}

const update = await updated({ added: 600, changed: 40, removed: 7, seed: 1 });
const patch = writePatch(base, version, update) as Uint8Array;

describe("a patch", () => {
  test("makes the blob again, and has no more of its own than what has changed", () => {
    expect(Buffer.compare(applyPatch(patch, base), update)).toBe(0);
    expect(isPatch(patch)).toBe(true);
    expect(isPatch(base)).toBe(false);
    expect(readPatchHeader(patch)).toEqual({
      ...{ bytes: patch.length, blobBytes: update.length, baseBytes: base.length, base: version },
    });
    // New rows with their keys, changed rows, a directory of keys that is another one, header and table, and 3 to 4
    // bytes for each range.
    const stride = 8 + 16;
    const directory = 4 * (2 ** Math.ceil(Math.log2(update.length / (8 + stride))) + 1);
    const own = 600 * (8 + stride) + 40 * stride + directory + 1000;
    expect(patch.length).toBeLessThan(own + 2 * 650 * 4);
    expect(patch.length).toBeGreaterThan(600 * (8 + stride));
  });

  test.each(["tiny", "catalogue", "towers", "platt", "f16"])("makes %s of another blob, or there is none", (name) => {
    for (const other of [golden("tiny"), golden("catalogue"), golden("isotonic")]) {
      const made = writePatch(other, version, golden(name));
      if (made !== null) expect(Buffer.compare(applyPatch(made, other), golden(name))).toBe(0);
    }
    expect(writePatch(golden(name), version, golden(name))?.length).toBeLessThan(80);
  });

  test.each([
    ["nothing", { added: 0, changed: 0, seed: 2 }, {}],
    ["a text that is longer", { added: 0, changed: 0, seed: 2 }, { evidence: { note: "of a length that it had not" } }],
    ["the bias", { added: 0, changed: 0, seed: 2 }, { bias: 0.25 }],
    ["rows that are gone", { added: 0, changed: 0, removed: 300, seed: 3 }, {}],
    ["pages", { added: 3, changed: 3, seed: 4 }, { pageDigests: model.pageDigests.slice(160) }],
    ["rows of another length", { added: 0, changed: 0, seed: 2 }, randomModel({ fields: 5, embeddingDim: 12 })],
  ])("makes a blob in which %s is other than in the base", async (_, changes, more) => {
    const blob = await updated(changes, more);
    const made = writePatch(base, version, blob);
    if (made === null) expect(blob.length).toBeLessThan(10_000);
    else expect(Buffer.compare(applyPatch(made, base), blob)).toBe(0);
  });

  test("of items finds the records of the same keys", async () => {
    const catalogue = readBlob(golden("catalogue"));
    const { keys, records } = catalogue.items;
    const recordBytes = records.length / (keys.length / 2);
    const shorter = { ...catalogue.items, keys: keys.slice(2), records: records.slice(recordBytes) };
    const blob = writeBlob({ ...catalogue, items: shorter });
    await sealBlob(blob);
    const made = writePatch(golden("catalogue"), version, blob) as Uint8Array;
    expect(Buffer.compare(applyPatch(made, golden("catalogue")), blob)).toBe(0);
    expect(Buffer.from(made).indexOf(records.subarray(recordBytes, recordBytes + 32))).toBe(-1);
  });

  test("is none where more than half of the blob is new", () => {
    const other = writeBlob(randomModel({ fields: 5, embeddingDim: 16, hidden: [32, 16], hotRows: 4000, seed: 9 }));
    expect(writePatch(base, version, other)).toBeNull();
  });

  test("is read in chunks of any size", () => {
    const random = seeded(5);
    for (const most of [1, 7, 100, 5000, 10 ** 6]) {
      const blob = new Uint8Array(update.length);
      const inputs = { patch, base };
      const at = { patch: 0, base: 0 };
      const given: { patch?: Uint8Array<ArrayBuffer>; base?: Uint8Array<ArrayBuffer> } = {};
      const making = makeBlob(readPatchHeader(patch), blob);
      for (let wanted = making.next(); !wanted.done; ) {
        const [from, input] = [at[wanted.value], inputs[wanted.value]];
        at[wanted.value] = Math.min(input.length, from + integer(random, 0, most));
        // What was given before is gone, as where a stream reads into the same buffer again.
        given[wanted.value]?.buffer.transfer();
        const chunk = Uint8Array.from(input.subarray(from, at[wanted.value]));
        given[wanted.value] = chunk;
        // A stream may end with no bytes, or say first that it has none.
        wanted = making.next(from === input.length && random() < 0.5 ? null : chunk);
      }
      expect(Buffer.compare(blob, update)).toBe(0);
    }
  });
});

/** A patch of these steps: numbers of the header that differ from what it should have, and then the steps' bytes. */
function patchOf(steps: readonly number[], header: Record<number, number> = {}): Uint8Array {
  const bytes = new Uint8Array(c.PATCH_HEADER_BYTES + steps.length);
  const view = new DataView(bytes.buffer);
  const numbers = {
    ...{ 0: c.PATCH_MAGIC, [c.PATCH_HEADER_VERSION]: c.PATCH_VERSION, [c.PATCH_HEADER_LENGTH]: bytes.length },
    ...{ [c.PATCH_HEADER_BLOB_LENGTH]: 400, [c.PATCH_HEADER_BASE_LENGTH]: base.length },
    ...header,
  };
  for (const [offset, value] of Object.entries(numbers)) view.setUint32(Number(offset), value, true);
  bytes.set(steps, c.PATCH_HEADER_BYTES);
  return bytes;
}

/** 400 bytes of the base, in two steps. */
const COPY = [0, 0, 0xc8, 0x01, 0, 0, 0xc8, 0x01];

describe("a patch is refused", () => {
  test("unless all is right", () => {
    expect(Buffer.compare(applyPatch(patchOf(COPY), base), base.subarray(0, 400))).toBe(0);
    expect(applyPatch(patchOf([1, 0, 0x8f, 0x03, 7]), base)[0]).toBe(7);
  });

  test.each<[string, Record<number, number>, string]>([
    ["the magic", { 0: c.BLOB_MAGIC }, `got magic ${c.BLOB_MAGIC}, expected ${c.PATCH_MAGIC}`],
    ["the version", { [c.PATCH_HEADER_VERSION]: 2 }, "got version 2, expected 1"],
    ["a blob that is too short", { [c.PATCH_HEADER_BLOB_LENGTH]: 191 }, "got length of the blob 191, expected 192 to"],
    ["a blob that is too long", { [c.PATCH_HEADER_BLOB_LENGTH]: c.MAX_BLOB_BYTES + 1 }, "to 37748736"],
    ["a base that is too short", { [c.PATCH_HEADER_BASE_LENGTH]: 4 }, "got length of the base 4, expected 192 to"],
    ["a base that is too long", { [c.PATCH_HEADER_BASE_LENGTH]: 2 ** 32 - 1 }, "got length of the base 4294967295"],
    ["a length below its header", { [c.PATCH_HEADER_LENGTH]: 63 }, "got length 63, expected 64 to 200"],
    ["more than half of the blob", { [c.PATCH_HEADER_LENGTH]: 201 }, "got length 201, expected 64 to 200"],
    ["fewer bytes than it says", { [c.PATCH_HEADER_LENGTH]: 73 }, "patch: got 72 bytes, expected 73"],
    ["more bytes than it says", { [c.PATCH_HEADER_LENGTH]: 71 }, "patch: got at least 72 bytes, expected 71"],
    ["a base that is longer", { [c.PATCH_HEADER_BASE_LENGTH]: 1000 }, "base: got at least"],
  ])("by its header: %s", (_, header, problem) => {
    expect(() => applyPatch(patchOf(COPY, header), base)).toThrow(problem);
  });

  test.each<[string, number[], string]>([
    ["no step", [], "got an end within a step"],
    ["an end within a step's numbers", [0, 0], "got an end within a step"],
    ["an end within a number", [0, 0, 0x80], "got an end within a step"],
    ["a number of six bytes", [0, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1], "got a number of more than 5 bytes"],
    ["a step of nothing", [0, 5, 0], "got a step of no bytes"],
    ["own bytes that are not there", [3, 0, 0, 1, 2], "got a step of 3 bytes of its own, expected at most the 2 left"],
    ["a range behind the base", [0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], "got a step of 4294967296 bytes of the base"],
    ["a range across its end", [0, 0, 0xff, 0xff, 0xff, 0x7f], "bytes of the base, expected at most"],
    ["more than the blob", [0, 0, 0x91, 0x03], "got a step of 401 bytes of the blob, expected at most the 400 left"],
    ["more than is left of it", [...COPY.slice(0, 7), 0x02], "bytes of the blob, expected at most the 200 left"],
    ["less than the blob", [0, 0, 0xc8, 0x01], "got an end within a step"],
    ["bytes behind its last step", [...COPY, 0, 0, 1], "got 3 bytes behind its last step, expected none"],
  ])("by its steps: %s", (_, steps, problem) => {
    expect(() => applyPatch(patchOf(steps), base)).toThrow(problem);
  });

  test("where it, or its base, is cut short, or the base is another patch or no blob", () => {
    for (const length of [0, 63]) expect(() => applyPatch(patch.slice(0, length), base)).toThrow("at least 64");
    for (const length of [64, 1000, patch.length - 1])
      expect(() => applyPatch(patch.slice(0, length), base)).toThrow(`patch: got ${length} bytes`);
    for (const length of [3, 4, 5000])
      expect(() => applyPatch(patch, base.slice(0, length))).toThrow(`base: got ${length} bytes`);
    const longer = Buffer.concat([patch, Buffer.alloc(base.length - patch.length)]);
    expect(() => applyPatch(patch, longer)).toThrow("patch: base: got no blob, expected one that is whole");
  });

  test("or, with any of its bytes changed, makes another blob of that length, and never more", () => {
    const random = seeded(7);
    const made = { blobs: 0, refused: 0 };
    for (let i = 0; i < 800; i++) {
      const damaged = patch.slice();
      for (let edits = integer(random, 1, 3); edits > 0; edits--)
        damaged[integer(random, 0, random() < 0.5 ? 70 : damaged.length - 1)] = 256 * random();
      try {
        expect(applyPatch(damaged, base).length).toBe(readPatchHeader(damaged).blobBytes);
        made.blobs++;
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        made.refused++;
      }
    }
    expect(made.blobs).toBeGreaterThan(100);
    expect(made.refused).toBeGreaterThan(100);
  });
});
