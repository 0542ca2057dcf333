import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { analyzeExperiment } from "../../../../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../../../../lab/analysis/experiment/plan.ts";
import type { Analysis } from "../../../../lab/analysis/experiment/result.ts";
import { lineSources } from "../../../../lab/analysis/log/line-source.ts";
import { CLICK, unitLines } from "./unit-lines.ts";

// Queues leave a file for each batch. Small files of which there are many are read as one, with the same result.

const root = mkdtempSync(join(tmpdir(), "deepfm-edge-many-"));
afterAll(() => rmSync(root, { recursive: true }));

const lines = unitLines({ origin: 130, b: 130 }, (_, unit) => [{ events: unit % 3 === 0 ? [CLICK] : [] }]);

/** Files as no sink should leave them, but as some do. */
const ODD: Record<string, string | Uint8Array> = {
  "a-blank.ndjson": "\n \t\n\r\n",
  "a-mark.ndjson": `\uFEFF${lines[0]}\n\n{"v":1\n`,
  "b-returns.ndjson": `${lines[1]}\r\n\r\n \r \nnonsense\r\n${lines[2]}\r\n`,
  "c-cut.ndjson.gz": gzipSync(`${lines[3]}\n${lines[4]}\n`.repeat(40)).subarray(0, -12),
  "d-half.ndjson": `${lines[5]}\n${lines[6]?.slice(0, 40)}`,
  "e-bytes.ndjson": Buffer.concat([Buffer.from(`${lines[7]}\n{"v":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]),
  "f-zeros.ndjson": Buffer.concat([Buffer.from(`${lines[8]}\n`), Buffer.alloc(9)]),
  "g-packed.ndjson.zst": zstdCompressSync(`${lines[9]}\n`),
  "h-empty.ndjson": "",
};

/** The analysis of a log whose good lines are in files of so many lines each. */
async function analysisOf(name: string, linesEach: number): Promise<Analysis> {
  const folder = join(root, name);
  mkdirSync(join(folder, "a folder.ndjson"), { recursive: true });
  for (const [file, content] of Object.entries(ODD)) writeFileSync(join(folder, file), content);
  const rest = lines.slice(10);
  for (let i = 0; i < rest.length; i += linesEach)
    writeFileSync(join(folder, "a folder.ndjson", `${i}.jsonl`), `${rest.slice(i, i + linesEach).join("\n")}\n`);
  symlinkSync(join(folder, "g-packed.ndjson.zst"), join(folder, "z-link.ndjson.zst"));
  return analyzeExperiment({ logs: [folder], plan: parsePlan({}) });
}

test("300 files of a line each, some of them broken, are read as a few larger ones are", async () => {
  const few = await analysisOf("few", 1000);
  const many = await analysisOf("many", 1);
  const withoutRoot = (analysis: Analysis, name: string): unknown =>
    JSON.parse(JSON.stringify(analysis).replaceAll(join(root, name), ""));
  const { log, ...result } = withoutRoot(many, "many") as Analysis;
  const { log: expected, ...other } = withoutRoot(few, "few") as Analysis;
  expect(log.files).toBeGreaterThan(300);
  expect({ ...log, files: 0 }).toEqual({ ...expected, files: 0 });
  expect(log.badLines.map(({ place }) => place)).toEqual([
    "/a-mark.ndjson, line 3",
    "/b-returns.ndjson, line 4",
    "/c-cut.ndjson.gz",
    "/d-half.ndjson, line 2",
    "/e-bytes.ndjson, line 2",
    "/f-zeros.ndjson, line 2",
  ]);
  expect(result).toEqual(other);
});

test("few files, large ones and those beyond the room are read as they are", async () => {
  const folder = mkdtempSync(join(root, "sources-"));
  /** Numbers of the files that each source has, with those of their first lines. */
  const sourcesOf = async (files: readonly string[], room?: number): Promise<string[]> => {
    const { sources } = await lineSources(files, mkdtempSync(join(root, "copies-")), room);
    return sources.map((source) => source.files.map(({ file, start }) => `${files.indexOf(file)}:${start}`).join(" "));
  };
  const files = Array.from({ length: 200 }, (_, i) => join(folder, `${i}.ndjson`));
  for (const [i, file] of files.entries()) writeFileSync(file, i % 2 ? `${i}\n\n${i}\n` : "\n");
  writeFileSync(files[2] ?? "", `${"7".repeat(2 ** 20)}\n`);
  expect(await sourcesOf(files.slice(0, 199))).toHaveLength(199);
  const [first, large, rest, ...others] = await sourcesOf(files);
  expect([first, large, others]).toEqual(["0:0 1:0", "2:0", []]);
  expect(rest?.split(" ").slice(0, 4)).toEqual(["3:0", "4:2", "5:2", "6:4"]);
  // Four bytes of the second file, and as many of the fourth.
  expect((await sourcesOf(files, 5)).slice(0, 4)).toEqual(["0:0 1:0", "2:0", "3:0", "4:0"]);
});
