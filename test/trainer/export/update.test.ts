import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TYPE_F16, TYPE_F32, TYPE_I4, TYPE_I8 } from "../../../format/constants.ts";
import { toHex } from "../../../format/hash.ts";
import { pageOfKey } from "../../../format/keys.ts";
import { Page } from "../../../format/page.ts";
import { readManifest } from "../../../format/read-blob.ts";
import { rowStride } from "../../../format/row.ts";
import { kernelModule } from "../../../runtime/node.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { integer, seeded } from "../../../testing/format/random.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { type DraftExport, exportModel, loadExport, openExport, saveExport } from "../../../trainer/export/export.ts";
import { QUANTIZATIONS, type Quantization } from "../../../trainer/export/quantization.ts";
import { quantizeRows } from "../../../trainer/export/rows.ts";
import { sealExport } from "../../../trainer/export/seal.ts";
import type { StoredModel } from "../../../trainer/export/stored-model.ts";
import { type UpdateReport, updateOf, updateText } from "../../../trainer/export/update.ts";
import { TEST_BACKEND } from "../backend.ts";
import { LivingModel, ROW_BYTES } from "./living-model.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-update-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

/** A draft as a later export finds it: sealed, and with pages to read. */
async function stored(draft: DraftExport): Promise<StoredModel> {
  const { pages, ...model } = await sealExport(draft, {}, []);
  return { ...model, pages: pages.map(({ digest, bytes }) => ({ digest, read: async () => bytes })) };
}

/** What the kernel makes of records, with all pages at hand. */
function scoresOf({ blob, pages }: DraftExport, records: object[]) {
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const opened = new Map(pages.map(({ bytes }, i) => [i, new Page(bytes, scorer.manifest, i)]));
  const { logits, rowsMissing, unseen } = scorer.score(scorer.locate(scorer.encode(records)), opened);
  return { logits, rowsMissing, unseen };
}

function digestsOf({ pages }: { pages: readonly { digest: Uint8Array }[] }): string[] {
  return pages.map(({ digest }) => toHex(digest));
}

/** An update's report. Fails where the export was written in full. */
function reportOf({ update }: DraftExport): UpdateReport {
  expect(update).toHaveProperty("rows");
  return update as UpdateReport;
}

/** Exports a model as an update of `base`, whose scores must be those of a full export. */
async function updated(
  living: LivingModel,
  base: StoredModel,
  rows: Parameters<LivingModel["trained"]>[0] = {},
  quantization: Quantization = "int8",
): Promise<DraftExport> {
  const model = living.trained(rows);
  const update = await exportModel(model, quantization, model.dataset, undefined, base);
  const full = await exportModel(model, quantization, model.dataset);
  const records = living.records(150);
  expect(scoresOf(update, records)).toEqual(scoresOf(full, records));
  return update;
}

async function exported(living: LivingModel, quantization: Quantization = "int8"): Promise<StoredModel> {
  const model = living.trained();
  return stored(await exportModel(model, quantization, model.dataset));
}

describe("a row's bytes", () => {
  it.each([TYPE_I8, TYPE_I4, TYPE_F16, TYPE_F32])("depend on that row alone, as type %i", (type) => {
    const [k, count, random] = [7, 60, seeded(type + 1)];
    const stride = rowStride(type, k);
    const values = Float32Array.from(
      { length: count * (k + 1) },
      () => 10 ** integer(random, -3, 3) * (random() - 0.5),
    );
    const order = Array.from({ length: count }, (_, row) => row);
    const whole = quantizeRows(order, values, type, k);
    const shuffled = order.toSorted((a, b) => ((a * 37) % count) - ((b * 37) % count));
    const mixed = quantizeRows(shuffled, values, type, k);
    shuffled.forEach((row, i) => {
      const bytes = whole.subarray(row * stride, (row + 1) * stride);
      expect(mixed.subarray(i * stride, (i + 1) * stride)).toEqual(bytes);
      const alone = values.slice(row * (k + 1), (row + 1) * (k + 1));
      expect(quantizeRows([0], alone, type, k)).toEqual(bytes);
    });
  });
});

describe("an update", () => {
  it("puts changed rows into the blob, leaves all pages as they are, and says so in its evidence", async () => {
    const living = new LivingModel(seeded(1), 200);
    const base = await exported(living);
    living.live({ changed: 30, born: 5 });
    const draft = await updated(living, base);
    const report = reportOf(draft);
    expect(digestsOf(draft)).toEqual(digestsOf(base));
    expect(report).toMatchObject({ of: base.version, pagesKept: base.pages.length, pagesRewritten: 0 });
    expect(report.rows).toBeGreaterThan(25);
    expect(draft.model.keys.length / 2).toBe(20 + report.rows);
    expect(report.bytes).toBe(report.rows * ROW_BYTES);
    const sealed = await sealExport(draft, { update: report }, []);
    expect(updateOf(readManifest(sealed.blob).evidence)).toEqual(report);
    expect(updateText(report)).toMatch(
      /^update of [0-9a-f]{64}: delta rows \d+, .* KiB of .* KiB \(rows.deltaBytes\); pages kept \d+, rewritten 0$/,
    );
    expect(updateOf({ update: "something else" })).toBeNull();
  });

  it("may take the place of the export before it in its folder", async () => {
    const living = new LivingModel(seeded(2), 60);
    const model = living.trained();
    saveExport(folder, await sealExport(await exportModel(model, "int8", model.dataset), {}, []));
    const base = await openExport(folder);
    living.live({ changed: 5 });
    saveExport(folder, await sealExport(await updated(living, base), {}, []));
    const after = await loadExport(folder);
    expect(after.version).not.toBe(base.version);
    expect(digestsOf(after)).toEqual(digestsOf(base));
  });

  it("of the same model has the same pages and no delta rows", async () => {
    const living = new LivingModel(seeded(2), 100);
    const base = await exported(living);
    expect(reportOf(await updated(living, base))).toMatchObject({ rows: 0, bytes: 0, pagesRewritten: 0 });
  });

  it("writes as few pages again as its budget allows, as those with most changed rows come first", async () => {
    const living = new LivingModel(seeded(3), 400);
    const base = await exported(living);
    living.live({ changed: 80 });
    const everything = await updated(living, base, { deltaBytes: 2 ** 20 });
    const perPage = new Array<number>(base.pages.length).fill(0);
    for (const hi of everything.model.keys.filter((_, i) => i % 2 === 1)) perPage[pageOfKey(hi, perPage.length)]++;
    const hot = (await exportModel(living.trained(), "int8", living.trained().dataset)).model.keys;
    for (const hi of hot.filter((_, i) => i % 2 === 1)) perPage[pageOfKey(hi, perPage.length)]--;
    for (const room of [60, 30]) {
      const report = reportOf(await updated(living, base, { deltaBytes: room * ROW_BYTES }));
      let left = reportOf(everything).rows;
      let needed = 0;
      for (const rows of perPage.toSorted((a, b) => b - a)) {
        if (left <= room) break;
        left -= rows;
        needed++;
      }
      expect(report).toMatchObject({ pagesRewritten: needed, rows: left });
    }
  });

  it("writes again the pages of rows that are gone, and no others", async () => {
    const living = new LivingModel(seeded(4), 400);
    const base = await exported(living);
    living.live({ gone: 3 });
    const draft = await updated(living, base);
    expect(reportOf(draft).pagesRewritten).toBeGreaterThan(0);
    expect(reportOf(draft).pagesRewritten).toBeLessThanOrEqual(3);
    const before = digestsOf(base);
    expect(digestsOf(draft).filter((digest, i) => digest !== before[i])).toHaveLength(reportOf(draft).pagesRewritten);
  });

  it("keeps rows that are frequent no more, which no page has", async () => {
    const living = new LivingModel(seeded(5), 100);
    const base = await exported(living);
    for (const row of living.rows) row.count = 1000 - row.count;
    const report = reportOf(await updated(living, base));
    expect(report).toMatchObject({ rows: 20, pagesRewritten: 0 });
  });

  it.each(QUANTIZATIONS)("of an update of an update scores as a full export, as %s", async (quantization) => {
    for (const seed of [10, 11]) {
      const random = seeded(seed);
      const living = new LivingModel(random, 120, {}, seed === 11 ? ["blob", "kv"] : []);
      let base = await exported(living, quantization);
      const first = digestsOf(base);
      let updates = 0;
      for (let step = 0; step < 3; step++) {
        const any = (most: number): number => integer(random, 0, most);
        living.live({ changed: any(25), born: any(6), gone: seed % 2 === 0 ? 0 : any(2), recounted: any(10) });
        const draft = await updated(living, base, { deltaBytes: integer(random, 20, 120) * ROW_BYTES }, quantization);
        if ("rows" in (draft.update ?? {})) updates++;
        base = await stored(draft);
      }
      expect(updates).toBeGreaterThan(0);
      expect(base.pages.length).toBeGreaterThan(1);
      if (updates === 3) expect(digestsOf(base)).toHaveLength(first.length);
    }
  });

  it("has the filter of the export before it, with the keys of pages that are written again", async () => {
    const living = new LivingModel(seeded(6), 300);
    const base = await exported(living);
    living.live({ changed: 40, born: 40 });
    const wide = await updated(living, base, { deltaBytes: 100 * ROW_BYTES });
    const { filter } = readManifest(base.blob);
    const bytes = base.blob.slice(filter.offset, filter.offset + filter.bytes);
    expect(wide.model.filter).toEqual(new Uint32Array(bytes.buffer));
    const tight = await updated(living, base, { deltaBytes: 60 * ROW_BYTES, pageBytes: 2048 });
    expect(reportOf(tight).pagesRewritten).toBeGreaterThan(0);
    expect(tight.model.filter).not.toEqual(wide.model.filter);
    const model = living.trained();
    const none = await exportModel(model, "int8", model.dataset, 0, base);
    expect(none.model.filter).toHaveLength(0);
  });
});

describe("an update is a full export, and says why,", () => {
  async function reasonOf(change: (living: LivingModel) => Parameters<LivingModel["trained"]>[0]): Promise<string> {
    const living = new LivingModel(seeded(7), 100);
    const base = await exported(living);
    const draft = await updated(living, base, change(living));
    expect(draft.update).toMatchObject({ of: base.version });
    return (draft.update as { reason: string }).reason;
  }

  it("where nearly all rows have changed", async () => {
    const reason = await reasonOf((living) => {
      living.rows.forEach((_, i) => {
        living.change(i);
      });
      return {};
    });
    expect(reason).toMatch(/^so many rows have changed that (\d+) of its \d+ pages would be new$/);
  });

  it("where new rows fit neither its pages nor the budget", async () => {
    const reason = await reasonOf((living) => {
      living.live({ born: 300 });
      return { deltaBytes: 10 * ROW_BYTES };
    });
    expect(reason).toMatch(/^\d+ rows do not fit its pages, and rows.deltaBytes has room for 10$/);
  });

  it("where pages are to be smaller", async () => {
    const living = new LivingModel(seeded(8), 100, { pageBytes: 4096 });
    const draft = await updated(living, await exported(living), { pageBytes: 1024 });
    expect(draft.update).toHaveProperty(
      "reason",
      expect.stringMatching(/^it has a page of \d+ bytes, and rows.pageBytes is 1024$/),
    );
  });

  it("where rows are quantized in another way, hashed with another key, or all in the blob", async () => {
    const living = new LivingModel(seeded(9), 100);
    const base = await exported(living);
    const model = living.trained();
    const reasonFor = async (quantization: Quantization, hashKey: string, of: StoredModel): Promise<unknown> => {
      const other = { ...model, fitted: { ...model.fitted, hashKey } };
      const { update } = await exportModel(other, quantization, model.dataset, undefined, of);
      return update && "reason" in update ? update.reason : update;
    };
    const { hashKey = "" } = model.fitted;
    expect(await reasonFor("int4", hashKey, base)).toBe("its rows are int8, and now int4");
    expect(await reasonFor("int8", hashKey.replace("5", "6"), base)).toBe(
      "its row keys are hashed with another hash key, which `train --hash-key` sets",
    );
    const whole = new LivingModel(seeded(9), 100, { blobBytes: 2 ** 20 });
    expect(await reasonFor("int8", hashKey, await exported(whole))).toBe("it has no pages");
  });
});
