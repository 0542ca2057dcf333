import { describe, expect, it } from "vitest";
import { LinearMemory } from "../../../trainer/engine/assembly/memory.ts";

const MIB = 2 ** 20;
const BYTES = 96 * MIB;

describe("linear memory", () => {
  it("takes no room for zeros before it is populated, and keeps what was written there", () => {
    const memory = new LinearMemory();
    const before = process.memoryUsage.rss();
    const addresses = [memory.allocateZeros(BYTES / 2), memory.allocateZeros(BYTES / 2)];
    const lists = addresses.map((address) => memory.floats(address, BYTES / 8));
    for (const list of lists) list.set([1.5], 12345);
    const allocated = process.memoryUsage.rss();
    memory.populate();
    const populated = process.memoryUsage.rss();
    expect(allocated - before).toBeLessThan(BYTES / 2);
    expect(populated - allocated).toBeGreaterThan(BYTES / 2);
    for (const list of lists) {
      expect(list[12345]).toBe(1.5);
      expect(list.reduce((sum, x) => sum + x, 0)).toBe(1.5);
    }
  });

  it("hands out zeros where other numbers have been", () => {
    const memory = new LinearMemory();
    const end = memory.end;
    memory.floats(memory.allocateNumbers(100), 100).fill(7);
    memory.release(end);
    const address = memory.allocateZeros(4 * 1000);
    memory.populate();
    expect(memory.floats(address, 1000).every((x) => x === 0)).toBe(true);
  });
});
