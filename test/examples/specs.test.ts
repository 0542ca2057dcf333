import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseFeatureSpec } from "../../format/spec.ts";
import { movielens } from "../../lab/recipes/movielens.ts";
import { TABLE_2 } from "../../lab/sweeps/comparison.ts";
import { parseModelSettings, specsOfModels } from "../../lab/sweeps/model-specs.ts";
import { withSettings } from "../../lab/sweeps/settings.ts";
import { draw, parseSearchSpace } from "../../lab/tune/space.ts";
import { Random } from "../../trainer/data/random.ts";

// Every file of examples/ is read by the code that it is an example for.

const folder = new URL("../../examples/", import.meta.url);
const text = (file: string): string => readFileSync(new URL(file, folder), "utf8");
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
const specOf = (file: string) => parseFeatureSpec(text(file), file);
const recipeSpec = parseFeatureSpec(JSON.stringify(movielens.spec), "recipe");

it.each(files.filter((file) => file.endsWith(".space.json")))("%s fits its spec", (file) => {
  const spec = file === "movielens.space.json" ? recipeSpec : specOf(file.replace(".space", ""));
  const random = new Random(2);
  const space = parseSearchSpace(text(file), file);
  const drawn = Array.from({ length: 20 }, () => draw(space, random));
  for (const settings of drawn) expect(() => withSettings(spec, settings, file)).not.toThrow();
  expect(new Set(drawn.map((settings) => JSON.stringify(settings))).size).toBe(20);
});

it.each(files.filter((file) => file.endsWith(".settings.json")))("%s fits its spec", (file) => {
  const path = file.replace(".settings", "");
  const settings = parseModelSettings(text(file), file);
  const specs = specsOfModels([{ path, spec: specOf(path) }], TABLE_2, settings, file);
  for (const { name, spec } of specs) {
    const own = Object.entries(settings[name] ?? {}).filter(([key]) => key.startsWith("training."));
    for (const [key, value] of own) expect(spec.training).toHaveProperty(key.slice("training.".length), value);
  }
  expect(Object.keys(settings).length).toBeGreaterThan(0);
});

it.each(files.filter((file) => !/\.(space|settings)\.json$/.test(file)))("%s is a feature spec", (file) => {
  expect(specOf(file).fields.length).toBeGreaterThan(1);
});

it("the two-tower model has the fields of the recipe", () => {
  expect(specOf("movielens.two-tower.json").fields).toEqual(recipeSpec.fields);
});
