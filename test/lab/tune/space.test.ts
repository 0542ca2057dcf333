import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { draw, parseSearchSpace } from "../../../lab/tune/space.ts";
import { Random } from "../../../trainer/data/random.ts";

const space = parseSearchSpace(
  JSON.stringify({
    parameters: {
      "model.hidden": { type: "choice", values: [[8], [16, 16], [4]] },
      "model.dropout": { type: "uniform", low: 0.1, high: 0.5 },
      "training.learningRate": { type: "log-uniform", low: 1e-4, high: 1e-1 },
      "model.embeddingDim": { type: "integer", low: 2, high: 5 },
    },
  }),
  "space.json",
);

describe("draw", () => {
  const random = new Random(1);
  const draws = Array.from({ length: 4000 }, () => draw(space, random));
  const numbers = (path: string): number[] => draws.map((settings) => settings[path] as number).sort((a, b) => a - b);
  const median = (list: number[]): number => list[list.length / 2];

  it("takes every value of a choice and of an integer range, about equally often", () => {
    for (const [path, count] of [
      ["model.hidden", 3],
      ["model.embeddingDim", 4],
    ] as const) {
      const seen = new Map<string, number>();
      for (const settings of draws) {
        const value = JSON.stringify(settings[path]);
        seen.set(value, (seen.get(value) ?? 0) + 1);
      }
      expect(seen.size).toBe(count);
      for (const times of seen.values()) expect(Math.abs(times - 4000 / count)).toBeLessThan(150);
    }
    expect(numbers("model.embeddingDim").at(0)).toBe(2);
    expect(numbers("model.embeddingDim").at(-1)).toBe(5);
  });

  it("is uniform between low and high, of the number or of its logarithm", () => {
    const dropout = numbers("model.dropout");
    expect(dropout[0]).toBeGreaterThanOrEqual(0.1);
    expect(dropout.at(-1)).toBeLessThanOrEqual(0.5);
    expect(median(dropout)).toBeCloseTo(0.3, 1);
    const rates = numbers("training.learningRate");
    expect(rates[0]).toBeGreaterThanOrEqual(1e-4);
    expect(rates.at(-1)).toBeLessThanOrEqual(1e-1);
    expect(Math.log10(median(rates))).toBeCloseTo(-2.5, 1);
  });

  it("is the same for the same seed, and begins the same for more trials", () => {
    const first = (count: number): unknown[] => {
      const same = new Random(5);
      return Array.from({ length: count }, () => draw(space, same));
    };
    expect(first(8).slice(0, 3)).toEqual(first(3));
    expect(first(2)[0]).not.toEqual(first(2)[1]);
  });
});

describe("a search space", () => {
  const parameter = (range: unknown): string => JSON.stringify({ parameters: { x: range } });
  it.each([
    ["{", "s: not JSON"],
    ["{}", "s: parameters: missing"],
    ['{"parameters": {}}', "s: parameters: got {}, expected at least one path"],
    [parameter({ type: "uniform", low: 1, high: 1 }), "s: parameters.x: got low 1 and high 1, expected low < high"],
    [parameter({ type: "log-uniform", low: 0, high: 1 }), "s: parameters.x.low: got 0, expected >0"],
    [parameter({ type: "integer", low: 0.5, high: 2 }), "s: parameters.x.low: got 0.5, expected an integer"],
    [parameter({ type: "choice", values: [] }), "s: parameters.x.values: got length 0, expected >=1"],
    [parameter({ type: "normal", mean: 0 }), 's: parameters.x.type: got "normal"'],
  ])("%s is refused", (text, problem) => {
    expect(() => parseSearchSpace(text, "s")).toThrow(problem);
  });

  it("has a JSON Schema with every type of range", () => {
    const path = new URL("../../../lab/tune/search-space.schema.json", import.meta.url);
    const schema = JSON.parse(readFileSync(path, "utf8"));
    const types = schema.properties.parameters.additionalProperties.oneOf.map(
      (one: { properties: { type: { const: string } } }) => one.properties.type.const,
    );
    expect(types).toEqual(["choice", "uniform", "log-uniform", "integer"]);
  });
});
