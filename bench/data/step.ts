// A process of its own, so that its peak memory is that of one step: node bench/data/step.ts STEP FOLDER [RECORDS].
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseJson, parseWith } from "../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../../format/spec.ts";
import { generateLog } from "../../trainer/data/generate.ts";
import { Random } from "../../trainer/data/random.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import { PROJECT } from "../../trainer/io/project.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { train } from "../../trainer/training/train.ts";

const WORLD = { users: 2_000_000, items: 500_000 };

export interface Opened {
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

export interface Learnt {
  model: string;
  parameters: number;
  seconds: number;
  peak: number;
}

const [step, folder = "", records] = process.argv.slice(2);
if (step === "generate") await generate(folder, Number(records));
else process.stdout.write(JSON.stringify(step === "open" ? await open(folder) : await learn(folder)));

async function generate(folder: string, records: number): Promise<void> {
  using task = startTask("generate", records, "row");
  await generateLog(folder, records, 7, task, WORLD);
  task.done();
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
async function open(folder: string): Promise<Opened> {
  const paths = pathsIn(folder);
  const started = performance.now();
  const cache = join(folder, "cache");
  const { source, vocabulary } = await openTrainingLog(specOf(), { paths, part: "train" }, cache);
  const opened = performance.now();
  let records = 0;
  for await (const batch of source.epoch(new Random(1))) records += batch.records.length;
  const ended = performance.now();
  const du = execFileSync("du", ["-sb", cache], { encoding: "utf8" });
  return {
    records,
    fields: source.fields,
    rows: vocabulary.size,
    csv: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    cache: Number(du.split("\t")[0]),
    open: (opened - started) / 1000,
    epoch: (ended - opened) / 1000,
    peak: peakOf(),
  };
}

/** Trains for an epoch from the cache, and validates. */
async function learn(folder: string): Promise<Learnt> {
  const paths = pathsIn(folder);
  const cache = join(folder, "cache");
  const trained = await train(specOf(), {
    train: { paths, part: "train" },
    valid: { paths, part: "valid" },
    cache,
  });
  const { type, embeddingDim, hidden } = trained.spec.model;
  return {
    model: `${type}, k ${embeddingDim}, ${hidden.join("-")}`,
    parameters: trained.learner.parameterCount,
    seconds: trained.seconds,
    peak: peakOf(),
  };
}
