import { Page } from "../../format/page.ts";
import { Scorer } from "../../format/scorer.ts";
import type { FittedSpec } from "../../format/spec.ts";
import { encodeLog, readHeldOutLog } from "../data/dataset.ts";
import type { ClickLog } from "../data/read.ts";
import { kernelModule } from "../kernel-module.ts";
import { type Metrics, metricsOfLogits } from "../metrics.ts";
import { startTask } from "../progress.ts";
import type { SavedRun } from "../run-folder.ts";
import type { ExportedModel } from "./export.ts";

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
  exported: ExportedModel,
  log: ClickLog,
): Promise<ParityReport> {
  const task = startTask("parity", null, "records");
  const dataset = await readHeldOutLog(log, run.fitted, run.vocabulary, task);
  const trained = run.learner.predict(dataset);
  const served = await scoreLog(exported, run.fitted, log);
  task.done();

  let max = 0;
  let sum = 0;
  for (let i = 0; i < dataset.count; i++) {
    const difference = Math.abs((trained[i] as number) - (served[i] as number));
    max = Math.max(max, difference);
    sum += difference;
  }
  return {
    records: dataset.count,
    trainer: metricsOfLogits(trained, dataset.labels),
    kernel: metricsOfLogits(served, dataset.labels),
    logitDifference: { max, mean: sum / dataset.count },
  };
}

/** Logits of a whole log from the exported blob and pages. */
async function scoreLog(exported: ExportedModel, fitted: FittedSpec, log: ClickLog): Promise<Float32Array> {
  const scorer = new Scorer(kernelModule(), exported.blob);
  const pages = new Map(exported.pages.map(({ bytes }, page) => [page, new Page(bytes, scorer.manifest, page)]));
  const parts: Float32Array[] = [];
  for await (const { encoded } of encodeLog(log, fitted))
    parts.push(scorer.score(scorer.locate(encoded), pages).logits);
  const logits = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    logits.set(part, at);
    at += part.length;
  }
  return logits;
}
