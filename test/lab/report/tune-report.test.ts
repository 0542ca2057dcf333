import { describe, expect, it } from "vitest";
import { tuneReport } from "../../../lab/report/tune-report.ts";
import { parseSearchSpace } from "../../../lab/tune/space.ts";
import type { Trial } from "../../../lab/tune/trial-log.ts";
import { tinyRunSpec } from "../../trainer/tiny-run.ts";

const RATE = "training.learningRate";
const HIDDEN = "model.hidden";
const space = parseSearchSpace(
  JSON.stringify({
    parameters: {
      [RATE]: { type: "log-uniform", low: 1e-4, high: 0.1 },
      [HIDDEN]: { type: "choice", values: [[8], [64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64]] },
      "model.embeddingDim": { type: "integer", low: 2, high: 16 },
      "model.dropout": { type: "uniform", low: 0, high: 0.5 },
    },
  }),
  "space",
);

function trial(number: number, budget: number, auc: number | null): Trial {
  const settings = {
    [RATE]: 1e-4 * 1.1 ** number,
    [HIDDEN]: number % 2 === 0 ? [8] : [64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64],
    "model.embeddingDim": 2 + (number % 15),
    "model.dropout": (number % 6) / 10,
  };
  const logloss = auc === null ? null : 1 - auc;
  return { key: "k", trial: number, budget, settings, valid: { auc, logloss }, epochs: budget, seconds: 1 };
}

const first = Array.from({ length: 64 }, (_, i) => trial(i + 1, 1, i === 5 ? null : i === 7 ? 0.5 : 0.7 + i / 1000));
const second = Array.from({ length: 8 }, (_, i) => trial(64 - i, 4, 0.78 - i / 1000));
const tuned = {
  spec: tinyRunSpec({}, { monitor: "auc" }),
  best: second[0] as Trial,
  trials: [...second, ...first.slice(0, 56)],
  history: [...first, ...second],
};

describe("the report of a search", () => {
  it("shows the best settings, the search in its order, each setting against the metric, and all trials", async () => {
    const html = await tuneReport(tuned, space);
    const titles = [...html.matchAll(/<figcaption><h3>(.*?)<\/h3>/g)].map(([, title]) => title);
    expect(titles).toEqual(["Best so far", RATE, HIDDEN, "model.embeddingDim", "model.dropout"]);
    expect(html).toContain("The best settings, trial #64");
    expect(html).toContain('<th scope="row">validation AUC</th><td>0.78000</td>');
    expect(html).toContain("Of 72 trainings 1 diverged, and 1 far from the others are triangles at the edge.");
    expect(html).toContain("1 epoch: 63 trainings, the best 0.76300; 4 epochs: 8 trainings, the best 0.78000.");
    expect(html).toContain("<summary>All 64 rows</summary>");
    expect(html).toContain(">[64,64,64…,64,64,64]</text>");
    expect(html).not.toMatch(/NaN|undefined|Infinity|<script|url\(/);
  });

  it("is by logloss where there is no AUC, and of one trial too", async () => {
    const only = { ...trial(1, 2, 0.7), valid: { auc: null, logloss: 0.4 } };
    const html = await tuneReport({ ...tuned, best: only, trials: [only], history: [only] }, space);
    expect(html).toContain("1 trial in 1 training, judged by logloss");
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});
