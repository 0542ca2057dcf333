import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { expectedLoss, servedNetworks } from "../../../trainer/export/networks.ts";
import { TEST_BACKEND } from "../backend.ts";
import { randomDataset, randomLearner, tinySpec, tinyVocabulary } from "../tiny.ts";

beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

const random = new Random(3);

describe("served networks", () => {
  it("leaves the trained rows as they are", () => {
    const spec = tinySpec({ embeddingDim: 6, hidden: [10] });
    const vocabulary = tinyVocabulary(3, 50, random);
    const learner = randomLearner(spec, vocabulary, random);
    const before = learner.tables.values.slice();
    servedNetworks(learner, "int8", randomDataset(100, 3, vocabulary.size, random).dataset);
    expect(learner.tables.values).toEqual(before);
  });

  it("the expected loss is that of small errors, relative to the entropy", () => {
    const logits = Float32Array.from({ length: 500 }, () => 2 * random.normal());
    const errors = logits.map(() => 0.01 * random.normal());
    let loss = 0;
    let entropy = 0;
    logits.forEach((z, i) => {
      const p = 1 / (1 + Math.exp(-z));
      const cross = (y: number): number =>
        -p * Math.log(1 / (1 + Math.exp(-y))) - (1 - p) * Math.log(1 / (1 + Math.exp(y)));
      loss += cross(z + errors[i]) - cross(z);
      entropy += cross(z);
    });
    expect(expectedLoss(logits, errors) / (loss / entropy)).toBeCloseTo(1, 2);
  });
});
