import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { parseJson, parseWith } from "../../format/parse.ts";
import { readManifest } from "../../format/read-blob.ts";
import { openExport } from "../../trainer/export/export.ts";
import { type QuantizationReport, ReportSchema } from "../../trainer/export/report.ts";
import { readWhole } from "../../trainer/io/files.ts";
import { readJson } from "../../trainer/io/json-file.ts";
import { noSuchFile } from "../../trainer/io/system-fault.ts";
import { warn } from "../../trainer/terminal/warning.ts";
import { EVALUATION_FILE } from "../../trainer/training/run-record.ts";
import { settingsThatDiffer } from "./differences.ts";

// What a run folder says of a run: its text files, also those of an earlier version or of a training that goes on.

/** A number that JSON cannot hold, such as the AUC of a log with one class, is null there. */
const metric = v.pipe(
  v.nullable(v.number()),
  v.transform((x) => x ?? Number.NaN),
);

const EpochSchema = v.looseObject({
  epoch: v.number(),
  loss: metric,
  auc: metric,
  logloss: metric,
  seconds: v.number(),
});

const RunSchema = v.looseObject({
  spec: v.looseObject({ name: v.string(), model: v.looseObject({ type: v.string() }) }),
  engine: v.exactOptional(v.string()),
  backend: v.exactOptional(v.string()),
  device: v.exactOptional(v.string()),
  threads: v.exactOptional(v.nullable(v.number())),
  versions: v.exactOptional(v.record(v.string(), v.string()), {}),
  variables: v.exactOptional(v.record(v.string(), v.nullable(v.string()))),
  /** The epoch that was kept; absent while the training goes on. */
  valid: v.exactOptional(EpochSchema),
});

const interval = v.object({ low: v.number(), high: v.number() });
const LogSchema = v.looseObject({
  log: v.string(),
  records: v.number(),
  clickRate: metric,
  auc: metric,
  aucInterval: v.nullable(interval),
  logloss: metric,
  relativeInformationGain: metric,
  calibrationRatio: metric,
  eceEqualFrequency: metric,
});
const EvaluationSchema = v.looseObject({ validation: v.exactOptional(LogSchema), test: v.exactOptional(LogSchema) });

export type SavedEpoch = v.InferOutput<typeof EpochSchema>;
export type SavedEvaluation = v.InferOutput<typeof LogSchema>;

/** The held-out logs of a run, in the order of their use. */
export const LOGS = ["validation", "test"] as const;

export interface ReadRun {
  /** What a report calls it: the last name of its folder; the whole path where two runs share that. */
  name: string;
  folder: string;
  run: v.InferOutput<typeof RunSchema>;
  epochs: SavedEpoch[];
  /** Absent for a run of an earlier version, and while the training goes on. */
  evaluation: v.InferOutput<typeof EvaluationSchema> | null;
  /** The evidence of the export in the run's folder; null where there is none. */
  quantization: QuantizationReport | null;
}

/** Reads run folders. Throws FormatError, which names the file and the place in it, where one is no run's. */
export async function readRuns(folders: readonly string[]): Promise<ReadRun[]> {
  const names = folders.map((folder) => basename(resolve(folder)));
  const runs: ReadRun[] = [];
  for (const [i, folder] of folders.entries()) {
    const name = names.filter((other) => other === names[i]).length > 1 ? folder : names[i];
    runs.push(await readRun(folder, name));
  }
  return runs;
}

async function readRun(folder: string, name: string): Promise<ReadRun> {
  const path = join(folder, "run.json");
  if (!existsSync(path)) throw noSuchFile(path, "expected the folder that `train` wrote");
  const run = readJson(path, RunSchema);
  const evaluation = join(folder, EVALUATION_FILE);
  return {
    name,
    folder,
    run,
    epochs: readEpochs(join(folder, "metrics.jsonl")),
    evaluation: existsSync(evaluation) ? readJson(evaluation, EvaluationSchema) : null,
    quantization: await readQuantization(join(folder, "export"), run.spec),
  };
}

function readEpochs(path: string): SavedEpoch[] {
  if (!existsSync(path)) return [];
  const lines = readWhole(path).toString("utf8").split("\n");
  return lines
    .map((line, i) => ({ line, place: `${path}, line ${i + 1}` }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, place }) => parseWith(EpochSchema, parseJson(line, place), place));
}

const ProvenanceSchema = v.object({ provenance: v.object({ spec: v.looseObject({}) }) });

/** What a run's export loses. One of another training, which its settings tell, is warned of and left out. */
async function readQuantization(folder: string, spec: object): Promise<QuantizationReport | null> {
  if (!existsSync(join(folder, "export.json"))) return null;
  const { blob } = await openExport(folder);
  const said = v.safeParse(ProvenanceSchema, readManifest(blob).evidence);
  // A setting that one of the two does not have is of another version.
  const [other] = said.success ? settingsThatDiffer([said.output.provenance.spec, spec]) : [];
  if (!other) return quantizationOf(blob);
  const [got, expected] = other.values;
  warn(`${folder}: got an export of another training, by ${other.path} ${got}, expected ${expected} as in run.json`);
  return null;
}

/** The evidence of what an export loses, which its blob has; null where it has none that is read. */
export function quantizationOf(blob: Uint8Array): QuantizationReport | null {
  const { evidence } = readManifest(blob);
  const { quantization } = evidence as { quantization?: unknown };
  const read = v.safeParse(ReportSchema, quantization);
  // An export of an earlier version measured other losses.
  return read.success ? read.output : null;
}
