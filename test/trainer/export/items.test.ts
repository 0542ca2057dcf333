import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { columnOf } from "../../../format/columns.ts";
import { ItemPage } from "../../../format/item-page.ts";
import { Page } from "../../../format/page.ts";
import { readBlob, readManifest } from "../../../format/read-blob.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { craftText } from "../../../testing/format/craft-text.ts";
import { rowKeyOf } from "../../../testing/format/hash-key.ts";
import { Random } from "../../../trainer/data/random.ts";
import { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { exportModel } from "../../../trainer/export/export.ts";
import { addCatalogue, openCatalogue } from "../../../trainer/export/items.ts";
import { TEST_BACKEND } from "../backend.ts";
import { fittedOf, randomDataset, randomLearner, tinySpec } from "../tiny.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-items-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

const FIELDS = 3;

/** The values v0 … v49 of each field, the last ones the most frequent. */
function namedVocabulary(names: readonly string[]): Vocabulary {
  const rows = Array.from({ length: 51 * names.length }, (_, row) => {
    const i = Math.floor(row / names.length) - 1;
    const { lo, hi } = i < 0 ? { lo: 0, hi: 0 } : rowKeyOf(names[row % names.length] ?? "", `v${i}`);
    return { lo, hi, count: i < 0 ? 0 : 1 + i };
  });
  return new Vocabulary(
    names.length,
    Uint32Array.from(rows.flatMap(({ lo, hi }) => [lo, hi])),
    Uint16Array.from(rows.keys(), (row) => row % names.length),
    Uint32Array.from(rows, ({ count }) => count),
  );
}

/**
 * A model whose field 0 is of the context's side and whose fields 1 and 2 are of the item's; few of its rows are in the
 * blob.
 */
async function draftOf(type: FeatureSpec["model"]["type"], more: readonly object[] = [], itemBytes = 2 ** 20) {
  const random = new Random(1);
  const base = tinySpec({ type, embeddingDim: 4, hidden: [10] });
  const sides = ["context", "item", "item"] as const;
  const fields = base.fields.map((field, f) => ({ ...field, side: sides[f], ...more[f] })) as typeof base.fields;
  const spec = { ...base, fields, rows: { blobBytes: 24 * 20, pageBytes: 1024, deltaBytes: 0, itemBytes } };
  const vocabulary = namedVocabulary(spec.fields.map(({ name }) => name));
  const learner = randomLearner(spec, vocabulary, random);
  const { dataset } = randomDataset(100, FIELDS, vocabulary.size, random);
  const draft = await exportModel({ spec, fitted: fittedOf(spec), vocabulary, learner }, "int8", dataset);
  return { spec, vocabulary, draft, names: spec.fields.map(({ name }) => name) as [string, string, string] };
}

async function catalogueOf(
  type: FeatureSpec["model"]["type"],
  csv: (id: string, other: string) => string,
  id?: string,
  file = "items.csv",
  more: readonly object[] = [],
  itemBytes = 2 ** 20,
) {
  const { spec, vocabulary, draft, names } = await draftOf(type, more, itemBytes);
  const path = join(folder, file);
  writeFileSync(path, csv(names[1], names[2]));
  await using log = await openCatalogue(spec, [path]);
  const context = columnOf(spec.fields[0]) ?? names[0];
  const place = { rows: spec.rows, vocabulary };
  return await addCatalogue(draft, id ?? names[1], log, [{ [context]: "v7" }, {}], place);
}

const THREE = (id: string, other: string): string => `${id},${other},note\nv3,v1,x\nv4,,y\nnew,v9,z\nv3,v1,again\n`;

describe("addCatalogue", () => {
  it.each(["LR", "FM", "DeepFM", "FM & DNN", "LR & DNN", "FNN", "two-tower"] as const)(
    "puts each item of a %s into the blob once, which then ranks as whole items do",
    async (type) => {
      const { draft, report } = await catalogueOf(type, THREE);
      const { items } = readBlob(draft.blob);
      expect(items.field).toBe(1);
      expect(items.keys).toHaveLength(2 * 3);
      expect(items.records).toHaveLength(3 * report.bytesPerItem);
      expect(report).toMatchObject({ items: 3, contexts: 2 });
      expect(report.maxLogitDifference).toBeLessThan(1e-5);
    },
  );

  it.each(["IPNN", "OPNN", "PNN*"] as const)(
    "has the entries of a %s's items, whose factors are of both sides",
    async (type) => {
      const { draft, report } = await catalogueOf(type, THREE);
      expect(report).toMatchObject({ items: 3, form: "entries", inBlob: 3, pages: 0, maxLogitDifference: 0 });
      expect(readBlob(draft.blob).items.entries).toMatchObject({ pages: 0 });
    },
  );

  describe("of more items than the blob has room for", () => {
    /** 49 items, of which the vocabulary has 48 or less, and with them a new one. */
    const many = (id: string, other: string): string =>
      [`${id},${other}`, ...Array.from({ length: 48 }, (_, i) => `v${i},v${i % 7}`), "new,v3", ""].join("\n");

    it.each(["LR", "FM", "DeepFM", "FM & DNN", "FNN", "two-tower", "PNN*"] as const)(
      "keeps the entries of the %s's items that training saw most, and puts the others into pages",
      async (type) => {
        const { draft, report } = await catalogueOf(type, many, undefined, "items.csv", [], 600);
        const { items, pageDigests } = readBlob(draft.blob);
        expect(report).toMatchObject({ items: 49, form: "entries", maxLogitDifference: 0, compared: 49 });
        expect(report.inBlob).toBeGreaterThan(5);
        expect(report.inBlob).toBe(items.keys.length / 2);
        expect(items.keys.byteLength + items.records.length).toBeLessThanOrEqual(600);
        expect(report.pages).toBeGreaterThan(1);
        expect(pageDigests).toHaveLength(16 * draft.pages.length);
        const manifest = readManifest(draft.blob);
        expect(manifest).toMatchObject({ itemPages: report.pages, pageCount: draft.pages.length - report.pages });
        const { vocabulary } = await draftOf(type, [], 600);
        const countOf = (lo: number, hi: number): number => {
          const row = vocabulary.row(0, lo, hi);
          return row < FIELDS ? 0 : vocabulary.counts[row];
        };
        const hot = Array.from({ length: report.inBlob }, (_, i) => countOf(items.keys[2 * i], items.keys[2 * i + 1]));
        const cold = draft.pages.slice(manifest.pageCount).flatMap(({ bytes }, i) => {
          const page = new ItemPage(bytes, manifest, i);
          expect(bytes.length).toBeLessThanOrEqual(1024);
          return Array.from({ length: page.rowCount }, (_, n) => countOf(page.keyWord(2 * n), page.keyWord(2 * n + 1)));
        });
        expect(hot.length + cold.length).toBe(49);
        expect(Math.min(...hot)).toBeGreaterThan(Math.max(...cold));
      },
    );

    it("names the budget where an item does not fit a page", async () => {
      const tags = Array.from({ length: 60 }, (_, i) => `v${i}`).join("|");
      const csv = (id: string, other: string): string => `${id},${other}\nv3,${tags}\n`;
      const lists = [{}, {}, { separator: "|", maxValues: 60 }];
      await expect(catalogueOf("DeepFM", csv, undefined, "items.csv", lists, 0)).rejects.toThrow(
        /rows\.pageBytes: got 1024, expected more: 1 item of up to \d+ bytes, do not fit \d+ such pages/,
      );
    });
  });

  it("takes an item that stands twice for one where the model reads the same of it", async () => {
    const lists = [{}, {}, { separator: "|", maxValues: 2, prepare: ["trim", { missing: ["none"] }] }];
    const csv = (id: string, other: string): string =>
      `${id},${other}\nv3,v1\nv3, v1\nv4,\nv4,none\nv4," none "\nv3,v1| none\n`;
    const { report } = await catalogueOf("LR", csv, undefined, "items.csv", lists);
    expect(report.items).toBe(2);
  });

  it("refuses an item twice with different fields, naming both rows", async () => {
    const csv = (id: string, other: string): string => `${id},${other}\nv3,v1\nv4,v1\nv3,v2\n`;
    await expect(catalogueOf("LR", csv)).rejects.toThrow(
      /items\.csv, line 4: got .* "v3" as .*"v2".*expected .*"v1".*items\.csv, line 2/,
    );
  });

  describe("of prepared values", () => {
    const prepared = [
      { from: "visitor", prepare: ["upper"] },
      { from: "sku", prepare: ["trim", "lower", { missing: ["none"] }] },
      { missing: "skip" }, // so that an item without its tags scores as no other
    ];
    const csv = (...lines: string[]) => [`sku,tags`, ...lines, ""].join("\n");

    it("takes spellings of one value for one item, and ranks ids as a log has them", async () => {
      const text = csv("V3,v1", " v3 ,v1", "v4,");
      const { draft, report } = await catalogueOf("DeepFM", () => text, undefined, "skus.csv", prepared);
      expect(report).toMatchObject({ field: "item", items: 2 });
      expect(report.maxLogitDifference).toBeLessThan(1e-5);
      const scorer = new Scorer(placeBlob(kernelModule(), draft.blob));
      const pages = new Map(draft.pages.map(({ bytes }, i) => [i, new Page(bytes, scorer.manifest, i)]));
      const rank = (ids: string[]) => [...scorer.rankItems(scorer.locateItems({ visitor: "v7" }, ids), pages).logits];
      const [spelt, canonical, unknown] = rank([" V3", "v3", "new"]);
      expect(spelt).toBe(canonical);
      expect(unknown).not.toBe(canonical);
      expect(() => rank(["v3", " none "])).toThrow('items[1]: got " none ", which means no id');
      expect(() => scorer.locateItems({ user: "v7" }, ["v3"])).toThrow(
        'context.user: got a field\'s name, expected "visitor"',
      );
    });

    it("refuses a value that means missing as the name, and one value with different fields", async () => {
      const refused = (text: string) => catalogueOf("LR", () => text, undefined, "bad.csv", prepared);
      await expect(refused(csv("v3,v1", " NONE,v1"))).rejects.toThrow(
        /bad\.csv, line 3: got no sku, expected the item's/,
      );
      await expect(refused(csv("v3,v1", "V3,v2"))).rejects.toThrow(
        /bad\.csv, line 3: got sku "v3" as .*bad\.csv, line 2/,
      );
    });

    it("is none with a cross of both sides", async () => {
      const single = { separator: undefined, pooling: undefined, maxValues: undefined };
      const cross = [{}, {}, { ...single, type: "categorical", side: "item", cross: ["user", "item"] }];
      await expect(catalogueOf("DeepFM", THREE, undefined, "items.csv", cross)).rejects.toThrow(
        "got a catalogue for a model with the cross \"tags\" of a context's and an item's field, expected none such",
      );
    });
  });

  it("refuses two items with one row key, naming both", async () => {
    const { names } = await draftOf("LR");
    const { lo, hi } = rowKeyOf(names[1], "boots");
    const twin = JSON.stringify(craftText(names[1], lo, hi));
    const records = (id: string, other: string): string =>
      ['"boots"', twin].map((name) => `{"${id}": ${name}, "${other}": "v1"}\n`).join("");
    const error = await catalogueOf("LR", records, undefined, "items.jsonl").catch(String);
    expect(error).toContain(`item ${twin}: got the row key`);
    expect(error).toContain('which item "boots" has too, expected different ones: train with another hash key');
  });

  it("refuses a log without an item", async () => {
    const refused = catalogueOf("LR", (id, other) => `${id},${other}\n`);
    await expect(refused).rejects.toThrow("items.csv: got no rows, expected items");
  });

  it("refuses an item without a name", async () => {
    const csv = (id: string, other: string): string => `${id},${other}\nv3,v1\n,v1\n`;
    await expect(catalogueOf("LR", csv)).rejects.toThrow(/items\.csv, line 3: got no item, expected the item's name/);
  });

  it("refuses a field that cannot name items, with those that can", async () => {
    const { names } = await draftOf("LR");
    await expect(catalogueOf("LR", THREE, names[0])).rejects.toThrow(
      `--item-id ${names[0]}: got another field, expected a categorical one of the item's side with a vocabulary: ${names[1]}`,
    );
    await expect(catalogueOf("LR", THREE, "colour")).rejects.toThrow("--item-id colour: got no field, expected");
  });

  it("refuses a log without a field of the item", async () => {
    await expect(catalogueOf("LR", (id) => `${id}\nv3\n`)).rejects.toThrow(/items\.csv.*column/);
  });
});
