import { describe, expect, test } from "vitest";
import { addToFilter, filterHas, NO_FILTER, newFilter } from "../../format/row-filter.ts";
import { integer, seeded } from "../../testing/format/random.ts";

describe("a filter of row keys", () => {
  test.each([
    [5, 0.2],
    [8, 0.04],
    [12, 0.008],
    [16, 0.002],
  ])("of %i bits has every key that was added, and at most a share of %f of others", (bits, most) => {
    const random = seeded(bits);
    const word = (): number => integer(random, 0, 2 ** 32 - 1);
    const keys = Array.from({ length: 20_000 }, () => [word(), word()] as const);
    const filter = newFilter(keys.length, bits);
    expect(filter.byteLength).toBe(32 * Math.ceil((keys.length * bits) / 256));
    for (const [lo, hi] of keys) addToFilter(filter, lo, hi);
    expect(keys.filter(([lo, hi]) => !filterHas(filter, lo, hi))).toEqual([]);
    let passed = 0;
    for (let i = 0; i < 20_000; i++) if (filterHas(filter, word(), word())) passed++;
    expect(passed / 20_000).toBeLessThan(most);
  });

  test("takes keys at both ends of the range", () => {
    for (const blocks of [1, 3, 1000]) {
      const filter = newFilter(blocks, 256);
      for (const [lo, hi] of [
        [0, 1],
        [0xffffffff, 0xffffffff],
        [1, 0],
      ] as const) {
        addToFilter(filter, lo, hi);
        expect(filterHas(filter, lo, hi)).toBe(true);
      }
      expect(filter).toHaveLength(8 * blocks);
    }
  });

  test("that is empty has every key", () => {
    expect(filterHas(NO_FILTER, 1, 2)).toBe(true);
  });
});
