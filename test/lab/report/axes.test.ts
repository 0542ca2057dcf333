import { describe, expect, it } from "vitest";
import { curveFigure } from "../../../lab/report/learning-curves.ts";
import { reliabilityDiagram, scoreHistogram } from "../../../lab/report/prediction-figures.ts";
import { logOdds, logOddsDomain, probabilityTicks, rateText } from "../../../lab/report/probability-axis.ts";
import { robustLimits } from "../../../lab/report/robust-limits.ts";
import { Random } from "../../../trainer/data/random.ts";
import { deciles } from "../../../trainer/metrics/deciles.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";

describe("the axis of probabilities", () => {
  const ticks = (low: number, high: number): string[] =>
    probabilityTicks(logOdds(low), logOdds(high)).map((p) => `${Number((100 * p).toPrecision(8))} %`);

  it("has round ticks wherever it lies, and however short it is", () => {
    expect(ticks(0.00002, 0.03)).toEqual(["0.01 %", "0.1 %", "1 %"]);
    expect(ticks(0.00002, 0.0008)).toEqual(["0.002 %", "0.005 %", "0.01 %", "0.02 %", "0.05 %"]);
    expect(ticks(0.001, 0.999)).toEqual(["0.1 %", "1 %", "10 %", "50 %", "90 %", "99 %", "99.9 %"]);
    expect(ticks(0.46, 0.54)).toEqual(["46 %", "48 %", "50 %", "52 %", "54 %"]);
    expect(ticks(0.0999, 0.1101)).toEqual(["10 %", "10.2 %", "10.4 %", "10.6 %", "10.8 %", "11 %"]);
    for (let z = -20; z < 20; z += 0.37) {
      for (const width of [0.8, 2, 5, 20]) {
        const found = probabilityTicks(z, z + width);
        const inside = z > logOdds(0) && z + width < logOdds(1);
        if (inside) expect(found.length, `${z} ${width}`).toBeGreaterThanOrEqual(2);
        expect(found.length).toBeLessThanOrEqual(10);
      }
    }
  });

  it("of one prediction is wide enough to be read", () => {
    const [low, high] = logOddsDomain([logOdds(0.5)]);
    expect(sigmoid(low)).toBeCloseTo(0.4, 2);
    expect(sigmoid(high)).toBeCloseTo(0.6, 2);
    expect(logOddsDomain([0, -4, 2])).toEqual([-4.3, 2.3]);
  });

  it("rates have three digits", () => {
    expect([0, 0.0001, 0.00812345, 0.5, 1, Number.NaN].map(rateText)).toEqual([
      ...["0 %", "0.0100 %", "0.812 %", "50.0 %", "100 %", "–"],
    ]);
  });
});

describe("figures of predictions", () => {
  it("draw clicks of 1 in 10,000, a constant model, no click and nothing but clicks with finite numbers", async () => {
    const random = new Random(1);
    const rare = Float32Array.from({ length: 20_000 }, () => random.normal() - 9.5);
    const cases: [Float32Array, Uint8Array][] = [
      [rare, Uint8Array.from(rare, (z) => Number(random.uniform() < sigmoid(z)))],
      [new Float32Array(500), Uint8Array.from({ length: 500 }, (_, i) => Number(i % 9 === 0))],
      [rare.slice(0, 100), new Uint8Array(100)],
      [rare.slice(0, 100), new Uint8Array(100).fill(1)],
      [Float32Array.of(-800, 800, 0), Uint8Array.of(0, 1, 1)],
      [Float32Array.of(0.3), Uint8Array.of(1)],
    ];
    for (const [logits, labels] of cases) {
      const table = deciles({ logits, labels });
      for (const { svg, note } of [await reliabilityDiagram(table), await scoreHistogram({ logits, labels }, table)]) {
        expect(`${svg}${note}`).not.toMatch(/NaN|undefined|Infinity|null/);
        expect(svg.match(/ %<\/text>/g)?.length).toBeGreaterThanOrEqual(2);
      }
    }
  });
});

describe("robust limits", () => {
  it("leave out the few worst values that would flatten the others", () => {
    expect(robustLimits([0.69, 0.3, 0.29, 0.285, 0.283], "high")).toMatchObject({ cut: true });
    expect(robustLimits([0.69, 0.3, 0.29, 0.285, 0.283], "high")?.high).toBeCloseTo(0.3, 1);
    expect(robustLimits([0.5, 0.78, 0.781, 0.782], "low")?.low).toBeCloseTo(0.78, 3);
  });

  it("keep what is spread evenly, the good ones however far they are, and at most a third apart", () => {
    for (const values of [
      [0.5, 0.6, 0.7, 0.8],
      [0.78, 0.782, 0.781, 0.95],
      [0.5, 0.5, 0.5, 0.9],
    ])
      expect(robustLimits(values, "low")).toMatchObject({ cut: false });
    expect(robustLimits([1, 2], "high")).toMatchObject({ cut: false });
  });

  it("of equal values have room, and of no finite one there are none", () => {
    expect(robustLimits([0.5, 0.5], "low")).toEqual({ low: 0.46, high: 0.54, cut: false });
    expect(robustLimits([0], "low")?.high).toBeGreaterThan(0);
    expect(robustLimits([Number.NaN], "low")).toBeNull();
  });
});

describe("curves", () => {
  const points = (values: number[]) => values.map((value, i) => ({ epoch: i + 1, value }));

  it("say which points lie beyond the axis, and draw no line outside of it", async () => {
    const curves = [{ name: "training", points: points([4, 0.3, 0.29, 0.285, 0.283]), kept: 5 }];
    const figure = await curveFigure(curves, { title: "Loss", note: "Read it.", worst: "high" });
    expect(figure?.note).toBe("Read it. Triangles lie beyond the axis (epoch 1: 4.0000).");
    expect(figure?.svg).toContain('aria-label="Loss by epoch. training: 4.0000 at epoch 1, 0.2830 at epoch 5."');
    const line = /<path d="(M[^"]*L[^"]*)" stroke="var\(--series-1\)"/.exec(figure?.svg ?? "")?.[1] ?? "";
    const heights = [...line.matchAll(/,(-?[\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(5);
    for (const y of heights) expect(y).toBeGreaterThanOrEqual(-0.01);
  });

  it("of no epoch are none, and of one epoch a point", async () => {
    const options = { title: "AUC", note: "", worst: "low" } as const;
    expect(await curveFigure([{ name: "a", points: points([Number.NaN]) }], options)).toBeNull();
    const one = await curveFigure([{ name: "a", points: points([0.7]), kept: 1 }], options);
    expect(one?.svg).not.toMatch(/NaN|undefined/);
  });
});
