// Reads 20 million generated records from CSV into the cache and from there in batches, and trains a DeepFM on them for
// an epoch. Prints seconds, records/s and peak memory of each step; fails only where a step takes more memory than
// allowed. npm run bench -- data [records] [folder]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseJson, parseWith } from "../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../format/spec.ts";
import { generateLog } from "../trainer/data/generate.ts";
import { Random } from "../trainer/data/random.ts";
import { openTrainingLog } from "../trainer/data/training-log.ts";
import { PROJECT } from "../trainer/io/project.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { train } from "../trainer/training/train.ts";

/** The memory that reading and training may take, however long the log is. */
const LIMIT_BYTES = 4 * 2 ** 30;
/** Room on the disk for a record: in the CSV file, and twice in the cache while that is made. */
const BYTES_A_RECORD = 150;
const WORLD = { users: 2_000_000, items: 500_000 };
const ME = fileURLToPath(import.meta.url);

const [first = "20000000", second] = process.argv.slice(2);
if (first === "generate") await generate(second as string, Number(process.argv[4]));
else if (first === "open") await open(second as string);
else if (first === "learn") await learn(second as string);
else run(Number(first), second ?? tmpdir());

/** Runs each step in a process of its own, so that its peak memory is its own. */
function run(records: number, parent: string): void {
  const { bavail, bsize } = statfsSync(parent);
  if (bavail * bsize < records * BYTES_A_RECORD)
    throw new Error(`${parent}: got ${bavail * bsize} free bytes, expected ${records * BYTES_A_RECORD}`);
  const folder = mkdtempSync(join(parent, "deepfm-edge-bench-"));
  const step = (...args: string[]): string =>
    execFileSync(process.execPath, [ME, ...args], { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
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
}

async function generate(folder: string, records: number): Promise<void> {
  using task = startTask("generate", records, "rows");
  await generateLog(folder, records, 7, task, WORLD);
  task.done();
}

interface Opened {
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

interface Learnt {
  model: string;
  parameters: number;
  seconds: number;
  peak: number;
}

interface ExampleSpec {
  fields: { type: string }[];
  training: object;
}

/** The example's spec, but one record in a hundred is for validation, and rare values have no rows of their own. */
function specOf(): FeatureSpec {
  const path = join(PROJECT, "examples", "generated.json");
  const example = parseJson(readFileSync(path, "utf8"), path) as ExampleSpec;
  const fields = example.fields.map((field) =>
    field.type === "categorical" ? { ...field, encoding: { kind: "vocabulary", minCount: 10 } } : field,
  );
  const data = { split: { kind: "random", valid: 0.01, test: 0 } };
  return parseWith(
    FeatureSpecSchema,
    { ...example, fields, data, training: { ...example.training, maxEpochs: 1 } },
    path,
  );
}

function pathsIn(folder: string): string[] {
  return ["train.csv", "valid.csv", "test.csv"].map((name) => join(folder, name));
}

function peakOf(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Opens the log through the cache, and reads every batch of an epoch without training on it. */
async function open(folder: string): Promise<void> {
  const paths = pathsIn(folder);
  const started = performance.now();
  const cache = join(folder, "cache");
  const { source, vocabulary } = await openTrainingLog(specOf(), { paths, part: "train" }, cache);
  const opened = performance.now();
  let records = 0;
  for await (const batch of source.epoch(new Random(1))) records += batch.records.length;
  const ended = performance.now();
  const du = execFileSync("du", ["-sb", cache], { encoding: "utf8" });
  const measured: Opened = {
    records,
    fields: source.fields,
    rows: vocabulary.size,
    csv: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    cache: Number(du.split("\t")[0]),
    open: (opened - started) / 1000,
    epoch: (ended - opened) / 1000,
    peak: peakOf(),
  };
  process.stdout.write(JSON.stringify(measured));
}

/** Trains for an epoch from the cache, and validates. */
async function learn(folder: string): Promise<void> {
  const paths = pathsIn(folder);
  const cache = join(folder, "cache");
  const trained = await train(specOf(), {
    train: { paths, part: "train" },
    valid: { paths, part: "valid" },
    cache,
  });
  const { type, embeddingDim, hidden } = trained.spec.model;
  const learnt: Learnt = {
    model: `${type}, k ${embeddingDim}, ${hidden.join("-")}`,
    parameters: trained.learner.parameterCount,
    seconds: trained.seconds,
    peak: peakOf(),
  };
  process.stdout.write(JSON.stringify(learnt));
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
