import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type FeatureSpec, parseFeatureSpec } from "../../../format/spec.ts";
import { avazu } from "../../../lab/recipes/avazu.ts";
import { criteo } from "../../../lab/recipes/criteo.ts";
import { frappe } from "../../../lab/recipes/frappe.ts";
import { movielens } from "../../../lab/recipes/movielens.ts";
import { type Recipe, runRecipe } from "../../../lab/recipes/recipe.ts";
import { openLog } from "../../../trainer/data/read.ts";
import { openHeldOutLog, openTrainingLog } from "../../../trainer/data/training-log.ts";
import { readShared, sharedPath } from "../../trainer/shared-data.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PARTS = ["train", "valid", "test"] as const;

function made(name: string, files: Record<string, string | Uint8Array>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

interface Result {
  spec: FeatureSpec;
  rows: Record<string, unknown>[][];
  warnings: string;
  out: string;
}

async function cook(recipe: Recipe, from: string): Promise<Result> {
  const out = mkdtempSync(join(folder, "out-"));
  const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  let warnings: string;
  try {
    await runRecipe(recipe, from, out);
    warnings = written.mock.calls
      .flat()
      .filter((text) => String(text).startsWith("warning"))
      .join("");
  } finally {
    written.mockRestore();
  }
  expect(readdirSync(out).sort()).toEqual(["spec.json", "test.parquet", "train.parquet", "valid.parquet"]);
  const spec = parseFeatureSpec(readFileSync(join(out, "spec.json"), "utf8"), "spec.json");
  const rows = await Promise.all(PARTS.map((part) => rowsOf(join(out, `${part}.parquet`))));
  return { spec, rows, warnings, out };
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  const log = await openLog(path);
  const rows: Record<string, unknown>[] = [];
  for await (const { rows: count, columns } of log.chunks(log.columns)) {
    for (let row = 0; row < count; row++)
      rows.push(Object.fromEntries(log.columns.map((name, c) => [name, columns[c]?.[row]])));
  }
  return rows;
}

/** Whether the trainer takes what a recipe wrote: every value encodes, the training part gives rows. */
async function trainable({ spec, out }: Result): Promise<number> {
  const cache = join(out, "cache");
  const log = await openTrainingLog(spec, { paths: [join(out, "train.parquet")] }, cache);
  for (const part of ["valid", "test"])
    await openHeldOutLog(spec, log, { paths: [join(out, `${part}.parquet`)] }, cache);
  return log.vocabulary.size;
}

/** Skips where the real data is not beside the project, and says so in the test's name. */
function withData(name: string): { run: typeof it; title: (title: string) => string } {
  const there = existsSync(sharedPath(name));
  return {
    run: (there ? it : it.skip) as typeof it,
    title: (title) => (there ? title : `${title}: skipped, no ../shared/data/${name}`),
  };
}

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

describe("avazu", () => {
  const plain = ["C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"];
  const device = ["device_id", "device_ip", "device_model", "device_type", "device_conn_type"];
  const last = Array.from({ length: 8 }, (_, i) => `C${i + 14}`);
  const header = ["id", "click", "hour", ...plain, ...device, ...last].join(",");
  // 21 October 2014 was a Tuesday, the 25th a Saturday.
  const rows = Array.from({ length: 100 }, (_, i) =>
    [i, i % 5 === 0 ? 1 : 0, i % 2 ? "14102113" : "14102500", ...Array(21).fill(i % 3)].join(","),
  );

  it("drops the id, and takes the hour apart", async () => {
    const result = await cook(avazu, made("avazu", { "train.gz": gzipSync(`${header}\n${rows.join("\n")}\n`) }));
    const all = result.rows.flat();
    expect(all.length).toBe(100);
    const days = new Set(all.map(({ hour_of_day, weekday, weekend }) => `${hour_of_day} ${weekday} ${weekend}`));
    expect(days).toEqual(new Set(["13 2 0", "00 6 1"]));
    expect(Object.keys(all[0] ?? {})).not.toContain("id");
    expect(all.filter(({ label }) => label === "1").length).toBe(20);
    expect(await trainable(result)).toBeGreaterThan(24);
  });

  it("refuses another log, and writes nothing", async () => {
    const from = made("avazu-other", { "train.csv": "id,label\n1,0\n" });
    const out = join(from, "out");
    const problem = /train\.csv: got the columns "id", "label", expected also "click"\. Get train\.gz from/;
    await expect(runRecipe(avazu, from, out)).rejects.toThrow(problem);
    expect(existsSync(out)).toBe(false);
  });
});

describe("movielens", () => {
  const real = withData("ml-100k");
  real.run(real.title("joins users and items, and keeps the last ratings for the test"), async () => {
    const result = await cook(movielens, sharedPath("ml-100k"));
    const all = result.rows.flat();
    expect(all.length).toBe(100_000);
    expect(all.filter(({ label }) => label === true).length).toBe(55_375); // ratings of 4 and 5 in MovieLens 100K
    expect(result.rows.map((rows) => Math.round(rows.length / 1000))).toEqual([80, 10, 10]);
    expect(all.find(({ item }) => item === "1")).toMatchObject({ year: 1995, genres: "Animation Children's Comedy" });
    expect(all.find(({ user }) => user === "1")).toMatchObject({
      age: "24",
      gender: "M",
      occupation: "technician",
      region: "8",
    });
    // What the first user of the log liked at earlier times, the last first; 108 and 772 were rated in the same second.
    const first = result.rows[0]?.filter(({ user }) => user === "259").slice(0, 7) ?? [];
    expect(first.map(({ item, liked }) => [item, liked])).toEqual([
      ["255", null],
      ["286", "255"],
      ["298", "286 255"],
      ["185", "298 286 255"],
      ["173", "185 298 286 255"],
      ["108", "173 185 298 286 255"],
      ["772", "173 185 298 286 255"],
    ]);
    expect(await trainable(result)).toBeGreaterThan(2000);
  });
});

describe("frappe", () => {
  const real = withData("frappe");
  real.run(real.title("keeps the official split"), async () => {
    const result = await cook(frappe, sharedPath("frappe"));
    expect(result.rows.map((rows) => rows.length)).toEqual([202_027, 57_722, 28_860]);
    expect(result.rows[1]?.[0]).toMatchObject({ label: "1", user: "266", item: "287", country: "unknown" });
    expect(result.spec.name).toBe("frappe");
  });
  it("refuses files of another length", async () => {
    const csv =
      "label,user,item,daytime,weekday,isweekend,homework,cost,weather,country,city\n1,2,3,4,5,6,7,8,9,10,11\n";
    const from = made("frappe", { "train.csv": csv, "valid.csv": csv, "test.csv": csv });
    await expect(runRecipe(frappe, from, join(from, "out"))).rejects.toThrow(
      "got 1 records, expected the 202,027 of the whole data set",
    );
  });
});
