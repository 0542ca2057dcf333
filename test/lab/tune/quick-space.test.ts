import { expect, test } from "vitest";
import { MODEL_TYPES } from "../../../format/spec.ts";
import { withSettings } from "../../../lab/sweeps/settings.ts";
import { quickSpace } from "../../../lab/tune/quick-space.ts";
import { draw } from "../../../lab/tune/space.ts";
import { Random } from "../../../trainer/data/random.ts";
import { tinySpec } from "../../trainer/tiny.ts";

test.each(MODEL_TYPES)(
  "what a quick search of %s draws is a spec, and no setting that the model does not have",
  (type) => {
    const spec = tinySpec({ type, embeddingDim: 1, hidden: [3, 1] }, { l2: 1e-4, l2Scope: "table" });
    const space = quickSpace(spec);
    const random = new Random(1);
    for (let i = 0; i < 50; i++) expect(withSettings(spec, draw(space, random), "quick").model.type).toBe(type);
    const paths = Object.keys(space.parameters);
    expect(paths).toContain("training.learningRate");
    expect(paths.includes("model.embeddingDim")).toBe(type !== "LR");
    expect(paths.includes("model.dropout")).toBe(type !== "LR" && type !== "FM");
  },
);

test("without L2 there is none to search", () => {
  expect(Object.keys(quickSpace(tinySpec({ type: "LR" }, { l2: 0 })).parameters)).toEqual(["training.learningRate"]);
});

test.each([
  ["DeepFM", 200, 256],
  ["FM & DNN", 100, 128],
  ["FNN", 128, 255],
  ["FM & DNN", 128, 128],
] as const)("tries no embedding of %s longer than a blob's rows: of %i at most %i", (type, embeddingDim, most) => {
  const { parameters } = quickSpace(tinySpec({ type, embeddingDim, hidden: [4] }));
  const dims = parameters["model.embeddingDim"];
  expect(dims?.type === "choice" && Math.max(...(dims.values as number[]))).toBe(most);
});
