import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkEnvelope, formatOf, sha256, versionOf } from "./container.ts";
import { type Model, readBlob } from "./model.ts";
import { murmur64 } from "./murmur.ts";
import { readPage } from "./page.ts";
import { Refusal } from "./refusal.ts";

// FORMAT.md, section 9, by the independent reader: golden files with one thing wrong, and the rule that refuses them.

const folder = new URL("../golden/", import.meta.url);
const bytesOf = (file: string): Buffer => readFileSync(new URL(file, folder));

/** RFC 8032, section 7.1, test 1. */
const PUBLIC_KEY = Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex");

/** Puts numbers or text into the bytes at an offset. */
type Edit = (bytes: Buffer) => void;
const u32 =
  (offset: number, value: number): Edit =>
  (bytes) =>
    void bytes.writeUInt32LE(value, offset);
const f32 =
  (offset: number, value: number): Edit =>
  (bytes) =>
    void bytes.writeFloatLE(value, offset);
const byte =
  (offset: number, value: number): Edit =>
  (bytes) =>
    void bytes.writeUInt8(value, offset);
const text =
  (offset: number, value: string): Edit =>
  (bytes) =>
    void bytes.write(value, offset);
const swap =
  (from: string, to: string): Edit =>
  (bytes) =>
    void bytes.write(to, bytes.indexOf(from));

/** Makes the checksums right again, of the sections and of their table, where they are within the blob. */
function seal(blob: Buffer): Buffer {
  for (let id = 1; id <= blob.readUInt32LE(128); id++) {
    const entry = 192 + 32 * (id - 1);
    const offset = blob.readUInt32LE(entry + 4);
    const section = blob.subarray(offset, offset + blob.readUInt32LE(entry + 8));
    blob.writeBigUInt64LE(murmur64(section, id), entry + 16);
  }
  blob.writeBigUInt64LE(murmur64(blob.subarray(192, 192 + 32 * blob.readUInt32LE(128)), 0), 136);
  return blob;
}

/** The row of section 9's table that refuses, −1 if none does. */
function ruleOf(read: () => unknown): number {
  try {
    read();
  } catch (error) {
    if (error instanceof Refusal) return error.rule;
    throw error;
  }
  return -1;
}

describe("damaged blobs", () => {
  const tiny = bytesOf("tiny.blob.bin");
  const towers = bytesOf("towers.blob.bin");
  const edited = (blob: Buffer, edit: Edit): Buffer => {
    const copy = Buffer.from(blob);
    edit(copy);
    return copy;
  };

  // Offsets are those of the dump.
  test.each<[number, string, Edit]>([
    [2, "another magic", text(0, "DFEP")],
    [2, "another version", u32(4, 3)],
    [2, "another length", u32(8, 2304)],
    [2, "another number of sections", u32(128, 9)],
    [4, "another id", u32(0xe0, 3)],
    [4, "a section that leaves a gap", u32(0xe4, 1024)],
    [4, "a section that ends beyond the blob", u32(0x1c8, 600)],
    [6, "SPEC that is not UTF-8", byte(0x242, 0xff)],
    [6, "SPEC that is not JSON", byte(0x240, 0x5b)],
    [6, "a spec with a key of no meaning", swap('"missing"', '"Missing"')],
    [6, "a field of another type", swap('"numeric"', '"Numeric"')],
    [6, "two fields of one name", swap('"price"', '"site" ')],
    [6, "a hot page that is not there", swap('"hotPages":[0]', '"hotPages":[1]')],
    [6, "hot pages that are no list", swap('"hotPages":[0]', '"hotPages":"0"')],
    [7, "a field too many", u32(0x3c0, 3)],
    [7, "a vector without elements", u32(0x3c4, 0)],
    [7, "an unknown row type", u32(0x3c8, 4)],
    [7, "fewer rows than fields", u32(0x3cc, 1)],
    [7, "no bucket bits", u32(0x3d0, 0)],
    [7, "no part", u32(0x3d8, 0)],
    [7, "an MLP beside towers", u32(0x3d8, 15)],
    [7, "a bias that is not finite", f32(0x3dc, Number.NaN)],
    [7, "a scale of products that are not there", f32(0x3f8, 2)],
    [8, "a row too many", u32(0x3cc, 5)],
    [8, "a filter of no whole number of blocks", u32(192 + 32 * 11 + 8, 31)],
    [8, "another side than SPEC's", byte(0x4c0, 1)],
    [9, "keys that do not ascend", byte(0x547, 0xff)],
    [10, "a bucket that starts elsewhere", u32(0x504, 1)],
    [11, "a row that is not finite", f32(0x590, Number.POSITIVE_INFINITY)],
    [12, "a layer of other inputs", u32(0x480, 4)],
    [12, "a layer without outputs", u32(0x484, 0)],
    [12, "an unknown weight type", u32(0x488, 2)],
    [12, "a hidden layer without activation", u32(0x48c, 0)],
    [12, "weights that are not aligned", u32(0x490, 196)],
    [12, "biases beyond DENSE", u32(0x498, 576)],
    [12, "a scale that is not finite", f32(0x640, Number.NaN)],
    [12, "padding that is not finite", f32(0x7dc, Number.NaN)],
    [12, "biases in the scales", u32(0x458, 64)],
    [12, "weights before those of the layer before", u32(0x490, 0)],
    [12, "a weight of an input that is padding", byte(0x610, 1)],
    [12, "a weight of an output that is padding", byte(0x60c, 1)],
    [12, "an f32 weight that is padding", f32(0x6f0, 1)],
    [12, "a scale that is padding", f32(0x64c, 1)],
    [12, "a bias that is padding", f32(0x68c, -1)],
    [13, "output weights in the last biases", u32(0x3e8, 448)],
    [13, "an output weight that is padding", f32(0x808, 1)],
    [13, "an output of other inputs", u32(0x3e4, 3)],
    [13, "output weights beyond DENSE", u32(0x3e8, 576)],
    [14, "EVIDENCE that is no object", text(0x840, `[${" ".repeat(36)}]`)],
    [15, "a tolerance below 0", swap("0.0001", "-0.001")],
    [15, "a logit that is not finite", swap("2.910179378006461", "1e999".padEnd(17))],
  ])("rule %i: %s", (rule, _, edit) => {
    expect(ruleOf(() => readBlob(seal(edited(tiny, edit))))).toBe(rule);
  });

  test("rule 1: too short or too long", () => {
    expect(ruleOf(() => readBlob(tiny.subarray(0, 543)))).toBe(1);
    expect(ruleOf(() => readBlob(Buffer.concat([tiny], 26_214_401)))).toBe(1);
  });

  test("rules 3 and 4: a checksum differs", () => {
    expect(ruleOf(() => readBlob(edited(tiny, byte(192 + 28, 1))))).toBe(3);
    expect(ruleOf(() => readBlob(edited(tiny, byte(0x600, 2))))).toBe(4);
  });

  test("rule 5: bytes follow", () => {
    expect(ruleOf(() => readBlob(edited(Buffer.concat([tiny], tiny.length + 64), u32(8, tiny.length + 64))))).toBe(5);
  });

  describe("with a catalogue", () => {
    const catalogue = bytesOf("catalogue.blob.bin");
    /** Where a section begins, and a place in it. */
    const inSection = (id: number, offset = 0) => catalogue.readUInt32LE(192 + 32 * (id - 1) + 4) + offset;
    const model = (offset: number, value: number) => u32(inSection(2, offset), value);
    /** Weights of inputs 0 and 1, and 4 and 5, of output 1 of the first layer. */
    const lane =
      (...weights: number[]): Edit =>
      (bytes) =>
        weights.forEach((w, i) => void bytes.writeInt8(w, inSection(7, 16 * (i >> 1) + 4 + (i & 1))));
    /** Records of 16 + 32 + 32 bytes. */
    const item = (i: number, offset: number) => inSection(11, 80 * i + offset);
    const swapItems: Edit = (bytes) => {
      const [first, second] = [inSection(10), inSection(10, 8)].map((place) => bytes.readBigUInt64LE(place));
      bytes.writeBigUInt64LE(second ?? 0n, inSection(10));
      bytes.writeBigUInt64LE(first ?? 0n, inSection(10, 8));
    };

    test.each<[number, string, Edit]>([
      [-1, "nothing", () => {}],
      [-1, "lanes as heavy as they may be", lane(127, 127, 4, -128)],
      [-1, "integer sums of any size", u32(item(0, 48), 0x80000000)],
      [7, "a field of the context that names items", model(72, 0)],
      [7, "a number that names items", model(72, 3)],
      [7, "a field that is not there", model(72, 4)],
      [7, "a field of no items", model(76, 0)],
      [12, "a lane that adds up to 259", lane(127, 127, 5, 0)],
      [12, "a lane that adds up to −259", lane(-128, 0, -3, -128)],
      [16, "an item more than records", model(76, 4)],
      [16, "an item less than records", model(76, 2)],
      [16, "key 0", (bytes) => void bytes.fill(0, inSection(10), inSection(10, 8))],
      [16, "keys that do not ascend", swapItems],
      [16, "a logit that is not finite", f32(item(1, 0), Number.NaN)],
      [16, "a byte behind a logit", byte(item(2, 15), 1)],
      [16, "a sum that is not finite", f32(item(0, 16), Number.POSITIVE_INFINITY)],
      [16, "a sum that is padding", f32(item(0, 24), 1)],
      [16, "an integer sum that is padding", u32(item(2, 48 + 12), 1)],
    ])("rule %i: %s", (rule, _, edit) => {
      expect(ruleOf(() => readBlob(seal(edited(catalogue, edit))))).toBe(rule);
    });

    test("rule 7: a hashed field that names items", () => {
      const hashed: Edit = (bytes) => {
        // `missing` may be left out, which makes room for the other text.
        const old = '"encoding":{"kind":"vocabulary"},"missing":"own"';
        const from = bytes.indexOf(old, bytes.indexOf('"name":"ad"'));
        bytes.write('"encoding":{"kind":"hash","buckets":8}'.padEnd(old.length), from);
      };
      expect(ruleOf(() => readBlob(seal(edited(catalogue, hashed))))).toBe(7);
    });
  });

  test("rules 7, 8 and 12 for towers", () => {
    const model = towers.readUInt32LE(192 + 32 + 4);
    const read = (edit: Edit) => ruleOf(() => readBlob(seal(edited(towers, edit))));
    expect(read(u32(model + 64, 1))).toBe(7);
    expect(read(u32(model + 128 + 64 + 12, 1))).toBe(12);
    const sameSide: Edit = (bytes) => {
      swap('"context"', '"item"   ')(bytes);
      byte(model + 128 + 3 * 64, 1)(bytes);
    };
    expect(read(sameSide)).toBe(8);
  });

  test.each([
    ["tiny.blob.bin", 8],
    ["v7/tiny.blob.bin", 7],
    ["v6/tiny.blob.bin", 6],
    ["v5/tiny.blob.bin", 5],
    ["v4/tiny.blob.bin", 4],
  ])("the envelope of %s: digest, key, signature and version", (file, format) => {
    const tiny = bytesOf(file);
    expect(formatOf(tiny)).toBe(format);
    const server = (blob: Buffer, key = PUBLIC_KEY, version = versionOf(blob)) =>
      ruleOf(() => checkEnvelope(blob, version, [key]));
    const unsigned = edited(tiny, (bytes) => void bytes.fill(0, 16, 32).fill(0, 64, 128).fill(0, 144, 152));
    if (format >= 8) sha256(unsigned.subarray(128)).copy(unsigned, 32);
    expect(server(tiny)).toBe(-1);
    expect(server(tiny.subarray(0, 191))).toBe(0);
    expect(server(edited(tiny, byte(tiny.length - 1, 1)))).toBe(0);
    expect(server(tiny, Buffer.alloc(32, 1))).toBe(0);
    expect(server(edited(tiny, byte(64, 0)))).toBe(0);
    expect(server(unsigned)).toBe(0);
    expect(server(tiny, PUBLIC_KEY, versionOf(unsigned))).toBe(0);
    expect(ruleOf(() => checkEnvelope(unsigned, versionOf(unsigned)))).toBe(-1);
    expect(ruleOf(() => checkEnvelope(unsigned, versionOf(tiny)))).toBe(0);
    for (const other of [3, 9]) expect(server(edited(tiny, u32(4, other)))).toBe(0);

    // From format 5 on the version covers every byte, so that without keys the digest is not looked at.
    const falseDigest = edited(unsigned, byte(40, 0));
    expect(ruleOf(() => checkEnvelope(falseDigest, versionOf(falseDigest)))).toBe(format >= 5 ? -1 : 0);
    expect(ruleOf(() => checkEnvelope(falseDigest, null))).toBe(0);
    expect(ruleOf(() => checkEnvelope(unsigned, null))).toBe(-1);

    // From format 8 on a signed blob has a serial number, and an unsigned one has none.
    const numbered = edited(unsigned, byte(144, 1));
    sha256(numbered.subarray(128)).copy(numbered, 32);
    expect(ruleOf(() => checkEnvelope(numbered, null))).toBe(format >= 8 ? 0 : -1);
  });
});

describe("damaged pages", () => {
  const model = readBlob(bytesOf("tiny.blob.bin"));
  /** Reads the page as one that the model lists. */
  const ruleOfPage = (page: Buffer, pages = 1, number = 0): number => {
    const digests = Array.from({ length: pages }, () => sha256(page).subarray(0, 16));
    const listing: Model = { ...model, digests };
    return ruleOf(() => readPage(page, listing, number));
  };

  test.each<[number, string, Edit]>([
    [3, "another magic", text(0, "DFEM")],
    [3, "another version", u32(4, 2)],
    [3, "another length", u32(8, 56)],
    [3, "another row type", u32(12, 0)],
    [3, "another D", u32(16, 1)],
    [3, "the number of another page", u32(24, 1)],
    [3, "another number of pages", u32(28, 2)],
    [4, "a row too many", u32(20, 2)],
    [5, "key 0", (bytes) => void bytes.fill(0, 32, 40)],
    [6, "a row that is not finite", f32(44, Number.NaN)],
  ])("rule %i: %s", (rule, _, edit) => {
    const page = bytesOf("tiny.page.bin");
    edit(page);
    expect(ruleOfPage(page)).toBe(rule);
  });

  test("rules 1, 2 and 5: another digest, too short, a key of another page", () => {
    const page = bytesOf("tiny.page.bin");
    expect(ruleOfPage(page)).toBe(-1);
    expect(ruleOfPage(page.subarray(0, 31))).toBe(2);
    u32(28, 2)(page);
    // Its key has the highest bit, so it belongs to the second page of two.
    expect(ruleOfPage(page, 2, 0)).toBe(5);
    expect(ruleOf(() => readPage(page, model, 0))).toBe(1);
  });
});
