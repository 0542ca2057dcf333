import { describe, expect, it } from "vitest";
import { rowKeyHash } from "../../../format/row-key.ts";
import { knotKeys } from "../../../format/spline.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { fitSpec } from "../../../trainer/data/fit.ts";
import { Random } from "../../../trainer/data/random.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("knots");
const file = writerInto(folder);
let files = 0;

const csvOf = (numbers: readonly (number | string)[]): string =>
  file(`${files++}.csv`, `n,label\n${numbers.map((x, i) => `${x},${i % 2}\n`).join("")}`);

/** The knots that are fitted to a column of these numbers. */
async function knotsOf(numbers: readonly (number | string)[], knots?: number): Promise<readonly number[]> {
  const spec = specOf({ fields: [{ name: "n", type: "numeric", encoding: { kind: "spline", knots } }] });
  await using log = await ClickLog.open(csvOf(numbers), { data: spec.data, label: spec.label });
  const encoding = (await fitSpec(spec, log, HASH_KEY)).fields[0]?.encoding;
  return encoding?.kind === "spline" ? encoding.knots : [];
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe("knots", () => {
  it("are the numbers themselves where these are few", async () => {
    expect(await knotsOf([3, 1, "", 5, 1, 0, 4, 2, 3, "-0", 3, 3], 16)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await knotsOf(upTo(16).reverse(), 16)).toEqual(upTo(16));
    expect(await knotsOf([7, 7, 7], 2)).toEqual([7]);
  });

  it("are otherwise in the middle of equal parts of the records", async () => {
    expect(await knotsOf(upTo(100), 4)).toEqual([13, 38, 63, 88]);
    expect(await knotsOf(upTo(17), 16)).toHaveLength(16);
  });

  it("are frequent numbers, and quantiles of the rest", async () => {
    // 900 zeros, 50 times 7, and 1 … 50: zero and 7 have a knot each, and the rest has two.
    const numbers = [...Array(900).fill(0), ...Array(50).fill(7), ...upTo(50).map((x) => 100 * x)];
    expect(await knotsOf(numbers, 4)).toEqual([0, 7, 1300, 3800]);
  });

  it("leave one for the rest, however frequent it is", async () => {
    expect(await knotsOf([...Array(50).fill(1), ...Array(50).fill(2), 3, 4, 5], 2)).toEqual([1, 2]);
  });

  it("are not moved by outliers", async () => {
    const plain = await knotsOf(upTo(1000), 8);
    const moved = await knotsOf([-1e30, ...upTo(998), 1e12], 8);
    expect(moved).toHaveLength(8);
    for (const [i, knot] of moved.entries()) expect(Math.abs(knot - (plain[i] ?? Number.NaN))).toBeLessThanOrEqual(2);
  });

  it("have equal shares of a heavy tail", async () => {
    const random = new Random(1);
    const numbers = Array.from({ length: 6000 }, () => Math.exp(3 * random.normal()));
    const knots = await knotsOf(numbers, 10);
    const below = knots.map((knot) => numbers.filter((x) => x < knot).length);
    expect(below).toEqual(Array.from({ length: 10 }, (_, i) => 300 + 600 * i));
  });

  it("are 12 where the spec says no number, and 6 where fewer than 1,000 records have the rarer label", async () => {
    // Every second record has the label 1.
    expect(await knotsOf(upTo(2000))).toHaveLength(12);
    expect(await knotsOf(upTo(1999))).toHaveLength(6);
    expect(await knotsOf(upTo(1999), 12)).toHaveLength(12);
  });

  it("are refused for a column without a number", async () => {
    await expect(knotsOf(["", ""], 8)).rejects.toThrow(
      /csv: got no number in column "n", expected some for its knots$/,
    );
    await expect(knotsOf(["", "old"], 8)).rejects.toThrow(/csv, line 3: column n: got "old", expected a number$/);
  });
});

describe("a training log of a spline", () => {
  it("has a row for each knot, and nothing between knots is unseen", async () => {
    const spec = specOf({ fields: [{ name: "n", type: "numeric", encoding: { kind: "spline", knots: 8 } }] });
    const random = new Random(2);
    const numbers = Array.from({ length: 500 }, () => Math.round(100 * Math.exp(2 * random.normal())) / 100);
    const { fitted, vocabulary } = await openTrainingLog(spec, { paths: [csvOf(numbers)] }, `${folder}/cache`);
    const keys = knotKeys(8, rowKeyHash(fitted.hashKey, "n"));
    const rows = Array.from({ length: 8 }, (_, i) => vocabulary.row(0, keys[2 * i] ?? 0, keys[2 * i + 1] ?? 0));
    expect(rows.toSorted((a, b) => a - b)).toEqual(upTo(8)); // row 0 is the OOV row
    expect(vocabulary.counts[0]).toBe(0);
  });
});
