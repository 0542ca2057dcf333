import { describe, expect, it } from "vitest";
import type { Part } from "../../../trainer/data/split.ts";
import { readRows, testFolder, writerInto } from "./log-files.ts";

const file = writerInto(testFolder("split"));
const PARTS = ["train", "valid", "test"] as const;

describe("data.split and data.negatives", () => {
  const N = 4000;
  const record = (i: number): string => `${i % 4 === 0 ? 1 : 0},u${i % 97},${Math.floor((i * 7919) % N) + 1000}`;
  const path = file("many.csv", `label,user,at\n${Array.from({ length: N }, (_, i) => record(i)).join("\n")}\n`);
  const parts = async (split: object): Promise<unknown[][][]> =>
    Promise.all(PARTS.map((part) => readRows(["label", "user", "at"], path, { split }, { part })));
  const whole = (found: unknown[][][]): string[] => found.flat().map(String).sort();

  it.each([
    ["random", { kind: "random", valid: 0.2, test: 0.1, seed: 3 }],
    ["hash", { kind: "hash", by: "user", valid: 0.2, test: 0.1 }],
    ["time", { kind: "time", by: "at", valid: 0.2, test: 0.1 }],
  ])("%s: three parts that make the whole, the same each time", async (kind, split) => {
    const found = await parts(split);
    expect(whole(found)).toEqual((await readRows(["label", "user", "at"], path)).map(String).sort());
    expect(await parts(split)).toEqual(found);
    const [train, valid, test] = found.map((part) => part.length / N) as [number, number, number];
    // 97 users are few; records and times are many.
    const tolerance = kind === "time" ? 1.5 / N : kind === "hash" ? 0.1 : 0.03;
    expect(Math.abs(train - 0.7)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(valid - 0.2)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(test - 0.1)).toBeLessThanOrEqual(tolerance);
  });

  it("hash keeps a value's records together; another seed divides otherwise", async () => {
    const users = async (seed: number): Promise<Set<unknown>[]> =>
      (await parts({ kind: "hash", by: "user", valid: 0.2, test: 0.2, seed })).map(
        (part) => new Set(part.map((row) => row[1])),
      );
    const [train, valid, test] = (await users(1)) as [Set<unknown>, Set<unknown>, Set<unknown>];
    expect([...train].filter((user) => valid.has(user) || test.has(user))).toEqual([]);
    expect([...valid].filter((user) => test.has(user))).toEqual([]);
    expect((await users(2))[0]).not.toEqual(train);
  });

  it("time keeps records of one moment together", async () => {
    const path = file("moments.csv", `label,at\n${"0,2024-01-31\n".repeat(95)}${"1,2024-02-01 00:00:30\n".repeat(5)}`);
    const sizes = async (valid: number, test: number): Promise<number[]> => {
      const split = { kind: "time", by: "at", valid, test };
      const read = async (part: Part) => (await readRows(["label"], path, { split }, { part })).length;
      return [await read("train"), await read("valid"), await read("test")];
    };
    expect(await sizes(0.01, 0)).toEqual([95, 5, 0]);
    expect(await sizes(0.01, 0.01)).toEqual([95, 0, 5]);
    expect(await sizes(0.1, 0.05)).toEqual([0, 95, 5]);
  });

  it("time divides by the shares that were asked for, although 0.1 + 0.2 is more than 0.3 in float64", async () => {
    const path = file("days.csv", `label,at\n${Array.from({ length: 120 }, (_, i) => `0,${i}\n`).join("")}`);
    const split = { kind: "time", by: "at", valid: 0.1, test: 0.2 };
    const sizes = PARTS.map(async (part) => (await readRows(["label"], path, { split }, { part })).length);
    expect(await Promise.all(sizes)).toEqual([84, 12, 24]);
  });

  it("time leaves the last records for the test", async () => {
    const [train, valid, test] = (await parts({ kind: "time", by: "at" })).map((part) =>
      part.map((row) => Number(row[2])),
    );
    expect(Math.max(...(train ?? []))).toBeLessThan(Math.min(...(valid ?? [])));
    expect(Math.max(...(valid ?? []))).toBeLessThan(Math.min(...(test ?? [])));
  });

  it("negatives are thinned in training alone, and all positives stay", async () => {
    const data = { negatives: { rate: 0.25, seed: 5 } };
    const labels = async (training: boolean) => (await readRows(["label"], path, data, { training })).flat();
    const thinned = await labels(true);
    expect(thinned.filter((label) => label === "1").length).toBe(N / 4);
    expect(thinned.filter((label) => label === "0").length / (0.75 * N)).toBeCloseTo(0.25, 1);
    expect(await labels(true)).toEqual(thinned);
    expect((await labels(false)).length).toBe(N);
  });
});
