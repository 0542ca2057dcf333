import { describe, expect, it } from "vitest";
import { settingsText, withSettings } from "../../../lab/sweeps/settings.ts";
import { tinyRunSpec } from "../../trainer/tiny-run.ts";

const spec = tinyRunSpec();

describe("withSettings", () => {
  it("sets values by dotted path, of a field by its name, and leaves the given spec as it is", () => {
    const changed = withSettings(
      spec,
      { "training.learningRate": 0.5, "model.hidden": [3], "fields.country.encoding.minCount": 7 },
      "test",
    );
    expect(changed.training.learningRate).toBe(0.5);
    expect(changed.model.hidden).toEqual([3]);
    expect(changed.fields[0]?.encoding).toEqual({ kind: "vocabulary", minCount: 7 });
    expect(spec.training.learningRate).toBe(0.01);
    expect(withSettings(spec, {}, "test")).toEqual(spec);
  });

  it.each([
    [{ "training.rate": 1 }, "test: training.rate: unknown key"],
    [{ "model.dropout": 2 }, "test: model.dropout: got 2, expected <=0.95"],
    [{ "trainings.l2": 1 }, "test: trainings.l2: got a path to nothing, expected one into the feature spec"],
    [{ "fields.city.side": "item" }, "test: fields.city.side: got a path to nothing"],
    [{ "model.constructor.name": "x" }, "test: model.constructor.name: got a path to nothing"],
  ])("refuses %j", (settings, problem) => {
    expect(() => withSettings(spec, settings, "test")).toThrow(problem);
  });
});

it("settings are one line of text", () => {
  expect(settingsText({ "training.l2": 0.000123456, "model.hidden": [8, 8] })).toBe(
    "training.l2 = 0.0001235, model.hidden = [8,8]",
  );
});
