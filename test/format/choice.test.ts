import { describe, expect, it } from "vitest";
import { chosenName } from "../../format/choice.ts";
import { MODEL_TYPES, parseFeatureSpec } from "../../format/spec.ts";

describe("a model's name", () => {
  it.each([
    ["DeepFM", "DeepFM"],
    ["deepfm", "DeepFM"],
    ["DEEP_FM", "DeepFM"],
    ["lr&dnn", "LR & DNN"],
    ["fm & dnn", "FM & DNN"],
    ["pnn*", "PNN*"],
    ["Two Tower", "two-tower"],
    ["PNN", undefined],
    ["", undefined],
  ])("%j means %j", (text, name) => {
    expect(chosenName(MODEL_TYPES, text)).toBe(name);
  });

  it("is the canonical one in a parsed spec", () => {
    const text = JSON.stringify({
      name: "s",
      fields: [{ name: "a", type: "categorical" }],
      model: { type: "lr & DNN" },
    });
    expect(parseFeatureSpec(text, "s").model.type).toBe("LR & DNN");
  });

  it.each([7, null, ["DeepFM"], "XDeepFM"])("is refused where it is %j", (type) => {
    const text = JSON.stringify({ name: "s", fields: [{ name: "a", type: "categorical" }], model: { type } });
    expect(() => parseFeatureSpec(text, "s")).toThrow(`s: model.type: got ${JSON.stringify(type)}, expected ("LR" | `);
  });
});
