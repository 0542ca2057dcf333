import { describe, expect, test } from "vitest";
import { KeyCounter } from "../../../trainer/data/counter.ts";
import { slotOf } from "../../../trainer/data/key-slots.ts";
import { Random } from "../../../trainer/data/random.ts";
import { RowIndex } from "../../../trainer/data/row-index.ts";
import { SharedKeyError } from "../../../trainer/data/shared-key.ts";
import { testFolder } from "./log-files.ts";

const folder = testFolder("key-slots");
const KEYS = 60_000;
const random = new Random(1);

/** Different keys that a table by a key's low bits, its high bits or a multiple of it would put side by side. */
const CHOSEN: [string, (i: number) => [lo: number, hi: number]][] = [
  ["low words that end in 16 zeros", (i) => [((i + 1) << 16) >>> 0, i]],
  ["one low word", (i) => [7, i]],
  ["one high word", (i) => [i, 7]],
  ["words of one byte each", (i) => [((i & 255) << 24) >>> 0, (((i >>> 8) + 1) << 24) >>> 0]],
  ["one after the other", (i) => [i + 1, 0]],
  ["drawn", () => [random.bits(), random.bits()]],
];

/** Slots that are looked at while the keys are put into a table that they fill to less than a half. */
function probesOf(keyOf: (i: number) => [number, number]): number {
  let probes = 0;
  const keys = new Uint32Array(2 * 2 ** 17);
  const slots = new Uint32Array(2 ** 17);
  const used = new Proxy(slots, {
    get(target, name) {
      if (name !== "length") probes++;
      return Reflect.get(target, name);
    },
  });
  for (let i = 0; i < KEYS; i++) {
    const [lo, hi] = keyOf(i);
    const slot = slotOf(keys, used, lo, hi);
    keys.set([lo, hi], 2 * slot);
    slots[slot] = 1;
  }
  return probes;
}

describe("a table of row keys", () => {
  // Linear probing of random slots takes ½ (1 + 1/(1 − load)) probes to the end, 1.42 at the load of 0.46; the mean
  // while the table fills is lower.
  test.each(CHOSEN)("takes two probes a key at most: %s", (_, keyOf) => {
    expect(probesOf(keyOf)).toBeLessThan(2 * KEYS);
  });

  test("finds every row again, and no other, while it grows", () => {
    const index = new RowIndex();
    const [, keyOf] = CHOSEN[0];
    for (let i = 0; i < 5000; i++) expect(index.add(...keyOf(i), i)).toBe(-1);
    expect(index.size).toBe(5000);
    for (let i = 0; i < 5000; i++) expect(index.get(...keyOf(i))).toBe(i);
    for (let i = 5000; i < 6000; i++) expect(index.get(...keyOf(i))).toBe(-1);
    expect(index.add(...keyOf(17), 9)).toBe(17);
    expect([index.size, index.get(...keyOf(17))]).toEqual([5000, 17]);
  });
});

describe("a counter refuses a key of two fields", () => {
  test("at once, where both are in memory", async () => {
    await using counter = await KeyCounter.create(2, folder, 64);
    counter.count(0, 1, 2);
    expect(() => counter.count(1, 1, 2)).toThrow(new SharedKeyError(1, 2));
  });

  test.each([1, 5])(
    "at the end, where one was spilled, whether or not it has uses enough for a row: %i",
    async (uses) => {
      await using counter = await KeyCounter.create(2, folder, 64);
      counter.count(0, 1, 2);
      counter.count(0, 3, 4);
      await counter.spill();
      for (let i = 0; i < uses; i++) counter.count(1, 1, 2);
      await expect(counter.vocabulary([1, 4])).rejects.toThrow("two fields share the row key 0000000200000001");
    },
  );
});
