import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PAGE_DIGEST_BYTES } from "../../../format/constants.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { NO_FILTER } from "../../../format/row-filter.ts";
import { sealBlob } from "../../../format/seal.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { integer, seeded } from "../../../testing/format/random.ts";
import { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import { rowFilter } from "../../../trainer/export/filter.ts";
import { byKey, keysOf, quantizeRows, writePages } from "../../../trainer/export/rows.ts";
import type { StoredModel } from "../../../trainer/export/stored-model.ts";
import { planOfExport } from "../../../trainer/plan/planned-model.ts";
import { RecordCollector } from "../../../trainer/plan/planned-records.ts";
import { layOut } from "../../../trainer/plan/planned-rows.ts";

const tiny = readBlob(new Uint8Array(readFileSync(new URL("../../golden/tiny.blob.bin", import.meta.url))));
const FIELDS = tiny.spec.fields.length;
const [HOT, COLD] = [60, 900];

/** An export of tiny with other rows; `bits`: of the filter, for a row in a page. */
async function exported(pageBytes: number, bits: number): Promise<StoredModel & { filterBytes: number }> {
  const random = seeded(5);
  const rows = FIELDS + HOT + COLD;
  const keys = Uint32Array.from({ length: 2 * rows }, (_, i) => (i < 2 * FIELDS ? 0 : integer(random, 0, 2 ** 32 - 1)));
  const vocabulary = new Vocabulary(FIELDS, keys, new Uint16Array(rows), new Uint32Array(rows));
  const { rowType, embeddingDim } = tiny;
  const values = new Float32Array(rows * (embeddingDim + 1));
  const between = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
  const hot = byKey(between(FIELDS, HOT), keys);
  const cold = byKey(between(FIELDS + HOT, COLD), keys);
  const pages = await writePages(cold, vocabulary, values, rowType, embeddingDim, pageBytes);
  const pageDigests = new Uint8Array(pages.length * PAGE_DIGEST_BYTES);
  for (const [i, { digest }] of pages.entries()) pageDigests.set(digest, i * PAGE_DIGEST_BYTES);
  const filter = bits === 0 ? NO_FILTER : rowFilter(cold, vocabulary, bits);
  const oov = quantizeRows([...between(0, FIELDS), ...hot], values, rowType, embeddingDim);
  const fields = tiny.spec.fields.map((field) => ({ ...field, kv: true }));
  const blob = writeBlob({
    ...{ ...tiny, spec: { ...tiny.spec, fields }, keys: keysOf(hot, vocabulary), rows: oov, pageDigests, filter },
    hotPages: [],
  });
  return {
    ...{ model: tiny.spec.name, version: await sealBlob(blob), blob, filterBytes: filter.byteLength },
    pages: pages.map(({ digest, bytes }) => ({ digest, read: async () => bytes })),
  };
}

/** What a plan knows of it, with four records of no values. */
function planned(model: StoredModel) {
  return planOfExport(model, async (vocabulary) => {
    const records = new EncodedRecords(4 * FIELDS);
    records.clear();
    records.count = 4;
    const collector = new RecordCollector(vocabulary, 4);
    collector.add(records);
    return collector.records();
  });
}

test("the plan of an export lays its rows out as the export has them: as many pages, and its own filter or none", async () => {
  for (const [pageBytes, bits] of [
    [1024, 12],
    [1024, 0],
    [4096, 8],
    [16_384, 12],
  ] as const) {
    const model = await exported(pageBytes, bits);
    const { sizes, model: plan } = await planned(model);
    const layout = layOut(plan.rows, sizes.blobBytes, sizes.pageBytes, sizes.filterBits);
    expect(sizes.pageBytes).toBe(pageBytes);
    expect([layout.headRows, layout.pageCount]).toEqual([HOT, model.pages.length]);
    expect(layout.filter.byteLength).toBe(model.filterBytes);
    expect(sizes.otherBlobBytes + sizes.blobBytes + model.filterBytes).toBe(model.blob.length);
  }
  // Of another size than a power of two, pages are at least no larger than the largest there is.
  const odd = await exported(1500, 12);
  const largest = Math.max(...(await Promise.all(odd.pages.map(async ({ read }) => (await read()).length))));
  expect((await planned(odd)).sizes.pageBytes).toBe(largest);
});
