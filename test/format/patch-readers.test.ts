import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { applyPatch } from "../../format/patch.ts";
import { writePatch } from "../../format/write-patch.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { versionOf } from "../independent/container.ts";
import { baseOf, patched } from "../independent/patch.ts";

// What the reader that is written from FORMAT.md makes of patches, beside the reader that serves.

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../golden/${name}.blob.bin`, import.meta.url)));

const NAMES = ["tiny", "f16", "spline", "catalogue", "platt", "isotonic"];

test("patches make the blobs that they were written of", () => {
  let made = 0;
  for (const name of NAMES)
    for (const other of NAMES) {
      const [base, blob] = [golden(name), golden(other)];
      const patch = writePatch(base, versionOf(base), blob);
      if (patch === null) continue;
      made++;
      expect(baseOf(patch)).toBe(versionOf(base));
      expect(versionOf(patched(patch, base))).toBe(versionOf(blob));
    }
  expect(made).toBeGreaterThan(NAMES.length);
});

test("damaged patches, and patches of another base, are judged alike", () => {
  const random = seeded(3);
  const [base, blob] = [golden("tiny"), golden("spline")];
  const patch = writePatch(base, versionOf(base), blob) ?? new Uint8Array(0);
  const judged = { made: 0, refused: 0 };
  for (let i = 0; i < 300; i++) {
    let bytes = Uint8Array.from(patch);
    for (let edits = integer(random, 1, 2); edits > 0; edits--)
      bytes[integer(random, 0, random() < 0.3 ? 80 : bytes.length - 1)] = integer(random, 0, 255);
    if (random() < 0.1) bytes = bytes.slice(0, integer(random, 0, bytes.length));
    const results = [patched, applyPatch].map((read) => {
      try {
        return Buffer.from(read(bytes, base)).toString("hex");
      } catch {
        return null;
      }
    });
    // A length of the base that is less than it has is noticed where the base is read to its end.
    if (Buffer.compare(bytes.subarray(16, 20), patch.subarray(16, 20)) !== 0) continue;
    expect(results[0]).toBe(results[1]);
    judged[results[0] === null ? "refused" : "made"]++;
  }
  expect(judged.made).toBeGreaterThan(30);
  expect(judged.refused).toBeGreaterThan(30);
});
