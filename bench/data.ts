// 20 million generated records from CSV into the cache, and from there in batches. Prints; gates nothing but its own memory.
//   node bench/data.ts [records] [folder]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FeatureSpecSchema, parseWith } from "../format/spec.ts";
import { generateLog } from "../trainer/data/generate.ts";
import { openTrainingLog } from "../trainer/data/training-log.ts";
import { startTask } from "../trainer/progress.ts";
import { Random } from "../trainer/random.ts";
import { table } from "../trainer/table.ts";

/** The data handling may never take more, however long the log is. */
const LIMIT_BYTES = 4 * 2 ** 30;
/** A CSV record, and twice what it becomes in the cache. */
const BYTES_A_RECORD = 150;
const WORLD = { users: 2_000_000, items: 500_000 };
const ME = fileURLToPath(import.meta.url);

const [first = "20000000", second] = process.argv.slice(2);
if (first === "generate") await generate(second as string, Number(process.argv[4]));
else if (first === "open") await measure(second as string);
else run(Number(first), second ?? tmpdir());

/** Each step is a process of its own, so that its peak memory is its own. */
function run(records: number, parent: string): void {
  const { bavail, bsize } = statfsSync(parent);
  if (bavail * bsize < records * BYTES_A_RECORD)
    throw new Error(`${parent}: got ${bavail * bsize} free bytes, expected ${records * BYTES_A_RECORD}`);
  const folder = mkdtempSync(join(parent, "deepfm-edge-bench-"));
  const step = (...args: string[]): string =>
    execFileSync(process.execPath, [ME, ...args], { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  try {
    step("generate", folder, String(records));
    const cold = JSON.parse(step("open", folder)) as Measured;
    const warm = JSON.parse(step("open", folder)) as Measured;
    const rate = (seconds: number): string => `${Math.round(cold.records / seconds).toLocaleString("en")}`;
    const row = (name: string, seconds: number, { peak }: Measured): string[] => [
      name,
      seconds.toFixed(1),
      rate(seconds),
      `${Math.round(peak / 2 ** 20)} MiB`,
    ];
    console.log(
      `${cold.records.toLocaleString("en")} records, ${cold.fields} fields, ${cold.rows.toLocaleString("en")} rows`,
    );
    console.log(`CSV ${gibibytes(cold.csv)}, cache ${gibibytes(cold.cache)}`);
    console.log(
      table(
        ["", "seconds", "records/s", "peak RSS"],
        [
          row("read, count, encode", cold.open, cold),
          row("one epoch of batches", cold.epoch, cold),
          row("a second run: open", warm.open, warm),
          row("one epoch of batches", warm.epoch, warm),
        ],
      ),
    );
    if (Math.max(cold.peak, warm.peak) > LIMIT_BYTES) {
      console.error(
        `got a peak of ${gibibytes(Math.max(cold.peak, warm.peak))}, expected at most ${gibibytes(LIMIT_BYTES)}`,
      );
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function generate(folder: string, records: number): Promise<void> {
  const task = startTask("generate", records, "rows");
  await generateLog(folder, records, 7, task, WORLD);
  task.done();
}

interface Measured {
  records: number;
  fields: number;
  rows: number;
  csv: number;
  cache: number;
  /** Seconds. */
  open: number;
  epoch: number;
  /** Bytes of the process at its largest. */
  peak: number;
}

/** Opens the log through the cache, and takes every batch of an epoch without learning from it. */
async function measure(folder: string): Promise<void> {
  const example = JSON.parse(readFileSync(new URL("../examples/generated.json", import.meta.url), "utf8"));
  for (const field of example.fields)
    if (field.type === "categorical") field.encoding = { kind: "vocabulary", minCount: 10 };
  const spec = parseWith(FeatureSpecSchema, example, "generated.json");
  const paths = ["train.csv", "valid.csv", "test.csv"].map((name) => join(folder, name));
  const started = performance.now();
  const cache = join(folder, "cache");
  const { source, vocabulary } = await openTrainingLog(spec, { paths }, cache);
  const opened = performance.now();
  let records = 0;
  for await (const batch of source.epoch(new Random(1))) records += batch.records.length;
  const ended = performance.now();
  const du = execFileSync("du", ["-sb", cache], { encoding: "utf8" });
  const measured: Measured = {
    records,
    fields: source.fields,
    rows: vocabulary.size,
    csv: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    cache: Number(du.split("\t")[0]),
    open: (opened - started) / 1000,
    epoch: (ended - opened) / 1000,
    peak: process.resourceUsage().maxRSS * 1024,
  };
  process.stdout.write(JSON.stringify(measured));
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
