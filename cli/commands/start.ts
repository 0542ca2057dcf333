import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { evaluate, type HttpEvaluation } from "../../deploy/evaluate.ts";
import { publish } from "../../deploy/publish.ts";
import { bundleBytes, type LocalServer, serve } from "../../deploy/serve.ts";
import { FormatError } from "../../format/errors.ts";
import { type FeatureSpec, parseFeatureSpec } from "../../format/spec.ts";
import { kernelBytes } from "../../runtime/node.ts";
import { readHeldOutLog } from "../../trainer/data/dataset.ts";
import { generateLog } from "../../trainer/data/generate.ts";
import { chooseLogs, type LogPart, type Logs, openPart } from "../../trainer/data/logs.ts";
import { type RawRecord, someRecords } from "../../trainer/data/raw-record.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { CALIBRATION_RECORDS, type ExportedModel, saveExport } from "../../trainer/export/export.ts";
import { exportMeasured } from "../../trainer/export/measured-export.ts";
import type { Quantization } from "../../trainer/export/quantization.ts";
import {
  checkLimits,
  chosenOf,
  type Limits,
  type QuantizationReport,
  reportTable,
} from "../../trainer/export/report.ts";
import { GOLDEN_RECORDS, sealExport } from "../../trainer/export/seal.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { PROJECT } from "../../trainer/io/project.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import type { Metrics } from "../../trainer/metrics/metrics.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";
import { saveRun } from "../../trainer/training/run-folder.ts";
import { recordEpochs, runRecord } from "../../trainer/training/run-record.ts";
import { train } from "../../trainer/training/train.ts";

export interface StartOptions {
  spec?: string;
  data?: string[];
  train?: string[];
  valid?: string[];
  test?: string[];
  cache?: string;
  out: string;
  rows: number;
  seed: number;
  quantize: Quantization;
  /** What the export may lose. */
  limits: Limits;
  /** Exports even what loses more. */
  force?: boolean;
  backend?: Backend;
  port: number;
  json?: string;
  exit?: boolean;
}

/** The whole path: click log → training → export → KV → Worker in workerd → the test split scored over HTTP. */
export async function start(options: StartOptions): Promise<void> {
  // 1. The click log: the user's, or a generated one with a known truth.
  const { spec, logs, best } = await prepareLogs(options);

  // 2. Training.
  const trained = await train(spec, {
    ...logs,
    cache: options.cache ?? join(options.out, "cache"),
    onEpoch: recordEpochs(options.out, spec, logs.valid),
    quantize: options.quantize,
    ...(options.backend && { backend: options.backend }),
  });
  saveRun(options.out, trained, logs.valid);

  // 3. Export, checked against the trainer on the test split.
  const test = await openPart(spec, logs.test);
  const calibrating = startTask("calibrate", null, "records");
  const calibration = await readHeldOutLog(
    await openPart(spec, logs.valid),
    trained.fitted,
    trained.vocabulary,
    calibrating,
    CALIBRATION_RECORDS,
  );
  calibrating.done();
  const { quantize: quantization, limits } = options;
  const { draft, report } = await exportMeasured(trained, { quantization, calibration, log: test, limits });
  console.log(reportTable(report));
  if (!options.force) checkLimits(spec.name, report);
  const exported = await sealExport(
    draft,
    { provenance: runRecord(spec, trained.backend), quantization: report },
    await someRecords(test, trained.fitted.fields, GOLDEN_RECORDS),
  );
  saveExport(join(options.out, "export"), exported);

  // 4. Into the local KV, and served from there.
  const store = join(options.out, "kv");
  rmSync(store, { recursive: true, force: true });
  await publish(exported, { remote: false, persistTo: store });
  const server = await serve(store, options.port);
  try {
    const http = await evaluate(server.url, test, trained.fitted);
    const sizes = { kernel: kernelBytes(), workerGzip: await bundleBytes() };
    summarize(options, trained.backend, best, report, http, exported, sizes);
    if (process.stdout.isTTY && !options.exit)
      await stayUp(server, (await someRecords(test, trained.fitted.fields, 1))[0] ?? {});
  } finally {
    await server.stop();
  }
}

interface PreparedLogs {
  spec: FeatureSpec;
  logs: Logs & { test: LogPart };
  best: Metrics | null;
}

async function prepareLogs({
  spec: path,
  data,
  train,
  valid,
  test,
  out,
  rows,
  seed,
}: StartOptions): Promise<PreparedLogs> {
  const names = { ...(data && { data }), ...(train && { train }), ...(valid && { valid }), ...(test && { test }) };
  const own = path !== undefined && (data !== undefined || (train && valid && test));
  if (!own && (path !== undefined || Object.keys(names).length > 0))
    throw new Error(
      "--spec, --train, --valid and --test go together, or --spec and --data; give none of them for a generated log",
    );
  if (path !== undefined) {
    const spec = parseFeatureSpec(readFileSync(path, "utf8"), path);
    const { test: tested, ...logs } = chooseLogs(names, spec);
    if (!tested) throw new FormatError(`${path}: data.split.test`, "got 0, expected a share to score over HTTP");
    return { spec, logs: { ...logs, test: tested }, best: null };
  }
  const task = startTask("generate", rows, "rows");
  const generated = await generateLog(join(out, "log"), rows, seed, task);
  task.done();
  const example = join(PROJECT, "examples", "generated.json");
  const of = (file: string): LogPart => ({ paths: [file] });
  const logs = { train: of(generated.train), valid: of(generated.valid), test: of(generated.test) };
  return { spec: parseFeatureSpec(readFileSync(example, "utf8"), example), logs, best: generated.best };
}

type Nullable<T> = { [K in keyof T]: T[K] | null };

function summarize(
  { json }: StartOptions,
  backend: Backend,
  best: Metrics | null,
  report: QuantizationReport,
  http: HttpEvaluation,
  { blob, pages }: ExportedModel,
  sizes: { kernel: number; workerGzip: number },
): void {
  const bytes = { blob: blob.length, pages: pages.reduce((sum, page) => sum + page.bytes.length, 0), ...sizes };
  const { trained, served, logitDifference } = chosenOf(report);
  const text = (x: number | null): string => fixed(x ?? Number.NaN, 5);
  const line = (name: string, { auc, logloss }: Nullable<Metrics>): string[] => [name, text(auc), text(logloss)];
  const quality = [
    ...(best ? [line("best possible", best)] : []),
    line("trainer, float32", trained),
    line("kernel, as exported", served),
    line("over HTTP", http),
  ];
  const facts = [
    ["records/s over HTTP", Math.round(http.recordsPerSecond).toLocaleString("en")],
    ["KV keys/request", http.kvKeysPerRequest.toFixed(2)],
    ["rows missing", http.rowsMissing],
    ["max |Δlogit|", logitDifference.max.toExponential(2)],
    ["blob", bytesText(bytes.blob)],
    [`${pages.length} pages`, bytesText(bytes.pages)],
    ["kernel", bytesText(bytes.kernel)],
    ["Worker, gzip", bytesText(bytes.workerGzip)],
  ];
  console.log(table(["test split", "AUC", "logloss"], quality));
  console.log(table([`${http.records.toLocaleString("en")} records, ${http.requests} requests`, ""], facts));
  if (!json) return;
  const pick = (key: keyof Metrics): Record<string, number | null> => ({
    best: best?.[key] ?? null,
    trainer: trained[key],
    kernel: served[key],
    http: http[key],
  });
  const { recordsPerSecond, kvKeysPerRequest } = http;
  writeWhole(
    json,
    toJson({ backend, auc: pick("auc"), logloss: pick("logloss"), recordsPerSecond, kvKeysPerRequest, bytes }),
  );
}

/** Keeps the server up until Ctrl-C, with a request to try. */
async function stayUp(server: LocalServer, record: RawRecord): Promise<void> {
  const body = JSON.stringify({ records: [record] }).replaceAll("'", "'\\''");
  console.log(
    `\nThe Worker is up. Try:\n\n  curl ${server.url}v1/score -H 'content-type: application/json' -d '${body}'\n\nCtrl-C stops it.`,
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}
