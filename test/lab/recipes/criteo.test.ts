import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { criteo } from "../../../lab/recipes/criteo.ts";
import { runRecipe } from "../../../lab/recipes/recipe.ts";
import { readShared, sharedPath } from "../../trainer/shared-data.ts";
import { cook, made, trainable, withData } from "./cook.ts";

describe("criteo", () => {
  const line = (i: number): string =>
    [
      i % 3 === 0 ? 1 : 0,
      ...Array.from({ length: 13 }, (_, f) => (f === 11 ? "" : i + f - 1)),
      ...Array.from({ length: 26 }, (_, f) => (i + f) % 5),
    ].join("\t");
  const lines = Array.from({ length: 200 }, (_, i) => line(i));

  it("reads the file without a header, the label first", async () => {
    const result = await cook(criteo, made("criteo", { "train.txt": `${lines.join("\n")}\n` }));
    const all = result.rows.flat();
    expect(all.length).toBe(200);
    expect(result.rows.every((rows) => rows.length > 0)).toBe(true);
    const fifth = all.find(({ I1 }) => I1 === "4");
    expect(fifth).toMatchObject({ label: "0", I2: "5", I12: null, C1: "0", C2: "1", C26: "0" });
    expect(result.warnings).toContain(
      "got 200 records, expected the 45,840,617 of the whole data set; taken as a sample",
    );
    expect(await trainable(result)).toBeGreaterThan(39);
  });

  const real = withData("criteo");
  real.run(real.title("the raw rows of the competition, log² of the integers, rare values as one"), async () => {
    const result = await cook(criteo, sharedPath("criteo"));
    expect(result.rows.flat().length).toBe(1_999);
    const clicks = result.rows.flat().filter(({ label }) => label === "1").length;
    const raw = gunzipSync(readShared("criteo/train.tiny.csv.gz").bytes).toString().trimEnd().split("\n").slice(1);
    expect(clicks).toBe(raw.filter((text) => text.split(",")[1] === "1").length);
    expect(result.spec.fields[0]).toMatchObject({ name: "I1", encoding: { kind: "log2", minCount: 10 } });
    const rows = await trainable(result);
    expect(rows).toBeGreaterThan(400);
    expect(rows).toBeLessThan(1500);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["no file", {}, /got none of train\.txt, .* expected one\. Get train\.txt from Criteo/],
    ["a ragged row", { "train.txt": `${lines[0]}\n1\t2\n` }, /train\.txt, line 2: got 2 columns, expected 40/],
    ["other columns", { "train.csv": "Label,I1\n1,2\n" }, /train\.csv: got the columns .* expected also "I2"/],
    [
      "no label",
      { "train.csv": "click,I1\n1,2\n" },
      /got the columns "click", "I1", expected also "Label"\. Get train/,
    ],
  ])("refuses %s, and writes nothing", async (name, files, problem) => {
    const from = made(`criteo-${name.replaceAll(" ", "-")}`, files);
    const out = join(from, "out");
    await expect(runRecipe(criteo, from, out)).rejects.toThrow(problem);
    expect(existsSync(out)).toBe(false);
  });
});
