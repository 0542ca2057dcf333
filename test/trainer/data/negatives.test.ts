import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { Random } from "../../../trainer/data/random.ts";
import { predictLog } from "../../../trainer/data/source.ts";
import { sigmoid } from "../../../trainer/metrics/metrics.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-negatives-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a model that saw a tenth of the negatives", () => {
  it("gives the click rates of the whole log", async () => {
    const random = new Random(8);
    const rates: Record<string, number> = { a: 0.02, b: 0.1 };
    const clicks: Record<string, number> = { a: 0, b: 0 };
    const N = 40_000;
    const lines = Array.from({ length: N }, (_, i) => {
      const ad = i % 2 === 0 ? "a" : "b";
      const click = random.uniform() < rates[ad] ? 1 : 0;
      clicks[ad] = clicks[ad] + click;
      return `${click},${ad}`;
    });
    const path = join(folder, "log.csv");
    writeFileSync(path, `label,ad\n${lines.join("\n")}\n`);
    const spec = parseWith(
      FeatureSpecSchema,
      {
        name: "thin",
        fields: [{ name: "ad", type: "categorical" }],
        data: { negatives: { rate: 0.1 } },
        model: { type: "LR" },
        training: { learningRate: 0.05, batchSize: 256, maxEpochs: 6, patience: 6 },
      },
      "spec.json",
    );
    const cache = join(folder, "cache");
    const log = { paths: [path] };
    const trained = await train(spec, { train: log, valid: log, cache, backend: TEST_BACKEND });
    const { logits } = await predictLog(await openHeldOutLog(spec, trained, log, cache), (dataset) =>
      trained.learner.predict(dataset),
    );
    expect(logits.length).toBe(N);
    for (const [i, ad] of ["a", "b"].entries()) {
      const rate = clicks[ad] / (N / 2);
      expect(sigmoid(logits[i]) / rate).toBeGreaterThan(0.85);
      expect(sigmoid(logits[i]) / rate).toBeLessThan(1.15);
    }
  });
});
