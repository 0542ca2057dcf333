import type { HttpEvaluation } from "../../../deploy/http-evaluation.ts";
import { counted } from "../../../format/counted.ts";
import type { RunningEngine } from "../../../trainer/engine/engines.ts";
import type { ExportedModel } from "../../../trainer/export/export.ts";
import { chosenOf, type QuantizationReport } from "../../../trainer/export/report.ts";
import { type InBatchEvaluation, inBatchLines } from "../../../trainer/metrics/evaluation.ts";
import type { Metrics } from "../../../trainer/metrics/metrics.ts";
import { bytesText, table } from "../../../trainer/terminal/table.ts";
import { metricsTable } from "../metrics-table.ts";

/** What came of the whole path: how well each stage scores the test split, how fast, and in how many bytes. */
export interface StartResult {
  engine: RunningEngine;
  /** The best metrics that a model can reach, where they are known. */
  best: Metrics | null;
  report: QuantizationReport;
  http: HttpEvaluation;
  /** What takes the place of AUC and logloss with the in-batch loss; otherwise null. */
  inBatch: InBatchEvaluation | null;
  exported: ExportedModel;
  /** Bytes of the scoring kernel. */
  kernelBytes: number;
  /** Bytes of the Worker's upload, gzipped. */
  workerBytes: number;
}

export function summaryText({ best, report, http, inBatch, exported, kernelBytes, workerBytes }: StartResult): string {
  const { trained, served, logitDifference } = chosenOf(report);
  const quality = inBatch
    ? table(["test split", ""], inBatchLines(inBatch))
    : metricsTable("test split", [
        ...(best ? [["best possible", best] as const] : []),
        ["trainer, float32", trained],
        ["kernel, as exported", served],
        ["over HTTP", http],
      ]);
  const facts = table(
    [`${counted(http.records, "record")}, ${counted(http.requests, "request")}`, ""],
    [
      ["records/s over HTTP", Math.round(http.recordsPerSecond).toLocaleString("en")],
      ["KV keys/request", http.kvKeysPerRequest.toFixed(2)],
      ["rows missing", http.rowsMissing],
      ["max |Δlogit|", logitDifference.max.toExponential(2)],
      ["blob", bytesText(exported.blob.length)],
      [counted(exported.pages.length, "page"), bytesText(pageBytes(exported))],
      ["kernel", bytesText(kernelBytes)],
      ["Worker, gzip", bytesText(workerBytes)],
    ],
  );
  return `${quality}\n${facts}`;
}

/** The same as plain data, for JSON. */
export function summaryData(result: StartResult): object {
  const {
    engine: running,
    best,
    report,
    http,
    inBatch,
    exported,
    kernelBytes: kernel,
    workerBytes: workerGzip,
  } = result;
  const { trained, served } = chosenOf(report);
  const stages = (metric: keyof Metrics): Record<string, number | null> => ({
    best: best?.[metric] ?? null,
    trainer: trained[metric],
    kernel: served[metric],
    http: http[metric],
  });
  const { recordsPerSecond, kvKeysPerRequest } = http;
  const bytes = { blob: exported.blob.length, pages: pageBytes(exported), kernel, workerGzip };
  const { engine, backend } = running;
  return {
    engine,
    backend,
    auc: stages("auc"),
    logloss: stages("logloss"),
    ...(inBatch && { inBatch }),
    recordsPerSecond,
    kvKeysPerRequest,
    bytes,
  };
}

function pageBytes({ pages }: ExportedModel): number {
  return pages.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
