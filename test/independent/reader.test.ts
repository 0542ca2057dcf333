import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { chaskey, wordsOf } from "./chaskey.ts";
import { checkEnvelope, formatOf, sha256, versionOf } from "./container.ts";
import { type Entry, encode, keyOf } from "./encode.ts";
import { hasKey } from "./filter.ts";
import { readItemPage } from "./item-page.ts";
import type { Item } from "./items.ts";
import { type Model, readBlob } from "./model.ts";
import { readPage } from "./page.ts";
import { at, RecordError } from "./refusal.ts";
import { entriesLogitOf, itemLogitOf, logitOf, type Pages, quantize, scoreOf } from "./score.ts";
import { readSpec } from "./spec.ts";

// Reads FORMAT.md's golden files as someone would who knows nothing else: plain scalar code, which shares nothing with
// the project's own, reads, encodes and scores them. rejections.test.ts has damaged files.

const folder = new URL("../golden/", import.meta.url);
/** The golden blobs of format 8, and those of formats 7, 6, 5 and 4. */
const blobs = ["", "v7/", "v6/", "v5/", "v4/"].flatMap((place) =>
  readdirSync(new URL(place, folder))
    .filter((file) => file.endsWith(".blob.bin"))
    .map((file) => `${place}${file}`),
);
/** The name that a model's blobs, pages and scores have in common. */
const nameOf = (file: string): string => file.replace(/^v[4-7]\//, "").replace(".blob.bin", "");
/** The folder of a blob's pages and scores. Formats 4 and 5 have the same ones. */
const placeOf = (file: string): string => /^v\d\//.exec(file)?.[0].replace("4", "5") ?? "";
const bytesOf = (file: string): Buffer => readFileSync(new URL(file, folder));
const jsonOf = (file: string) =>
  JSON.parse(bytesOf(file).toString(), (_, value) => (value?.$bigint ? BigInt(value.$bigint) : value));

/** RFC 8032, section 7.1, test 1. */
const PUBLIC_KEY = Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex");

/** Section 6: how far a reader in float64 may be from the scores on file. */
function bound(logit: number): number {
  return 1e-9 * Math.max(1, Math.abs(logit));
}

/** A line of a list of scores: of a record, or of an item by its id with a context. */
interface Scored {
  record?: Record<string, unknown>;
  context?: Record<string, unknown>;
  item?: string;
  logit: number;
  score: number;
}

/** The rows of a golden blob's pages. */
function pagesOf(file: string, model: Model): Pages {
  const name = nameOf(file);
  const own = /^(f16|int4)$/.test(name) ? `${name}.page.bin` : "tiny.page.bin";
  const files = /^(catalogue|isotonic|entries)$/.test(name) ? [0, 1].map((page) => `catalogue.page${page}.bin`) : [own];
  expect(files).toHaveLength(model.digests.length);
  return new Map(files.map((page, number) => [number, readPage(bytesOf(placeOf(file) + page), model, number)]));
}

/** The logit of an item as entries, by its id, with a context: of the blob, or of the item page. */
function entriesLogit(file: string, model: Model, context: Record<string, unknown>, id: string, pages: Pages): number {
  const key = keyOf(model.spec.hashKey, at(model.spec.fields, model.itemField).name, id);
  const inBlob = model.entriesOf.get(key);
  expect(hasKey(model.itemFilter, key)).toBe(inBlob === undefined);
  const page = readItemPage(bytesOf(`${nameOf(file)}.items0.bin`), model, 0);
  return entriesLogitOf(model, context, inBlob ?? at([page.get(key)], 0) ?? [], pages);
}

/** The item of the catalogue with an id. */
function itemOf(model: Model, id: unknown): Item {
  const found = model.catalogue.get(keyOf(model.spec.hashKey, at(model.spec.fields, model.itemField).name, String(id)));
  if (!found) throw new RangeError(`no item ${id}`);
  return found;
}

test("all golden blobs are there", () => {
  expect(blobs).toEqual(
    expect.arrayContaining(
      ["catalogue", "pnn", "tiny", "towers"]
        .flatMap((name) => ["", "v7/", "v6/", "v5/", "v4/"].map((place) => `${place}${name}.blob.bin`))
        .concat("entries.blob.bin"),
    ),
  );
});

describe.each(blobs)("%s", (file) => {
  const blob = bytesOf(file);
  const model = readBlob(blob);

  test("has its digest, its version and the signature of a trusted key", () => {
    expect(versionOf(blob)).toMatch(/^[0-9a-f]{64}$/);
    expect(formatOf(blob)).toBe(Number(/^v(\d)/.exec(file)?.[1] ?? 8));
    expect(() => checkEnvelope(blob, versionOf(blob), [Buffer.alloc(32, 1), PUBLIC_KEY])).not.toThrow();
  });

  test("scores its golden records within its tolerance, and as closely as float64 does", () => {
    expect(model.golden.length).toBeGreaterThan(0);
    for (const { record, logit } of model.golden) {
      const error = Math.abs(logitOf(model, record) - logit);
      expect(error, JSON.stringify(record)).toBeLessThanOrEqual(Math.min(model.tolerance, bound(logit)));
    }
  });

  test("scores the records and items beside it with the pages", () => {
    const pages = pagesOf(file, model);
    const scored: Scored[] = jsonOf(`${placeOf(file)}${nameOf(file)}.scores.json`);
    for (const { record, context, item, logit, score } of scored) {
      const got = record
        ? logitOf(model, record, pages)
        : model.entries
          ? entriesLogit(file, model, context ?? {}, item ?? "", pages)
          : itemLogitOf(model, context ?? {}, itemOf(model, item), pages);
      const name = JSON.stringify(record ?? [context, item]);
      expect(Math.abs(got - logit), name).toBeLessThanOrEqual(bound(logit));
      expect(Math.abs(scoreOf(got) - score), name).toBeLessThanOrEqual(bound(logit));
    }
    expect(scored.some(({ record, logit }) => record && logitOf(model, record) !== logit)).toBe(true);
    expect(scored.some(({ item }) => item !== undefined)).toBe(model.items > 0);
  });
});

test("tiny.blob.bin has the version that FORMAT.md states, which is the SHA-256 of the file", () => {
  const document = readFileSync(new URL("../../format/FORMAT.md", import.meta.url), "utf8");
  expect(document.match(/named\s`([0-9a-f]{64})`/)?.[1]).toBe(versionOf(bytesOf("tiny.blob.bin")));
  expect(versionOf(bytesOf("tiny.blob.bin"))).toBe(sha256(bytesOf("tiny.blob.bin")).toString("hex"));
});

test("Chaskey-12 has the tag that FORMAT.md states", () => {
  const document = readFileSync(new URL("../../format/FORMAT.md", import.meta.url), "utf8");
  const bytes = Buffer.from(Array.from({ length: 17 }, (_, i) => i));
  const tag = Buffer.from(chaskey(bytes, wordsOf(bytes)).buffer).toString("hex");
  expect(document.match(/that of the bytes 00 01 … 10 is\s`([0-9a-f]{32})`/)?.[1]).toBe(tag);
});

test("quantizes in f32, with ties to even, to 0 … 127", () => {
  expect([0.05, 0.35, 0.85].map((a) => quantize(a, 10, 0))).toEqual([0, 4, 8]);
  expect([0.5, 1.5, -0.5, -9, 126.5, 127.5, 1e30].map((a) => quantize(a, 1, 0))).toEqual([0, 2, 0, 0, 126, 127, 127]);
});

describe("records", () => {
  test.each([
    ["records.json", 8],
    ["v7/records.json", 7],
    ["v6/records.json", 6],
    ["v5/records.json", 5],
  ])("have the entries of %s", (file, format) => {
    const digits = ({ key }: Entry) => key.toString(16).padStart(16, "0");
    for (const { spec, records } of jsonOf(file)) {
      const fitted = readSpec(spec, format);
      for (const { record, ...expected } of records) {
        const fields = encode(record, fitted);
        const offsets = [0];
        for (const list of fields) offsets.push(Number(offsets.at(-1)) + list.length);
        const entries = fields.flat();
        const name = `${JSON.stringify(spec.fields)} ${Object.values(record)}`;
        expect({ offsets, keys: entries.map(digits), values: entries.map(({ value }) => value) }, name).toEqual(
          expected,
        );
      }
    }
  });

  const site = { name: "site", type: "categorical", side: "context", kv: false, encoding: { kind: "vocabulary" } };
  const tags = { ...site, name: "tags", type: "multi-categorical" };
  const price = { ...site, name: "price", type: "numeric", encoding: { kind: "value", shift: 0, factor: 2 } };
  const spec = readSpec({ name: "a", label: "click", fields: [site, tags, price] }, 5);

  test.each([
    { other: 1 },
    { click: 1 },
    { site: Number.NaN },
    { site: 2 ** 53 },
    { site: ["a"] },
    { site: {} },
    { tags: { a: 1 } },
    { tags: [["a"]] },
    { price: " " },
    { price: "0x10" },
    { price: "NaN" },
    { price: "1e39" },
    { price: [1] },
    { price: 3e38 },
  ])("%o is refused", (record) => {
    expect(() => encode(record, spec)).toThrow(RecordError);
  });
});
