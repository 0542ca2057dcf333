import { describe, expect, test } from "vitest";
import { MAX_PAGES } from "../../format/constants.ts";
import { ascending, compareKeys, findKey, pageOfKey } from "../../format/keys.ts";

describe("keys", () => {
  const high = 0xffffffff;

  test("are ordered as unsigned 64-bit numbers", () => {
    const ordered = [
      [0, 0],
      [1, 0],
      [0x7fffffff, 0],
      [0x80000000, 0],
      [high, 0],
      [0, 1],
      [high, 0x7fffffff],
      [0, 0x80000000],
      [high, high],
    ];
    for (const [i, [aLo = 0, aHi = 0]] of ordered.entries()) {
      for (const [j, [bLo = 0, bHi = 0]] of ordered.entries()) {
        expect(Math.sign(compareKeys(aLo, aHi, bLo, bHi))).toBe(Math.sign(i - j));
      }
    }
    expect(ascending(Uint32Array.from(ordered.flat()))).toBe(true);
  });

  test("ascend only without repetition", () => {
    expect(ascending(new Uint32Array(0))).toBe(true);
    expect(ascending(Uint32Array.of(5, 5))).toBe(true);
    expect(ascending(Uint32Array.of(1, 1, 1, 1))).toBe(false);
    expect(ascending(Uint32Array.of(0, 2, 9, 1))).toBe(false);
    expect(ascending(Uint32Array.of(0, 1, 0, 2, 0, 2))).toBe(false);
  });

  test("are found at every size from 0 to 33, and what lies between them is not", () => {
    for (let count = 0; count <= 33; count++) {
      const keys = Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 10 : i));
      for (let i = 0; i < count; i++) {
        expect(findKey(keys, 10, 2 * i + 1)).toBe(i);
        expect(findKey(keys, 9, 2 * i + 1)).toBe(-1);
        expect(findKey(keys, 11, 2 * i + 1)).toBe(-1);
        expect(findKey(keys, 10, 2 * i)).toBe(-1);
      }
    }
  });

  test.each([
    [0, 1, 0],
    [high, 1, 0],
    [0x7fffffff, 2, 0],
    [0x80000000, 2, 1],
    [high, 2, 1],
    [0x55555555, 3, 0],
    [0x55555556, 3, 1],
    [high, 1000, 999],
    [high, MAX_PAGES, MAX_PAGES - 1],
    [4095, MAX_PAGES, 0],
    [4096, MAX_PAGES, 1],
  ])("the high word %i is of page, of %i", (hi, pages, page) => {
    expect(pageOfKey(hi, pages)).toBe(page);
    expect(BigInt(page)).toBe((BigInt(hi) * BigInt(pages)) >> 32n);
  });
});
