// Reads 20 million generated records from CSV into the cache and from there in batches, and trains a DeepFM on them for
// an epoch. Prints seconds, records/s and peak memory of each step; fails only where a step takes more memory than
// allowed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { existingFolder } from "../trainer/terminal/path-option.ts";
import { table } from "../trainer/terminal/table.ts";
import type { Learnt, Opened } from "./data/step.ts";
import { benchOptions, option, refuse } from "./options.ts";

/** The memory that reading and training may take, however long the log is. */
const LIMIT_BYTES = 4 * 2 ** 30;
/** Room on the disk for a record: in the CSV file, and twice in the cache while that is made. */
const BYTES_A_RECORD = 150;
const STEP = fileURLToPath(new URL("data/step.ts", import.meta.url));

const { records, folder: parent } = benchOptions({
  "--records <n>": option("records of the log", integerWithin(1000, 1e9), 20_000_000),
  "--folder <folder>": option("where the log is written for that time", existingFolder, tmpdir()),
});
const { bavail, bsize } = statfsSync(parent);
if (bavail * bsize < records * BYTES_A_RECORD)
  refuse(`${parent}: got ${bavail * bsize} free bytes, expected ${records * BYTES_A_RECORD}`);
const folder = mkdtempSync(join(parent, "deepfm-edge-bench-"));
/** Takes a step in a process of its own, so that its peak memory is its own. */
const step = (...args: string[]): string =>
  execFileSync(process.execPath, [STEP, ...args], { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
try {
  step("generate", folder, String(records));
  const cold = JSON.parse(step("open", folder)) as Opened;
  const warm = JSON.parse(step("open", folder)) as Opened;
  const learnt = JSON.parse(step("learn", folder)) as Learnt;
  const row = (name: string, seconds: number, { peak }: { peak: number }): string[] => [
    name,
    seconds.toFixed(1),
    Math.round(cold.records / seconds).toLocaleString("en"),
    `${Math.round(peak / 2 ** 20)} MiB`,
  ];
  const count = (n: number): string => n.toLocaleString("en");
  const log = `${count(records)} records, ${cold.fields} fields, ${count(cold.rows)} rows`;
  console.log(`${log}; ${learnt.model}: ${count(learnt.parameters)} parameters`);
  console.log(`CSV ${gibibytes(cold.csv)}, cache ${gibibytes(cold.cache)}`);
  console.log(
    table(
      ["", "seconds", "records/s", "peak RSS"],
      [
        row("read, count, encode", cold.open, cold),
        row("one epoch of batches", cold.epoch, cold),
        row("a second run: open", warm.open, warm),
        row("one epoch of batches", warm.epoch, warm),
        row("one epoch of training", learnt.seconds, learnt),
      ],
    ),
  );
  const peak = Math.max(cold.peak, warm.peak, learnt.peak);
  if (peak > LIMIT_BYTES) {
    console.error(`got a peak of ${gibibytes(peak)}, expected at most ${gibibytes(LIMIT_BYTES)}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
