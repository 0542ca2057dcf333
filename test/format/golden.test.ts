import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { toHex } from "../../format/hash.ts";
import { padTo } from "../../format/layer.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { serialOf } from "../../format/seal.ts";
import { checkGolden } from "../../runtime/golden.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { dumpBlob, dumpPage, parseDump } from "../../testing/format/dump.ts";
import { between, catalogueScores, goldenFiles, specJsonSchema } from "../../testing/format/golden.ts";
import { rowKeyOf } from "../../testing/format/hash-key.ts";
import { referenceScore } from "../../testing/format/reference.ts";
import { TINY_RECORDS, tinyPage } from "../../testing/format/tiny.ts";
import { cataloguePages } from "../../testing/format/tiny-catalogue.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, root)));
const text = (path: string): string => new TextDecoder().decode(read(path));
const formatMd = text("format/FORMAT.md");
const blob = read("test/golden/tiny.blob.bin");
const page = read("test/golden/tiny.page.bin");

describe("generated files are what scripts/golden.ts would write", async () => {
  const files = await goldenFiles(formatMd);
  test.each([...files.keys()])("%s", (path) => {
    expect(Buffer.from(read(path)).equals(files.get(path) ?? new Uint8Array(0)), "run: npm run golden").toBe(true);
  });
});

describe("the golden blobs of formats 4 to 7, which stay as they were", () => {
  const names = ["tiny", "pnn", "towers", "catalogue", "f16", "int4"];

  test.each(names)("%s of format 4 is that of format 5 but for the version", (name) => {
    const [four, five] = [4, 5].map((format) => read(`test/golden/v${format}/${name}.blob.bin`));
    expect([four[c.BLOB_HEADER_VERSION], five[c.BLOB_HEADER_VERSION]]).toEqual([4, 5]);
    expect(toHex(four).replace(/^(.{8})04/, "$105")).toBe(toHex(five));
    expect(readBlob(four)).toEqual(readBlob(five));
    expect(readManifest(four)).toEqual(readManifest(five));
  });

  test.each([...names, "spline", "platt", "isotonic"])(
    "%s of format 7 has no serial number and no hottest pages, and is that of format 8 otherwise",
    (name) => {
      const [old, now] = ["v7/", ""].map((place) => read(`test/golden/${place}${name}.blob.bin`));
      expect([old[c.BLOB_HEADER_VERSION], now[c.BLOB_HEADER_VERSION]]).toEqual([7, 8]);
      expect([serialOf(old), serialOf(now)]).toEqual([0, Date.UTC(2026, 0, 1)]);
      const { hotPages, ...rest } = readBlob(now);
      expect(hotPages?.length).toBeGreaterThan(0);
      expect(readBlob(old)).toEqual(rest);
      for (const variant of ["relaxed", "simd", "scalar"] as const)
        expect(() => checkGolden(new Scorer(placeBlob(kernelModule(variant), old)))).not.toThrow();
      expect(text(`test/golden/v7/${name}.scores.json`)).toBe(text(`test/golden/${name}.scores.json`));
    },
  );

  test.each(names)("%s of format 6 is that of format 7 but for the version", (name) => {
    const [six, seven] = [6, 7].map((format) => read(`test/golden/v${format}/${name}.blob.bin`));
    expect([six[c.BLOB_HEADER_VERSION], seven[c.BLOB_HEADER_VERSION]]).toEqual([6, 7]);
    expect(toHex(six).replace(/^(.{8})06/, "$107")).toBe(toHex(seven));
    expect(readBlob(six)).toEqual(readBlob(seven));
    expect(readManifest(six)).toEqual(readManifest(seven));
    for (const variant of ["relaxed", "simd", "scalar"] as const)
      expect(() => checkGolden(new Scorer(placeBlob(kernelModule(variant), six)))).not.toThrow();
    expect(text(`test/golden/v6/${name}.scores.json`)).toBe(text(`test/golden/v7/${name}.scores.json`));
  });

  test.each(names)("%s scores as that of format 6, whose row keys are other ones", (name) => {
    const old = read(`test/golden/v5/${name}.blob.bin`);
    const { keys, ...before } = readBlob(old);
    const { keys: keysNow, ...now } = readBlob(read(`test/golden/v6/${name}.blob.bin`));
    expect(keys.length).toBe(keysNow.length);
    expect(keys).not.toEqual(keysNow);
    expect(before.spec).toEqual({ ...now.spec, hashKey: undefined });
    expect(before.golden).toEqual(now.golden);
    for (const variant of ["relaxed", "simd", "scalar"] as const)
      expect(() => checkGolden(new Scorer(placeBlob(kernelModule(variant), old)))).not.toThrow();
    expect(text(`test/golden/v5/${name}.scores.json`)).toBe(text(`test/golden/v6/${name}.scores.json`));
  });
});

describe("the dumps in FORMAT.md", () => {
  test.each([
    ["blob dump", blob, dumpBlob],
    ["page dump", page, dumpPage],
  ])("%s: shows every byte of the golden file", (name, bytes, dump) => {
    const shown = between(formatMd, name);
    expect(toHex(parseDump(shown))).toBe(toHex(bytes));
    expect(shown.trim()).toBe(`\`\`\`text\n${dump(bytes)}\n\`\`\``);
  });

  test("a dump with a hole or another byte is noticed", () => {
    const shown = dumpPage(page);
    expect(() => parseDump(shown.replace(/^0004.*\n/m, ""))).toThrow("got a hole before: 0008");
    expect(toHex(parseDump(shown.replace("44 46", "44 47")))).not.toBe(toHex(page));
  });

  test("the keys are those that the text above the dumps names", () => {
    const keyOf = (field: string, value: string): number[] => {
      const { lo, hi } = rowKeyOf(field, value);
      return [lo, hi];
    };
    const [, ...named] = /Key 0 of the blob is field `(\w+)`, text `(\w+)`; key 1 is field `(\w+)`, text `(\w+)`/.exec(
      formatMd,
    ) as string[];
    expect(Array.from(readBlob(blob).keys)).toEqual([...keyOf(named[0], named[1]), ...keyOf(named[2], named[3])]);
    expect(Array.from(new Uint32Array(page.slice(32, 40).buffer))).toEqual(keyOf("site", "shop"));
  });
});

describe("the numbers in FORMAT.md are those of constants.ts", () => {
  test.each([
    ["| blob | 37,748,736 |", "MAX_BLOB_BYTES"],
    ["| part of a blob | 26,214,400 |", "BLOB_PART_BYTES"],
    ["| page, item page | 131,072 |", "MAX_PAGE_BYTES"],
    ["| fields F | 256 |", "MAX_FIELDS"],
    ["| D | 256 |", "MAX_EMBEDDING_DIM"],
    ["| inputs of a layer | 65,536 |", "MAX_LAYER_INPUTS"],
    ["| layers of a tower | 17 |", "MAX_TOWER_LAYERS"],
    ["| entries of a record | 4,096 |", "MAX_RECORD_ENTRIES"],
    ["| bucket bits | 24 |", "MAX_BUCKET_BITS"],
    ["| pages P + Q | 1,048,576 |", "MAX_PAGES"],
    ["| hidden layers | 16 |", "MAX_LAYERS"],
    ["| width of a layer | 8,192 |", "MAX_LAYER_WIDTH"],
    ["| golden records | 256 |", "MAX_GOLDEN_RECORDS"],
    ["| hottest pages | 100 |", "MAX_HOT_PAGES"],
    ["| weights of a lane | 258 |", "MAX_LANE_WEIGHT"],
    ["| calibration knots | 1,024 |", "MAX_CALIBRATION_KNOTS"],
  ])("%s", async (row, name) => {
    const constants: Record<string, unknown> = await import("../../format/constants.ts");
    expect(formatMd.replace(/ +/g, " ")).toContain(row);
    expect(constants[name]).toBe(Number(/\| ([\d,]+) \|$/.exec(row)?.[1]?.replaceAll(",", "")));
  });
});

test("the places and sizes in FORMAT.md that no dump shows are those of constants.ts", () => {
  const tableEnd = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
  for (const said of [
    `Version ${c.BLOB_VERSION} of the blob, version ${c.PAGE_VERSION} of the page and of the item page.`,
    `reader takes the present one and the four before, ${c.BLOB_VERSION}, 7, 6, 5 and ${c.OLDEST_BLOB_VERSION}, and refuses`,
    `the format version is none of ${c.BLOB_VERSION}, 7, 6, 5 and ${c.OLDEST_BLOB_VERSION}; `,
    `header (${c.BLOB_HEADER_BYTES}) | section table (${c.SECTION_COUNT} × ${c.SECTION_ENTRY_BYTES}) | ` +
      `sections 1 … ${c.SECTION_COUNT}`,
    `the first one at ${padTo(tableEnd, c.SECTION_ALIGNMENT)},`,
    `shorter than a header and the shorter table (${tableEnd - c.SECTION_ENTRY_BYTES})`,
    `A head of ${c.MODEL_HEAD_BYTES} bytes, then an entry of ${c.LAYER_ENTRY_BYTES} bytes for each layer`,
    `and a record of 1–${c.MAX_ITEM_WORDS.toLocaleString("en")} words,`,
    `each rounded up to a multiple of ${c.PAD_INPUTS}.`,
    `at most ${c.MAX_LANE_WEIGHT}, and those below 0 to at least −${c.MAX_LANE_WEIGHT}.`,
  ])
    expect(formatMd).toContain(said);
  expect([c.PAD_OUTPUTS, c.MAX_LANE_WEIGHT * c.ACTIVATION_MAX < 2 ** 15]).toEqual([c.PAD_INPUTS, true]);
});

describe("scores", () => {
  test.each(["tiny", "spline", "platt", "pnn", "towers", "f16", "int4"])(
    "the golden scores of %s are those of the formulas",
    (name) => {
      const scores = JSON.parse(text(`test/golden/${name}.scores.json`));
      const model = read(`test/golden/${name}.blob.bin`);
      const pages = [tinyPage(readBlob(model).rowType)];
      expect(scores).toEqual(TINY_RECORDS.map((record) => ({ record, ...referenceScore(model, pages, record) })));
    },
  );

  test("the golden scores of the catalogue are those of the formulas; an item as it is scores as its record", () => {
    const scores: { record?: object; context?: object; item?: string; logit: number }[] = JSON.parse(
      text("test/golden/catalogue.scores.json"),
    );
    const pages = cataloguePages();
    expect(pages).toEqual([0, 1].map((page) => read(`test/golden/catalogue.page${page}.bin`)));
    expect(scores).toEqual(catalogueScores(read("test/golden/catalogue.blob.bin"), pages));
    const calibrated = JSON.parse(text("test/golden/isotonic.scores.json"));
    expect(calibrated).toEqual(catalogueScores(read("test/golden/isotonic.blob.bin"), pages));
    const entries = JSON.parse(text("test/golden/entries.scores.json"));
    expect(entries).toEqual(catalogueScores(read("test/golden/entries.blob.bin"), pages));
    const pairs = scores.filter(({ item }) => item !== undefined);
    for (const [context, ad, rest] of [
      [{ site: "news", hour: 7 }, "boots", { price: 12 }],
      [{ site: "shop", hour: 23 }, "lamp", { price: 3.5 }],
    ] as const) {
      const pair = pairs.find(({ context: of, item }) => item === ad && isDeepStrictEqual(of, context));
      const whole = scores.find(({ record }) => isDeepStrictEqual(record, { ad, ...context, ...rest }));
      // All their numbers are binary fractions, so that no order of sums rounds.
      expect(pair?.logit).toBe(whole?.logit);
      expect(pair?.logit).toBeTypeOf("number");
    }
  });

  test("one of them by hand", () => {
    // site = "unseen": w 1/16, v (½, −½) in 127 steps. price = 11, scaled to ½: w ½ · 1/8, v ½ · (−½, ¼ in 64 steps).
    const step = Math.fround(0.5 / 127);
    const site = [127 * step, -127 * step];
    const price = [0.5 * -127 * step, 0.5 * 64 * step];
    const fm = (site[0] ?? 0) * (price[0] ?? 0) + (site[1] ?? 0) * (price[1] ?? 0);
    // × 32 + 64: 80, 48, 56, 68.03 → 68.
    const q = [80, 48, 56, 68];
    const [q0 = 0, q1 = 0, q2 = 0, q3 = 0] = q;
    const a = [
      (q0 + 2 * q1 + 3 * q2 + 4 * q3) * 2 ** -10 + 0.25,
      Math.max(0, (-5 * q0 - 6 * q1 - 7 * q2 - 8 * q3) * 2 ** -9 + 0.5),
      (127 * q0 - 127 * q1 + 64 * q2) * 2 ** -11 - 0.125,
    ];
    const [a0 = 0, a1 = 0, a2 = 0] = a;
    const h0 = Math.max(0, a0 - a1 + 0.5 * a2 + 0.5);
    const h1 = Math.max(0, 0.25 * a0 + 2 * a1 - 0.75 * a2 - 0.25);
    const logit = -1.5 + 0.0625 + 0.5 * 0.125 + fm + 1.5 * h0 - 2 * h1;
    expect(referenceScore(blob, [page], { site: "unseen", price: 11 }).logit).toBeCloseTo(logit, 6);
  });
});

describe("the JSON Schema of the feature spec", () => {
  const schema = specJsonSchema() as { properties: Record<string, { default?: unknown; description?: string }> };

  test("has what editors need of the schema language", () => {
    expect(schema).toMatchObject({
      $schema: "http://json-schema.org/draft-07/schema#",
      additionalProperties: false,
      required: ["name", "fields"],
    });
    expect(Object.keys(schema.properties)).toEqual([
      "$schema",
      "name",
      "label",
      "fields",
      "data",
      "model",
      "training",
      "rows",
    ]);
    expect(schema.properties.label).toMatchObject({ default: "label", minLength: 1 });
  });

  test("every object is closed", () => {
    const open: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      if ("properties" in node && !("additionalProperties" in node && node.additionalProperties === false))
        open.push(path);
      for (const [key, child] of Object.entries(node)) visit(child, `${path}/${key}`);
    };
    visit(schema, "#");
    expect(open).toEqual([]);
  });
});
