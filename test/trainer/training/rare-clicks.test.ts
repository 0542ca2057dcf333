// Where clicks are rare, predictions have their rate: LR, FM and DeepFM. `npm run bench -- rare` measures it on larger
// logs, with the default network.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { generateLog, SMALL_WORLD } from "../../../trainer/data/generate.ts";
import { Random } from "../../../trainer/data/random.ts";
import { scoreHeldOut } from "../../../trainer/evaluation/held-out.ts";
import { entropy } from "../../../trainer/metrics/information-gain.ts";
import { loglossOfLogits } from "../../../trainer/metrics/logloss.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import { warnIfWorseThanRate } from "../../../trainer/model/divergence.ts";
import { rateInSample, shiftToRate } from "../../../trainer/training/fit-bias.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { QUIET_TASK } from "../tiny-run.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-rare-"));
afterAll(() => rmSync(folder, { recursive: true }));
const log = await generateLog(join(folder, "log"), 20_000, 3, QUIET_TASK, { ...SMALL_WORLD, clickRate: 0.005 });
const of = (path: string) => ({ paths: [path] });
const cache = join(folder, "cache");

function specOf(type: string, data: object = {}) {
  const fields = ["country", "device", "category", "item"].map((name) => ({ name, type: "categorical" }));
  return parseWith(FeatureSpecSchema, { name: "rare", fields, model: { type, hidden: [32, 32] }, data }, "rare");
}

describe("at a click rate of 0.5 %", () => {
  it.each<[string, object]>([
    ["LR", {}],
    ["FM", {}],
    ["DeepFM", {}],
    ["DeepFM", { negatives: { rate: 0.2 } }],
  ])("%s with %j: predictions have the rate of the training log, and beat it", async (type, data) => {
    const spec = specOf(type, data);
    const trained = await train(spec, { train: of(log.train), valid: of(log.valid), cache, backend: TEST_BACKEND });
    const { predictions } = await scoreHeldOut(trained, of(log.test), cache);
    const { logits, labels } = predictions;
    const predicted = Array.from(logits, sigmoid).reduce((sum, p) => sum + p, 0) / logits.length;
    // The share of clicks that was learned from, which chance has made of the expected one.
    const learned = await scoreHeldOut(trained, of(log.train), cache);
    const rate = learned.predictions.labels.reduce((sum, label) => sum + label, 0) / learned.predictions.labels.length;
    expect(predicted / rate).toBeGreaterThan(0.9);
    expect(predicted / rate).toBeLessThan(1.1);
    const clicks = labels.reduce((sum, label) => sum + label, 0);
    expect(loglossOfLogits(logits, labels)).toBeLessThan(entropy(clicks / labels.length));
  });
});

it("a sample says what the mean of all predictions is, although it has more clicks than all have", () => {
  const random = new Random(7);
  const all = Array.from({ length: 40_000 }, () => {
    const logit = 6 * random.uniform() - 4;
    return { logit, label: random.uniform() < sigmoid(logit) ? 1 : 0 };
  });
  const meanOf = (of: readonly number[]): number => of.reduce((sum, x) => sum + x, 0) / of.length;
  const errors = { plain: 0, regressed: 0 };
  const predicted = meanOf(all.map(({ logit }) => sigmoid(logit)));
  const rate = meanOf(all.map(({ label }) => label));
  for (let at = 0; at < all.length; at += 400) {
    const sample = all.slice(at, at + 400);
    const logits = Float64Array.from(sample, ({ logit }) => logit);
    const labels = Uint8Array.from(sample, ({ label }) => label);
    const target = rateInSample({ logits, labels, weights: new Float64Array(400).fill(1) }, rate);
    const own = meanOf(Array.from(logits, sigmoid));
    errors.plain += (own - predicted) ** 2;
    errors.regressed += (own - predicted - (target - rate)) ** 2;
  }
  expect(errors.regressed / errors.plain).toBeLessThan(0.85);
  const one = { logits: Float64Array.of(1), labels: Uint8Array.of(0), weights: Float64Array.of(1) };
  expect(rateInSample(one, 0.1)).toBe(0.1);
});

describe("the shift to a click rate", () => {
  it("gives logits that mean, by weight", () => {
    const logits = Float64Array.of(-3, 0, 2);
    const weights = Float64Array.of(1, 2, 0.5);
    const shift = shiftToRate(logits, weights, 0.001);
    const mean = logits.reduce((sum, logit, i) => sum + (weights[i] as number) * sigmoid(logit + shift), 0) / 3.5;
    expect(mean / 0.001).toBeCloseTo(1, 9);
  });

  it("is found where its steps would leave the interval, and where it is 0", () => {
    const cases: [number[], number][] = [
      [[50, 50], 0.001],
      [[-60, -60, 60], 0.3],
      [[-60, 0, 40], 1e-9],
      [[0, 0], 0.5],
      [[63, -63], 0.5],
    ];
    for (const [logits, rate] of cases) {
      const shift = shiftToRate(Float64Array.from(logits), new Float64Array(logits.length).fill(1), rate);
      const mean = logits.reduce((sum, logit) => sum + sigmoid(logit + shift), 0) / logits.length;
      expect(mean / rate, `${logits} to ${rate} by ${shift}`).toBeCloseTo(1, 8);
    }
    expect(shiftToRate(Float64Array.of(0, 0), Float64Array.of(1, 1), 0.5)).toBe(0);
  });

  it("is none where there is none", () => {
    expect(shiftToRate(Float64Array.of(Number.NaN), Float64Array.of(1), 0.1)).toBeNaN();
    expect(shiftToRate(Float64Array.of(1), Float64Array.of(0), 0.1)).toBeNaN();
    expect(shiftToRate(new Float64Array(0), new Float64Array(0), 0.1)).toBeNaN();
    expect(shiftToRate(Float64Array.of(1e6), Float64Array.of(1), 0.1)).toBeNaN();
  });
});

it("a model that is worse than the click rate is warned of, with both numbers", () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
  try {
    warnIfWorseThanRate("good.csv", specOf("LR"), entropy(0.01) - 1e-9, 0.01);
    expect(written).toEqual([]);
    warnIfWorseThanRate("bad.csv", specOf("LR"), 0.25, 0.01);
  } finally {
    write.mockRestore();
  }
  expect(written.join()).toMatch(/^warning: bad\.csv: .*got a logloss of 0\.25000, expected less than the 0\.05600/);
});
