import { Page } from "../../format/page.ts";
import { Scorer } from "../../format/scorer.ts";
import { toDataset } from "../data/dataset.ts";
import { encodeLog } from "../data/encode.ts";
import type { ClickLog } from "../data/read.ts";
import { kernelModule } from "../kernel-module.ts";
import { type Metrics, metricsOfLogits } from "../metrics.ts";
import { startTask } from "../progress.ts";
import type { SavedRun } from "../run-folder.ts";
import type { DraftExport } from "./export.ts";

/** The served model against the trained one on the same held-out records. */
export interface ParityReport {
  records: number;
  trainer: Metrics;
  kernel: Metrics;
  logitDifference: { max: number; mean: number };
}

/** Scores a held-out log twice, with the trainer's float32 model and with the exported one in the kernel that serves it. */
export async function measureParity(
  run: Pick<SavedRun, "fitted" | "vocabulary" | "learner">,
  exported: DraftExport,
  log: ClickLog,
): Promise<ParityReport> {
  const task = startTask("parity", null, "records");
  const scorer = new Scorer(kernelModule(), exported.blob);
  const pages = new Map(exported.pages.map(({ bytes }, page) => [page, new Page(bytes, scorer.manifest, page)]));
  const trained: Float32Array[] = [];
  const served: Float32Array[] = [];
  const labels: Uint8Array[] = [];
  for await (const chunk of encodeLog(log, run.fitted)) {
    trained.push(run.learner.predict(toDataset(chunk, run.vocabulary)));
    served.push(scorer.score(scorer.locate(chunk.encoded), pages).logits);
    labels.push(chunk.labels);
    task.advance(chunk.encoded.count);
  }
  task.done();
  return compare(joined(trained), joined(served), Uint8Array.from(labels.flatMap((list) => [...list])));
}

function compare(trained: Float32Array, served: Float32Array, labels: Uint8Array): ParityReport {
  let max = 0;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const difference = Math.abs((trained[i] as number) - (served[i] as number));
    max = Math.max(max, difference);
    sum += difference;
  }
  return {
    records: labels.length,
    trainer: metricsOfLogits(trained, labels),
    kernel: metricsOfLogits(served, labels),
    logitDifference: { max, mean: sum / labels.length },
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
