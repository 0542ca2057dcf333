import { describe, expect, it } from "vitest";
import { TABLE_2 } from "../../../lab/sweeps/comparison.ts";
import { modelType, parseModelSettings, specsOfModels } from "../../../lab/sweeps/model-specs.ts";
import { tinyRunSpec } from "../../trainer/tiny-run.ts";

const base = { path: "base.json", spec: tinyRunSpec() };

describe("specsOfModels", () => {
  it("is the nine models of Table 2 under one setting", () => {
    const models = specsOfModels([base], TABLE_2, {}, "");
    expect(models.map(({ name }) => name)).toEqual([
      ...["LR", "FM", "FNN", "IPNN", "OPNN", "PNN*", "LR & DNN", "FM & DNN", "DeepFM"],
    ]);
    for (const { name, spec } of models)
      expect(spec).toEqual({ ...base.spec, model: { ...base.spec.model, type: name } });
  });

  it("takes a further spec for its own model, and settings on top", () => {
    const own = { path: "lr.json", spec: tinyRunSpec({ type: "LR" }, { learningRate: 0.5 }) };
    const settings = parseModelSettings('{"fm": {"training.l2": 0.25}, "LR": {"training.l2": 0.75}}', "settings.json");
    const models = specsOfModels([base, own], ["LR", "FM", "DeepFM"], settings, "settings.json");
    expect(models.map(({ spec: { model, training } }) => [model.type, training.learningRate, training.l2])).toEqual([
      ["LR", 0.5, 0.75],
      ["FM", 0.01, 0.25],
      ["DeepFM", 0.01, 0],
    ]);
  });

  it("refuses what it cannot tell apart or does not know, by name", () => {
    expect(() => specsOfModels([base, base, base], ["DeepFM"], {}, "")).toThrow(
      "base.json: got a second spec of DeepFM",
    );
    const other = { path: "other.json", spec: { ...base.spec, label: "buy" } };
    expect(() => specsOfModels([base, other], ["DeepFM"], {}, "")).toThrow('other.json: got the label "buy"');
    expect(() => specsOfModels([base], ["LR", "FNN"], { FM: {} }, "settings.json")).toThrow(
      "settings.json: got settings of FM, expected one of the models to train: LR, FNN",
    );
    const own = { path: "own.json", spec: tinyRunSpec({ type: "two-tower" }) };
    expect(() => specsOfModels([base, own], TABLE_2, {}, "")).toThrow(
      "own.json: got a spec of two-tower, expected one",
    );
    expect(() => parseModelSettings('{"FM": {}, "fm": {}}', "settings.json")).toThrow(
      'settings.json: got "fm", whose settings are there already, expected FM once',
    );
    expect(() => modelType("GBDT", "--models")).toThrow('--models: got the model "GBDT", expected one of LR, FM');
    expect(() => parseModelSettings('{"LR": 1}', "settings.json")).toThrow("settings.json: LR: got 1");
    const settings = { LR: { "training.rate": 1 } };
    expect(() => specsOfModels([base], ["LR"], settings, "settings.json")).toThrow("settings.json: LR: training.rate");
    expect(modelType("lr&dnn", "--models")).toBe("LR & DNN");
  });
});

it("settings that are a list are refused", () => {
  expect(() => parseModelSettings("[]", "settings.json")).toThrow("settings.json: got [], expected Object");
});
