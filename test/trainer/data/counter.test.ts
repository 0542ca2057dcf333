import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KeyCounter } from "../../../trainer/data/counter.ts";
import { Random } from "../../../trainer/data/random.ts";
import { testFolder } from "./log-files.ts";

const folder = testFolder("counter");

describe("KeyCounter", () => {
  it("counts as a map does, with a table that is far too small", async () => {
    const random = new Random(3);
    await using counter = await KeyCounter.create(2, join(folder, "counter"), 64);
    const expected = new Map<string, number>();
    const unseen = [0, 0];
    for (let i = 0; i < 5000; i++) {
      const field = random.integer(2);
      const lo = Math.floor(600 * random.uniform() ** 3);
      counter.count(field, lo, lo === 0 ? 0 : field + 1);
      if (lo === 0) unseen[field] = unseen[field] + 1;
      else expected.set(`${field} ${lo}`, (expected.get(`${field} ${lo}`) ?? 0) + 1);
      if (counter.full) await counter.spill();
    }
    const { keys, fieldOf, counts, size } = await counter.vocabulary([1, 10]);
    const kept = [...expected].filter(([key, count]) => count >= (key.startsWith("0") ? 1 : 10));
    for (const [key, count] of expected) if (key.startsWith("1") && count < 10) unseen[1] = unseen[1] + count;
    expect([...counts.slice(0, 2)]).toEqual(unseen);
    const found = Array.from({ length: size - 2 }, (_, i) => [`${fieldOf[i + 2]} ${keys[2 * i + 4]}`, counts[i + 2]]);
    expect(found).toEqual(kept); // a map, too, is in the order of first appearance
  });

  it("keeps required keys behind the others, whatever their count", async () => {
    await using counter = await KeyCounter.create(2, join(folder, "required"));
    for (const lo of [9, 5, 5, 9, 7]) counter.count(1, lo, 1);
    await counter.require(1, Uint32Array.of(8, 1, 7, 1, 0, 0, 6, 1));
    const { keys, fieldOf, counts } = await counter.vocabulary([2, 2]);
    expect([...keys.slice(4)]).toEqual([9, 1, 5, 1, 7, 1, 8, 1, 6, 1]);
    expect([...fieldOf]).toEqual([0, 1, 1, 1, 1, 1, 1]);
    expect([...counts]).toEqual([0, 0, 2, 2, 1, 0, 0]);
  });

  it("refuses a required key that another field has", async () => {
    await using counter = await KeyCounter.create(2, join(folder, "shared"));
    counter.count(0, 3, 1);
    await counter.require(1, Uint32Array.of(3, 1));
    await expect(counter.vocabulary([1, 1])).rejects.toThrow("two fields share the row key 0000000100000003");
  });
});
