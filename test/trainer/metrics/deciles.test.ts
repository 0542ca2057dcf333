import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { deciles } from "../../../trainer/metrics/deciles.ts";
import { meanInterval, wilsonInterval } from "../../../trainer/metrics/interval.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";

const logit = (p: number): number => Math.log(p / (1 - p));

describe("deciles", () => {
  it("have a tenth of the records each, the highest predictions first, and sum up to the log", () => {
    // Record i of 100 has the prediction (i + ½)/100; the last 20 and record 0 are clicked.
    const logits = Float64Array.from({ length: 100 }, (_, i) => logit((i + 0.5) / 100));
    const labels = Uint8Array.from({ length: 100 }, (_, i) => Number(i >= 80 || i === 0));
    const table = deciles({ logits, labels });
    expect(table.map(({ records }) => records)).toEqual(Array(10).fill(10));
    expect(table.map(({ clicks }) => clicks)).toEqual([10, 10, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(table[0]?.predicted).toBeCloseTo(0.95, 12);
    expect(table[0]?.lift).toBeCloseTo(1 / 0.21, 12);
    expect(table.map(({ gain }) => Math.round(21 * gain))).toEqual([10, 20, 20, 20, 20, 20, 20, 20, 20, 21]);
    expect(table[9]?.interval).toEqual(wilsonInterval(0.1, 10));
  });

  it("share the clicks of records that no prediction tells apart: a constant model has the lift 1 everywhere", () => {
    const labels = Uint8Array.from({ length: 1000 }, (_, i) => Number(i < 7));
    const table = deciles({ logits: new Float32Array(1000), labels });
    expect(table).toHaveLength(10);
    for (const [i, { records, clicks, lift, gain }] of table.entries()) {
      expect(records).toBe(100);
      expect(clicks).toBeCloseTo(0.7, 12);
      expect(lift).toBeCloseTo(1, 12);
      expect(gain).toBeCloseTo((i + 1) / 10, 12);
    }
  });

  it("have a tenth of the weight where records have weights; those of weight 0 are not there", () => {
    const random = new Random(1);
    const count = 5000;
    const logits = Float64Array.from({ length: count }, () => random.normal());
    const labels = Uint8Array.from(logits, (z) => Number(random.uniform() < sigmoid(z - 3)));
    const weights = Float64Array.from({ length: count }, (_, i) => i % 3);
    const table = deciles({ logits, labels, weights });
    const total = table.reduce((sum, { weight }) => sum + weight, 0);
    expect(total).toBe(weights.reduce((sum, w) => sum + w, 0));
    for (const { weight } of table) expect(Math.abs(weight - total / 10)).toBeLessThanOrEqual(2);
    expect(table.reduce((sum, { records }) => sum + records, 0)).toBe(weights.filter((w) => w > 0).length);
    // A record of weight 2 is two records: the same rates, and a wider interval than twice as many records have.
    const repeated = [...weights].flatMap((weight, i): number[] => Array(weight).fill(i));
    const alike = deciles({
      logits: Float64Array.from(repeated, (i) => logits[i] as number),
      labels: Uint8Array.from(repeated, (i) => labels[i] as number),
    });
    for (const [i, { clickRate, interval }] of table.entries()) {
      const other = alike[i];
      expect(Math.abs(clickRate - (other?.clickRate ?? 1))).toBeLessThan(0.005);
      expect(interval.high - interval.low).toBeGreaterThan((other?.interval.high ?? 1) - (other?.interval.low ?? 0));
    }
  });

  it("of fewer than ten records leave out what is empty; a log without clicks has no lift", () => {
    const table = deciles({ logits: Float64Array.of(1, 2, 3), labels: Uint8Array.of(0, 0, 0) });
    expect(table.map(({ records }) => records)).toEqual([1, 1, 1]);
    expect(table.map(({ lift }) => lift)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe("intervals", () => {
  it("Wilson's of 1 of 10 and 0 of 20, as R's binom.confint prints them", () => {
    const { low, high } = wilsonInterval(0.1, 10);
    expect(low).toBeCloseTo(0.01787621, 8);
    expect(high).toBeCloseTo(0.40415, 7);
    expect(wilsonInterval(0, 20)).toEqual({ low: 0, high: expect.closeTo(0.1611252, 7) });
    expect(wilsonInterval(Number.NaN, 0)).toEqual({ low: 0, high: 1 });
  });

  it("Student's of a mean, beyond the table too", () => {
    const { low, high } = meanInterval([1, 2, 3, 4, 5]);
    expect((high - low) / 2).toBeCloseTo(2.776 * Math.sqrt(2.5 / 5), 12);
    const many = Array.from({ length: 61 }, (_, i) => i % 2);
    const half = (meanInterval(many).high - meanInterval(many).low) / 2;
    const sd = Math.sqrt((31 * (30 / 61) ** 2 + 30 * (31 / 61) ** 2) / 60);
    expect(half).toBeCloseTo((2.0003 * sd) / Math.sqrt(61), 3);
  });
});
