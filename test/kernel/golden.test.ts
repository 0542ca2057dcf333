import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Page } from "../../format/page.ts";
import { placeBlob } from "../../format/placed-blob.ts";
import { Scorer } from "../../format/scorer.ts";
import { KERNELS } from "./harness.ts";

// FORMAT.md's examples, from JSON records to scores. The golden scores are float64; float32 gives them 24 bits, and the
// smallest of them, 10⁻⁵³, is 0.

function golden(name: string): Buffer {
  return readFileSync(new URL(`../golden/${name}`, import.meta.url));
}

const MODELS = ["tiny", "pnn", "towers", "f16", "int4"].map((name) => {
  const expected: { record: unknown; logit: number; score: number }[] = JSON.parse(
    golden(`${name}.scores.json`).toString(),
  );
  const page = golden(`${name === "pnn" || name === "towers" ? "tiny" : name}.page.bin`);
  return { name, blob: golden(`${name}.blob.bin`), page, expected };
});

describe.each(KERNELS)("$name", ({ module }) => {
  it.each(MODELS)("gives the golden scores of $name", ({ blob, page: pageBytes, expected }) => {
    const scorer = new Scorer(placeBlob(module, blob));
    const located = scorer.locate(scorer.encode(expected.map(({ record }) => record)));
    expect(Array.from(located.pages)).toEqual([0]);
    const page = new Page(pageBytes, scorer.manifest, 0);
    const { logits, scores, rowsMissing } = scorer.score(located, new Map([[0, page]]));
    expected.forEach(({ logit, score }, i) => {
      expect(Math.abs((logits[i] as number) - logit)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(logit)));
      expect(Math.abs((scores[i] as number) - score)).toBeLessThanOrEqual(1e-6 * score + 1e-38);
    });
    expect(rowsMissing).toBe(0);
  });
});
