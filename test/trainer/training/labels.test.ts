// Logs from which nothing can be learned, or by which nothing can be measured, and logs that are merely poor.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../../../format/spec.ts";
import { evaluatePredictions, evaluationLines } from "../../../trainer/metrics/evaluation.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-labels-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HEAD = "label,user,item,importance";

/** A log of so many lines; `line` gives the label and the weight of each. */
function log(name: string, count: number, line: (i: number) => [label: number, weight: number]): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const [label, weight] = line(i);
    return `${label},u${i % 7},i${i % 5},${weight}`;
  });
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `${HEAD}\n${lines.join("\n")}\n`);
  return path;
}

function specOf(weighted: boolean, model: object = {}, training: object = {}): FeatureSpec {
  return parseWith(
    FeatureSpecSchema,
    {
      name: "labels",
      fields: [
        { name: "user", type: "categorical" },
        { name: "item", type: "categorical", side: "item" },
      ],
      ...(weighted && { data: { weight: "importance" } }),
      model: { embeddingDim: 4, hidden: [4], ...model },
      training: { maxEpochs: 2, ...training },
    },
    "labels",
  );
}

const both = log("both", 60, (i) => [Number(i % 3 === 0), 1]);
const clicks = log("clicks", 60, () => [1, 1]);
const noClicks = log("no-clicks", 60, () => [0, 1]);
const one = log("one", 1, () => [0, 1]);
const empty = log("empty", 0, () => [0, 1]);
const noWeights = log("no-weights", 60, (i) => [Number(i % 3 === 0), 0]);
const clicksWithoutWeight = log("clicks-without-weight", 60, (i) => [Number(i % 3 === 0), Number(i % 3 !== 0)]);
const rareWeights = log("rare-weights", 60, (i) => [Number(i % 3 === 0), Number(i < 6)]);
const negativeWeight = log("negative-weight", 60, (i) => [Number(i % 3 === 0), i === 4 ? -1 : 1]);

/** Trains, and returns what it printed too. */
async function trainOn(spec: FeatureSpec, trainLog: string, validLog: string) {
  let printed = "";
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    const logs = { train: { paths: [trainLog] }, valid: { paths: [validLog] }, cache: join(folder, "cache") };
    const trained: TrainingResult = await train(spec, { ...logs, backend: TEST_BACKEND });
    return { trained, printed };
  } finally {
    write.mockRestore();
  }
}

const TOWERS = [{ type: "two-tower" }, { loss: "in-batch" }] as const;

describe("a log is refused", () => {
  it.each<[string, FeatureSpec, string, string, string]>([
    [
      "to train on without a click",
      specOf(false),
      noClicks,
      both,
      `${noClicks}: column label: got 0 in all 60 records, expected both 0 and 1: there is nothing to learn from one`,
    ],
    ["to train on with clicks alone", specOf(false), clicks, both, `${clicks}: column label: got 1 in all 60 records`],
    [
      "to train on where down-sampling keeps no negative",
      { ...specOf(false), data: { ...specOf(false).data, negatives: { rate: 1e-9, seed: 1 } } },
      both,
      both,
      `${both}: column label: got 1 in all 20 records, expected both 0 and 1: there is nothing to learn from one of ` +
        "them; data.negatives.rate, 1e-9, has kept no negative of the log: a larger one keeps more",
    ],
    [
      "to train on with one record",
      specOf(false),
      one,
      both,
      `${one}: column label: got 0 in its one record, expected`,
    ],
    ["to train on without a record", specOf(false), empty, both, `${empty}: got no rows, expected at least one`],
    ["to stop by without a record", specOf(false), both, empty, `${empty}: got no rows, expected at least one`],
    [
      "to train on where every weight is 0",
      specOf(true),
      noWeights,
      both,
      `${noWeights}: column importance: got 0 in all 60 records, expected some above 0`,
    ],
    [
      "to train on where the clicks' weights are 0",
      specOf(true),
      clicksWithoutWeight,
      both,
      `${clicksWithoutWeight}: column importance: got 0 in all 20 records whose label is 1, expected some above 0`,
    ],
    [
      "to stop by where every weight is 0",
      specOf(true),
      both,
      noWeights,
      `${noWeights}: column importance: got 0 in all 60 records, expected some above 0`,
    ],
    [
      "with a weight below 0",
      specOf(true),
      negativeWeight,
      both,
      `${negativeWeight}, line 6: column importance: got "-1", expected a weight of 0 or more`,
    ],
    [
      "to train a two-tower model on without a click",
      specOf(false, ...TOWERS),
      noClicks,
      both,
      `${noClicks}: column label: got 0 in all 60 records, expected some 1: the in-batch loss is that of these alone`,
    ],
    [
      "with weights that the in-batch loss does not count",
      specOf(true, ...TOWERS),
      both,
      both,
      'data.weight: got "importance" with the loss "in-batch", which counts each record with label 1 alike',
    ],
    [
      "to stop a two-tower model by without a click",
      specOf(false, ...TOWERS),
      both,
      noClicks,
      `${noClicks}: column label: got 0 in all 60 records, expected some 1`,
    ],
    [
      "to fit a calibration map on with clicks alone",
      specOf(false, {}, { calibrate: "platt" }),
      both,
      clicks,
      `${clicks}: column label: got no record with 0, expected some: "calibrate": "platt" needs both 0 and 1`,
    ],
    [
      "to fit a calibration map on where the clicks' weights are 0",
      specOf(true, {}, { calibrate: "isotonic" }),
      both,
      clicksWithoutWeight,
      `${clicksWithoutWeight}: column label: got 20 records of weight 0 with 1, expected some: "calibrate": "isotonic"`,
    ],
  ])("%s", async (_, spec, trainLog, validLog, message) => {
    await expect(trainOn(spec, trainLog, validLog)).rejects.toThrow(message);
    // The second time the encoded log is read from the cache.
    await expect(trainOn(spec, trainLog, validLog)).rejects.toThrow(message);
  });
});

describe("a log is warned of", () => {
  it.each([
    ["with no click", noClicks, "column label is 0 in all 60 records, so there is no AUC"],
    ["with clicks alone", clicks, "column label is 1 in all 60 records, so there is no AUC"],
    ["of one record", one, "column label is 0 in its one record, so there is no AUC"],
  ])("%s, to stop by", async (_, validLog, warning) => {
    const { trained, printed } = await trainOn(specOf(false), both, validLog);
    expect(printed).toContain(`warning: ${validLog}: ${warning}, and logloss alone is compared\n`);
    expect(trained.valid.logloss).toBeGreaterThan(0);
  });
});

describe("a log is taken", () => {
  it("where a two-tower model learns from clicks alone", async () => {
    const { trained } = await trainOn(specOf(false, ...TOWERS), clicks, clicks);
    expect(trained.valid.validLoss).toBeGreaterThan(0);
  });

  it("where whole batches weigh nothing", async () => {
    const { trained } = await trainOn(specOf(true, {}, { batchSize: 4 }), rareWeights, rareWeights);
    expect(trained.valid.logloss).toBeGreaterThan(0);
  });
});

it("metrics that a log without clicks has not are dashes", () => {
  const predictions = { logits: Float32Array.of(0.5, -1), labels: Uint8Array.of(0, 0) };
  const lines = new Map(evaluationLines(evaluatePredictions(predictions, null, 10)));
  expect(lines.get("calibration (predicted / observed)")).toBe("–");
  expect(lines.get("relative information gain")).toBe("–");
  expect(lines.get("AUC")).toBe("–");
  expect(Number(lines.get("logloss"))).toBeGreaterThan(0);
});
