import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MLP_SHAPES, type MlpShape, shapeWidths } from "../../../lab/sweeps/mlp-shapes.ts";
import { type Study, variantsOf } from "../../../lab/sweeps/study.ts";
import { runHere } from "../../cli/command-here.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

describe("shapes", () => {
  it.each<[MlpShape, number[]]>([
    ["constant", [200, 200, 200]],
    ["increasing", [100, 200, 300]],
    ["decreasing", [300, 200, 100]],
    ["diamond", [150, 300, 150]],
  ])("%s is the paper's, for 600 units in three layers", (shape, widths) => {
    expect(shapeWidths(shape, 600, 3)).toEqual(widths);
  });

  it("have equal totals for every total and number of layers, and the shape that they say", () => {
    const rises = (list: number[]): number[] => list.slice(1).map((x, i) => Math.sign(x - list[i]));
    for (const layers of [1, 2, 3, 4, 5, 8]) {
      for (const total of [97, 600, 1200, 1201]) {
        for (const shape of MLP_SHAPES) {
          const widths = shapeWidths(shape, total, layers);
          expect(widths).toHaveLength(Math.max(3, layers));
          expect(widths.reduce((a, b) => a + b, 0)).toBe(total);
          expect(Math.min(...widths)).toBeGreaterThan(0);
        }
        expect(Math.min(...rises(shapeWidths("increasing", total, layers)))).toBe(1);
        expect(Math.max(...rises(shapeWidths("decreasing", total, layers)))).toBe(-1);
        const diamond = shapeWidths("diamond", total, layers);
        // An even number of layers has two in the middle; one of them may have a unit more than the other.
        const half = diamond.length / 2;
        expect([diamond[Math.floor(half)], diamond[Math.ceil(half) - 1]]).toContain(Math.max(...diamond));
        const constant = shapeWidths("constant", total, layers);
        expect(Math.max(...constant) - Math.min(...constant)).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe("variants", () => {
  const spec = tinyRunSpec({ hidden: [60, 40] });
  it.each<[Study, string[], unknown[]]>([
    ["activation", ["relu", "tanh", "sigmoid"], ["relu", "tanh", "sigmoid"]],
    ["dropout", ["1.0", "0.9", "0.8", "0.7", "0.6", "0.5"], [0, 0.1, 0.2, 0.3, 0.4, 0.5]],
    [
      "width",
      ["100", "200", "400", "800"],
      [
        [100, 100],
        [200, 200],
        [400, 400],
        [800, 800],
      ],
    ],
    ["depth", ["1", "3", "5", "7"], [[60], [60, 60, 60], [60, 60, 60, 60, 60], [60, 60, 60, 60, 60, 60, 60]]],
    [
      "shape",
      ["constant", "increasing", "decreasing", "diamond"],
      [
        [34, 33, 33],
        [17, 33, 50],
        [50, 33, 17],
        [25, 50, 25],
      ],
    ],
  ])("of %s", (study, values, settings) => {
    const variants = variantsOf(study, spec);
    expect(variants.map(({ value }) => value)).toEqual(values);
    expect(variants.map((variant) => Object.values(variant.settings)[0])).toEqual(settings);
  });
});

describe("the command", async () => {
  const { folder, log } = await tinyLog();
  afterAll(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "spec.json"), JSON.stringify(tinyRunSpec({ hidden: [8, 8, 8] }, { maxEpochs: 1 })));
  const data = ["--train", log.train, "--valid", log.valid, "--test", log.test, "--backend", "wasm"];

  it("trains every model with every value, prints them, and plots them", async () => {
    const args = ["study", "spec.json", "--over", "shape", ...data, "--models", "FNN,DeepFM", "--seeds", "2"];
    const { code, out } = await runHere(folder, [...args, "--out", "study", "--json", "study.json"]);
    expect(out).toMatch(/DeepFM +│ +diamond \(6-12-6\) +│ +0\.\d{5} ± 0\.\d{5}/);
    expect(code).toBe(0);
    const json = JSON.parse(readFileSync(join(folder, "study.json"), "utf8"));
    expect(json.over).toBe("shape");
    expect(json.models.map(({ model }: { model: string }) => model)).toEqual(["FNN", "DeepFM"]);
    for (const { results } of json.models) {
      expect(results.map(({ value }: { value: string }) => value)).toEqual([...MLP_SHAPES]);
      for (const { auc, logloss, settings } of results) {
        expect(auc.mean).toBeGreaterThan(0);
        expect(logloss.mean).toBeGreaterThan(0);
        expect(settings["model.hidden"].reduce((a: number, b: number) => a + b, 0)).toBe(24);
      }
    }
    const html = readFileSync(join(folder, "study", "report-shape.html"), "utf8");
    expect(html).toContain("Figure 11 of the DeepFM paper");
    expect(html.match(/<svg /g)).toHaveLength(2);
    for (const shape of MLP_SHAPES) expect(html).toContain(`>${shape}</text>`);
    expect(html).not.toMatch(/<script|NaN|undefined/);
  });

  it("refuses a model without hidden layers", async () => {
    const args = ["study", "spec.json", "--over", "depth", ...data, "--models", "LR", "--out", "none"];
    const { code, out } = await runHere(folder, args);
    expect(out).toContain("error: --models: got LR, expected models of FNN");
    expect(code).toBe(1);
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});
