import { errorText } from "../http/log.ts";
import type { SampledLog } from "../http/sampled-log.ts";
import type { WorkerVersion } from "../worker-version.ts";
import type { Handled } from "./handled.ts";

/** What is used of a binding of Workers Analytics Engine. */
export interface AnalyticsDataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** Bytes of an index that Analytics Engine takes. A model's name has at most 64 characters of ASCII. */
const MAX_INDEX = 96;

/** The index of requests that no model has scored. */
const NO_MODEL = "none";

/**
 * The data point of a scoring request. docs/serving.md lists its columns, whose order is for ever: Analytics Engine
 * knows them by their numbers alone.
 */
export function dataPointOf({ by, route, status, problem, ms, result }: Handled, worker: WorkerVersion | null) {
  const unseen = result?.unseen.reduce((sum, count) => sum + count, 0) ?? 0;
  return {
    indexes: [(result?.model ?? NO_MODEL).slice(0, MAX_INDEX)],
    blobs: [
      ...[route, by === "rpc" ? "rpc" : "http", result?.model ?? "", result?.version ?? ""],
      ...[problem ?? "ok", result?.missing?.reason ?? "", worker?.id ?? "", worker?.tag ?? ""],
    ],
    doubles: [...[status, ms, result?.scores.length ?? 0, result?.pagesRead ?? 0, result?.missing?.rows ?? 0, unseen]],
  };
}

/** Writes the point of a request. A dataset that fails is in the log, and fails no request. */
export function writePoint(
  dataset: AnalyticsDataset,
  handled: Handled,
  worker: WorkerVersion | null,
  failures: SampledLog,
): void {
  try {
    dataset.writeDataPoint(dataPointOf(handled, worker));
  } catch (error) {
    failures.add({ error: errorText(error) });
  }
}
