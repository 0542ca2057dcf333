import { describe, expect, it } from "vitest";
import { MODEL_TYPES, parseFeatureSpec } from "../../../format/spec.ts";
import {
  defaultsText,
  type LogSize,
  l2For,
  resolveSpec,
  settingsForLog,
  withFixedDefaults,
} from "../../../trainer/data/default-settings.ts";

const SMALL: LogSize = { records: 1400, clicks: 350, rows: 2000 };
const LARGE: LogSize = { records: 10_000_000, clicks: 2_000_000, rows: 1_000_000 };

function specOf(model: object = {}, training: object = {}) {
  const fields = [
    { name: "user", type: "categorical" },
    { name: "item", type: "categorical", side: "item" },
  ];
  return parseFeatureSpec(JSON.stringify({ name: "s", fields, model, training }), "s.json");
}

describe("settings that follow from the log", () => {
  it("grow with the log, and are the more regular the fewer records there are", () => {
    const [small, large] = [settingsForLog(SMALL), settingsForLog(LARGE)];
    expect(small.batchSize).toBeLessThan(large.batchSize);
    expect(small.embeddingDim).toBeLessThanOrEqual(large.embeddingDim);
    expect(small.denseL2).toBeGreaterThan(large.denseL2);
    for (const type of MODEL_TYPES) expect(l2For(type, SMALL)).toBeGreaterThan(l2For(type, LARGE));
    expect(l2For("DeepFM", LARGE)).toBeGreaterThan(l2For("FM", LARGE));
    const units = ({ hidden }: { hidden: number[] }): number => hidden.reduce((a, b) => a + b);
    expect(units(small)).toBeLessThanOrEqual(units(large));
  });

  it.each([
    { records: 1, clicks: 0, rows: 1 },
    { records: 1, clicks: 1, rows: 4096 },
    { records: 2 ** 32, clicks: 1, rows: 2 ** 26 },
  ])("are ones that a spec may state, of the log %j too", (size) => {
    for (const type of MODEL_TYPES) {
      const { model, training } = resolveSpec(specOf({ type }), size);
      expect(withFixedDefaults(specOf(model, training))).toEqual(resolveSpec(specOf({ type }), size));
    }
  });

  it("leave what is stated as it is", () => {
    const stated = withFixedDefaults(specOf({ embeddingDim: 3, hidden: [7], dropout: 0 }, { batchSize: 5, l2: 0 }));
    expect(resolveSpec(stated, SMALL)).toEqual(stated);
    expect(defaultsText(stated, stated)).toBeNull();
  });

  it("have l2 of the whole table only where nobody says otherwise", () => {
    const l2Of = (training: object) => {
      const { l2, l2Scope } = resolveSpec(specOf({}, training), SMALL).training;
      return [l2, l2Scope];
    };
    const l2 = l2For("DeepFM", SMALL);
    expect(l2Of({})).toEqual([l2, "table"]);
    expect(l2Of({ l2Scope: "table" })).toEqual([l2, "table"]);
    expect(l2Of({ l2: 0.5 })).toEqual([0.5, "batch"]);
    expect(l2Of({ l2: 0.5, l2Scope: "table" })).toEqual([0.5, "table"]);
    expect(l2Of({ l2Scope: "batch" })).toEqual([0, "batch"]);
    expect(l2Of({ optimizer: "ftrl" })).toEqual([0, "batch"]);
  });

  it("are a higher learning rate, and a drop of it, for a network and a large log", () => {
    const of = (type: string, size: LogSize) => {
      const { learningRate, rateDrops } = resolveSpec(specOf({ type }), size).training;
      return [learningRate, rateDrops];
    };
    expect(["LR", "FM", "DeepFM"].map((type) => of(type, SMALL))).toEqual([
      [0.01, 0],
      [0.003, 0],
      [0.001, 0],
    ]);
    expect(["LR", "FM", "DeepFM"].map((type) => of(type, LARGE))).toEqual([
      [0.01, 1],
      [0.003, 1],
      [0.003, 1],
    ]);
  });

  it("are said", () => {
    const asked = specOf({ type: "LR", embeddingDim: 3, hidden: [7] }, { batchSize: 5, l2: 0, denseL2: 0 });
    expect(defaultsText(asked, resolveSpec(asked, SMALL))).toBe(
      `dropout ${settingsForLog(SMALL).dropout}, learningRate 0.01, rateDrops 0, l2Scope "batch"`,
    );
  });
});
