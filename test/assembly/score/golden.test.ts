import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SECTION_ITEMS } from "../../../format/constants.ts";
import { ItemPage } from "../../../format/item-page.ts";
import { Page } from "../../../format/page.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import type { Scores } from "../../../runtime/scores.ts";
import { inSection } from "../../../testing/format/edit-blob.ts";
import { forwardItem } from "../../../testing/format/reference.ts";
import { KERNELS } from "../../../testing/kernel/harness.ts";

// The examples of FORMAT.md, from JSON records to scores. The golden scores are float64; float32 has 24 bits for
// them, and 0 for the smallest, 10⁻⁵³.

function golden(name: string): Buffer {
  return readFileSync(new URL(`../../golden/${name}`, import.meta.url));
}

const MODELS = ["tiny", "platt", "pnn", "towers", "f16", "int4"].map((name) => {
  const expected: Expected[] = JSON.parse(golden(`${name}.scores.json`).toString());
  const page = golden(`${name === "f16" || name === "int4" ? name : "tiny"}.page.bin`);
  return { name, blob: golden(`${name}.blob.bin`), page, expected };
});

/** The score of a record, or of an item of the catalogue, given by its id, with a context. */
interface Expected {
  record?: unknown;
  context?: unknown;
  item?: string;
  logit: number;
  score: number;
}
/** The second is the first with a calibration map, and the third has the same items as entries. */
const CATALOGUES = ["catalogue", "isotonic", "entries"].map((name) => {
  const expected: Expected[] = JSON.parse(golden(`${name}.scores.json`).toString());
  return { name, blob: golden(`${name}.blob.bin`), expected };
});

function expectScores({ logits, scores, rowsMissing }: Scores, expected: readonly Expected[]): void {
  expect([logits.length, rowsMissing]).toEqual([expected.length, 0]);
  expected.forEach(({ logit, score }, i) => {
    expect(Math.abs(logits[i] - logit)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(logit)));
    expect(Math.abs(scores[i] - score)).toBeLessThanOrEqual(1e-6 * score + 1e-38);
  });
}

describe.each(KERNELS)("$name", ({ module }) => {
  it.each(CATALOGUES)("gives the golden scores of $name, of records and of items with a context", (catalogue) => {
    const scorer = new Scorer(placeBlob(module, catalogue.blob));
    const { manifest } = scorer;
    const pages = new Map<number, Page | ItemPage>(
      [0, 1].map((page) => [page, new Page(golden(`catalogue.page${page}.bin`), manifest, page)]),
    );
    const records = catalogue.expected.filter(({ item }) => item === undefined);
    const located = scorer.locate(scorer.encode(records.map(({ record }) => record)));
    expect([...located.pages.keys()].sort()).toEqual([0, 1]);
    expectScores(scorer.score(located, pages), records);

    if (manifest.itemEntries) pages.set(2, new ItemPage(golden("entries.items0.bin"), manifest, 0));
    for (const pair of catalogue.expected.slice(records.length)) {
      const items = scorer.locateItems(pair.context, [pair.item]);
      const isCold = manifest.itemEntries !== null && pair.item !== "boots";
      expect(items.records.encoded.count, "the catalogue has it").toBe(isCold ? 2 : 1);
      expect(items.records.pages.has(2)).toBe(isCold);
      expectScores(scorer.rankItems(items, pages), [pair]);
    }
  });

  it("adds an item's integer sums modulo 2³²", () => {
    const blob = inSection(new Uint8Array(golden("catalogue.blob.bin")), SECTION_ITEMS, (view) => {
      // At 48, 52 and 56: the first layer's sums of item 0; 80 bytes on, those of item 1.
      [48, 52, 56].forEach((at, n) => {
        view.setInt32(at, 2 ** 31 - 1 - n, true);
        view.setInt32(80 + at, n - 2 ** 31, true);
      });
    });
    const scorer = new Scorer(placeBlob(module, blob));
    for (const context of [{ site: "news", hour: 7 }, { site: "news" }]) {
      const items = scorer.locateItems(context, ["boots", "lamp", "sofa"]);
      const expected = [...items.numbers].map((item) => forwardItem(blob, [], context, item));
      expect(Math.max(...expected.map(({ logit }) => Math.abs(logit)))).toBeGreaterThan(1e5);
      expectScores(scorer.rankItems(items, new Map()), expected);
    }
  });

  it.each(MODELS)("gives the golden scores of $name", ({ blob, page: pageBytes, expected }) => {
    const scorer = new Scorer(placeBlob(module, blob));
    const located = scorer.locate(scorer.encode(expected.map(({ record }) => record)));
    expect(Array.from(located.pages.keys())).toEqual([0]);
    const page = new Page(pageBytes, scorer.manifest, 0);
    expectScores(scorer.score(located, new Map([[0, page]])), expected);
  });
});
