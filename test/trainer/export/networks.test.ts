import { beforeAll, describe, expect, it } from "vitest";
import { plainEntries } from "../../../trainer/data/plain-entries.ts";
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

  it.each(["IPNN", "PNN*"] as const)(
    "have the factor 1 for the inner products of one field in %s, of which there are none",
    (type) => {
      const { fields, ...spec } = tinySpec({ type, embeddingDim: 6, hidden: [10] });
      const vocabulary = tinyVocabulary(1, 50, random);
      const learner = randomLearner({ ...spec, fields: fields.slice(0, 1) }, vocabulary, random);
      const served = servedNetworks(learner, "int8", randomDataset(100, 1, vocabulary.size, random).dataset);
      expect(served.innerScale).toBe(1);
      expect(served.outerScale > 0 && Number.isFinite(served.outerScale)).toBe(true);
    },
  );

  it("have the factor 1 for products so small that no float32 brings them to the embeddings' range", () => {
    const spec = tinySpec({ type: "PNN*", embeddingDim: 1, hidden: [10] });
    const vocabulary = tinyVocabulary(3, 50, random);
    const learner = randomLearner(spec, vocabulary, random);
    // The vectors of the first field are 1, those of the others nothing beside it.
    learner.tables.replace(learner.tables.values.map((_, i) => ((i >> 1) % 3 === 0 ? 1 : 1e-42)));
    const count = 100;
    const rows = Int32Array.from({ length: 3 * count }, (_, cell) => 3 * random.integer(50) + (cell % 3));
    const { offsets, values } = plainEntries(3 * count);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    const served = servedNetworks(learner, "int8", { count, labels, rows, offsets, values });
    expect(served.innerScale).toBe(1);
    expect(served.layers.flatMap(({ biases }) => [...biases]).every(Number.isFinite)).toBe(true);
  });

  it("have the last layers of towers whose vectors are one number", () => {
    const spec = tinySpec({ type: "two-tower", embeddingDim: 1, hidden: [10] });
    const vocabulary = tinyVocabulary(3, 50, random);
    const learner = randomLearner(spec, vocabulary, random);
    const { dataset } = randomDataset(100, 3, vocabulary.size, random);
    const { layers, contextLayers, itemLayers } = servedNetworks(learner, "int8", dataset);
    expect([contextLayers, itemLayers]).toEqual([2, 2]);
    expect(layers.map(({ outputs }) => outputs)).toEqual([10, 1, 10, 1]);
    expect(servedNetworks(learner, "f32", dataset).layers[3]?.biases).toEqual(
      learner.model.parameters.view("item.output.bias"),
    );
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
