import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { LinearMemory } from "../../../trainer/engine/assembly/memory.ts";

const MIB = 2 ** 20;
const BYTES = 96 * MIB;

describe("linear memory", () => {
  it("takes no room for zeros before it is populated, and keeps what was written there", () => {
    // In a process of its own, as the garbage of other tests may go at any time.
    const program = `
      import { LinearMemory } from "./trainer/engine/assembly/memory.ts";
      const rss = process.memoryUsage.rss;
      const memory = new LinearMemory();
      const before = rss();
      const addresses = [memory.allocateZeros(${BYTES / 2}), memory.allocateZeros(${BYTES / 2})];
      const lists = addresses.map((address) => memory.floats(address, ${BYTES / 8}));
      for (const list of lists) list.set([1.5], 12345);
      const allocated = rss();
      memory.populate();
      const populated = rss();
      const kept = lists.map((list) => [list[12345], list.reduce((sum, x) => sum + x, 0)]);
      console.log(JSON.stringify({ allocated: allocated - before, populated: populated - allocated, kept }));`;
    const args = ["--input-type=module-typescript", "--eval", program];
    const { allocated, populated, kept } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
    expect(allocated).toBeLessThan(BYTES / 2);
    expect(populated).toBeGreaterThan(BYTES / 2);
    expect(kept).toEqual([1, 2].map(() => [1.5, 1.5]));
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
