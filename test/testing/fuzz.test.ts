import { describe, expect, it } from "vitest";
import { FormatError } from "../../format/errors.ts";
import { readBlob } from "../../format/read-blob.ts";
import { SECTION_NAMES } from "../../format/read-sections.ts";
import { seeded } from "../../testing/format/random.ts";
import { KernelCheck } from "../../testing/fuzz/check-kernels.ts";
import { fuzz } from "../../testing/fuzz/fuzz.ts";
import { mutant } from "../../testing/fuzz/mutant.ts";
import { BROKEN_BLOBS } from "../assembly/score/broken-blobs.ts";
import { GOOD_BLOB, GOOD_FLOAT_BLOB, GOOD_ITEMS } from "../assembly/score/good-blobs.ts";

const SEED = 2017;
const MUTANTS = 5000;

describe("a short run of the fuzzer", () => {
  it("finds nothing, and reaches every section", async () => {
    const { mutants, outcomes, finds } = await fuzz({ seed: SEED, end: MUTANTS });
    expect(finds).toEqual([]);
    expect(mutants).toBe(MUTANTS);
    const refused = ["blob", "blob: header", ...SECTION_NAMES.slice(1).map((name) => `blob: section ${name}`)];
    expect([...outcomes.keys()].sort()).toEqual(
      [...refused, "golden records", "page", "item page", "read", "scored"].sort(),
    );
    expect(outcomes.get("scored")).toBeGreaterThan(MUTANTS / 10);
  });

  it("ends a mutant that takes too long, names it, and goes on behind it", async () => {
    // A thread takes longer than that to start.
    const { finds, mutants } = await fuzz({ seed: SEED, first: 5, end: 7, hangSeconds: 0.001 });
    expect(finds).toEqual([5, 6].map((number) => ({ number, problem: "no end after 0.001 s" })));
    expect(mutants).toBe(0);
  });
});

describe("a mutant", () => {
  it("is made again by its seed and number", () => {
    for (let number = 0; number < 200; number++) {
      expect(mutant(SEED, number).bytes, `${number}`).toEqual(mutant(SEED, number).bytes);
    }
  });

  it("differs from that of another seed or number", () => {
    const made = [1, 2, 3].flatMap((seed) => [0, 1, 2, 3].map((number) => mutant(seed, number)));
    const texts = made.map(({ bytes }) => Buffer.from(bytes).toString("base64"));
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe("the check of the kernels", () => {
  const kernels = new KernelCheck();
  const check = (blob: Uint8Array, reading: Parameters<KernelCheck["check"]>[1]): boolean =>
    // The batches of this seed have a record.
    kernels.check(blob, reading, 0, seeded(2));

  it("takes what readBlob and kernels agree on", () => {
    expect(check(GOOD_BLOB, { model: readBlob(GOOD_BLOB) })).toBe(true);
    for (const { blob, name } of BROKEN_BLOBS) {
      let error: unknown;
      try {
        readBlob(blob);
      } catch (thrown) {
        error = thrown;
      }
      expect(check(blob, { error: error as FormatError }), name).toBe(false);
    }
  });

  it("finds a blob that readBlob takes and the kernels refuse", () => {
    const model = readBlob(GOOD_BLOB);
    for (const { blob, code } of BROKEN_BLOBS)
      expect(() => check(blob, { model })).toThrow(`readBlob takes what the kernels refuse with ${code}`);
  });

  it("finds a blob that the kernels take and readBlob refuses", () => {
    for (const section of ["MODEL", "KEYS", "DENSE"])
      expect(() => check(GOOD_BLOB, { error: new FormatError(`blob: section ${section}`, "no") })).toThrow(
        "the kernels return 0, readBlob says",
      );
  });

  it("finds items that are not at their keys, and records that readers would refuse", () => {
    const model = readBlob(GOOD_ITEMS);
    expect(check(GOOD_ITEMS, { model })).toBe(true);
    const keys = model.items.keys.map((word) => word ^ 1);
    expect(() => check(GOOD_ITEMS, { model: { ...model, items: { ...model.items, keys } } })).toThrow(
      "3 items, and keys that are not found",
    );
    expect(() => check(GOOD_ITEMS, { model: { ...model, fmDim: model.fmDim - 1 } })).toThrow("item 0 with a number");
  });

  it("finds keys without a row", () => {
    const model = readBlob(GOOD_BLOB);
    const keys = model.keys.map((word) => word ^ 1);
    expect(() => check(GOOD_BLOB, { model: { ...model, keys } })).toThrow("keys that are not found");
    expect(() => check(GOOD_FLOAT_BLOB, { model: { ...model, keys } })).toThrow();
  });
});
