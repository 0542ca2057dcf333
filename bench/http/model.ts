// The models of the HTTP benchmark as Workers KV holds them, and bodies of requests for them. What is drawn is the same
// in each checkout that has this file, and in those that first-model.ts knows.
import * as c from "../../format/constants.ts";
import type { Hash64 } from "../../format/hash.ts";
import { compareKeys, pageOfKey } from "../../format/keys.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { writeDefault, writePointer } from "../../format/pointer.ts";
import { rowStride } from "../../format/row.ts";
import { type RowKeyHash, rowKeyHash } from "../../format/row-key.ts";
import { blobPartKeys, defaultKey, pageKey, pointerKey } from "../../format/store.ts";
import { filterOf, HASH_KEY } from "../../testing/format/hash-key.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { Random } from "../../trainer/data/random.ts";
import { Zipf } from "../../trainer/data/zipf.ts";
import type { DraftExport, ExportedModel } from "../../trainer/export/export.ts";
import { GOLDEN_RECORDS, sealExport } from "../../trainer/export/seal.ts";

/** The size of a DeepFM; all its weights are int8. */
export interface HttpShape {
  fields: number;
  k: number;
  hidden: readonly number[];
}

/** By name: the default model of `init`, that of DeepFM's paper with as many fields, and one with those of Criteo. */
export const HTTP_SHAPES: Readonly<Record<string, HttpShape>> = {
  small: { fields: 10, k: 8, hidden: [128, 64] },
  paper: { fields: 10, k: 10, hidden: [400, 400, 400] },
  large: { fields: 39, k: 16, hidden: [400, 400, 400] },
};

/** What a body asks for. */
export interface Asked {
  path: "/v1/score" | "/v1/rank";
  /** Records, or candidates of one context. */
  records: number;
  /** Whether candidates come back in their order, with ids, and not as scores alone. */
  sorted?: boolean;
  /** Names the model. */
  model?: string;
}

export interface HttpModel {
  name: string;
  exported: ExportedModel;
  /** `count` different bodies. */
  bodies(asked: Asked, count: number): object[];
}

/** With what a checkout makes a model, where checkouts differ in it. */
export interface ModelFormat {
  randomModel: typeof randomModel;
  rowKeyHash(field: string): RowKeyHash;
  writePage: typeof writePage;
  pageDigest: typeof pageDigest;
  /** `cold`: the keys of all rows in pages. `golden`: golden records. */
  seal(
    draft: Pick<DraftExport, "model" | "pages">,
    cold: readonly Hash64[],
    golden: readonly Record<string, string>[],
  ): Promise<ExportedModel>;
  /** What a body of /v1/rank says beside context and candidates, to get scores in the candidates' order. */
  unsorted: object;
}

const FORMAT: ModelFormat = {
  randomModel,
  rowKeyHash: (field) => rowKeyHash(HASH_KEY, field),
  writePage,
  pageDigest,
  seal: ({ model, pages }, cold, golden) =>
    sealExport({ model: { ...model, filter: filterOf(cold) }, pages }, {}, golden),
  unsorted: { sort: false },
};

/** Values of all fields, of which each field has as many as any other. */
const VALUES = 200_000;
const PAGES = 1000;
/** Values of a field are drawn by Zipf's law, as clicks are. The rarer half of them has its rows in pages. */
const ZIPF = 1.05;

/** A model whose values' rows are half in the blob and half in pages. */
export async function httpModel(
  { fields, k, hidden }: HttpShape,
  name: string,
  seed: number,
  format: ModelFormat = FORMAT,
): Promise<HttpModel> {
  const perField = Math.floor(VALUES / fields);
  const hotRows = fields * Math.floor(perField / 2);
  const drawn = format.randomModel({
    fields,
    embeddingDim: k,
    hidden,
    rowType: c.TYPE_I8,
    hotRows,
    pages: PAGES,
    seed,
  });
  drawn.spec.name = name;
  const names = drawn.spec.fields.map((field) => field.name);
  const contextFields = Math.ceil(fields / 2);
  drawn.spec.fields.forEach((field, f) => {
    field.side = f < contextFields ? "context" : "item";
  });
  const sides = Uint8Array.from(drawn.spec.fields, ({ side }) => (side === "item" ? c.SIDE_ITEM : c.SIDE_CONTEXT));
  const keysOf = (from: number, to: number): Hash64[] =>
    names
      .flatMap((field, f) => {
        const hash = format.rowKeyHash(field);
        return Array.from({ length: to - from }, (_, i) => hash(textOf(fields, f, from + i), { lo: 0, hi: 0 }));
      })
      .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const wordsOf = (keys: readonly Hash64[]): Uint32Array => Uint32Array.from(keys.flatMap(({ lo, hi }) => [lo, hi]));

  const cold = keysOf(hotRows / fields, perField);
  const byPage = Map.groupBy(cold, ({ hi }) => pageOfKey(hi, PAGES));
  const stride = rowStride(c.TYPE_I8, k);
  const layout = { rowType: c.TYPE_I8, embeddingDim: k, pageCount: PAGES };
  const pages = await Promise.all(
    Array.from({ length: PAGES }, async (_, page) => {
      const words = wordsOf(byPage.get(page) ?? []);
      const bytes = format.writePage(layout, page, words, drawn.rows.slice(0, (words.length / 2) * stride));
      return { bytes, digest: await format.pageDigest(bytes) };
    }),
  );
  pages.forEach(({ digest }, page) => {
    drawn.pageDigests.set(digest, page * c.PAGE_DIGEST_BYTES);
  });
  const keys = wordsOf(keysOf(0, hotRows / fields));
  const zipf = new Zipf(perField, ZIPF);
  const random = new Random(seed);
  const record = (from: number, to: number): Record<string, string> =>
    Object.fromEntries(names.slice(from, to).map((field, i) => [field, textOf(fields, from + i, zipf.draw(random))]));
  const golden = Array.from({ length: GOLDEN_RECORDS }, () => record(0, fields));
  return {
    name,
    exported: await format.seal({ model: { ...drawn, sides, keys }, pages }, cold, golden),
    bodies(asked, count) {
      const list = (from: number): object[] => Array.from({ length: asked.records }, () => record(from, fields));
      return Array.from({ length: count }, () => ({
        ...(asked.model !== undefined && { model: asked.model }),
        ...(asked.path === "/v1/score"
          ? { records: list(0) }
          : {
              context: record(0, contextFields),
              candidates: list(contextFields),
              ...(!asked.sorted && format.unsorted),
            }),
      }));
    },
  };
}

/** How many bodies of a case there are, which are sent over and over. */
export const BODIES = 64;

/** Bodies that name the models, one after the other. */
export function alternating(models: readonly HttpModel[], asked: Asked, count: number): object[] {
  const bodies = models.map((model) => model.bodies({ ...asked, model: model.name }, count));
  return Array.from({ length: count }, (_, i) => bodies[i % models.length][i]);
}

/** What a Worker serves these models from; the first is the default. */
export function kvPairs(models: readonly Pick<HttpModel, "name" | "exported">[]): Map<string, string | Uint8Array> {
  const pairs = new Map<string, string | Uint8Array>();
  for (const { name, exported } of models) {
    const { version, blob, pages } = exported;
    for (const page of pages)
      if ("bytes" in page) pairs.set(pageKey(page.digest), Buffer.from(page.bytes).toString("base64"));
    for (const [part, key] of blobPartKeys(version, blob.length).entries())
      pairs.set(key, blob.subarray(part * c.BLOB_PART_BYTES, (part + 1) * c.BLOB_PART_BYTES));
    pairs.set(pointerKey(name), writePointer({ version, since: Date.now(), previous: null }));
  }
  pairs.set(defaultKey(), writeDefault(models[0].name));
  return pairs;
}

/** All values of a field, the most frequent one first. */
export function valuesOf(fields: number, f: number): string[] {
  return Array.from({ length: Math.floor(VALUES / fields) }, (_, i) => textOf(fields, f, i));
}

/** The value of a field that is the i-th by frequency. */
function textOf(fields: number, f: number, i: number): string {
  return `v${i * fields + f}`;
}
