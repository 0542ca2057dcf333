import { errorText } from "../http/log.ts";
import type { SampledLog } from "../http/sampled-log.ts";
import type { WorkerVersion } from "../worker-version.ts";
import type { AnalyticsDataset, Handled } from "./handled.ts";

/** Bytes of an index that Analytics Engine takes. A model's name has at most 64 characters of ASCII. */
const MAX_INDEX = 96;

/** The index of requests that no model has scored. */
const NO_MODEL = "none";

/**
 * The data point of a scoring request. docs/serving.md lists its columns, whose order is for ever: Analytics Engine
 * knows them by their numbers alone.
 */
function dataPointOf({ by, route, status, problem, ms, scored }: Handled, worker: WorkerVersion | null) {
  const { model = "", version = "", records = 0, keys = 0, missing = null, unseen = 0 } = scored ?? {};
  return {
    indexes: [(model || NO_MODEL).slice(0, MAX_INDEX)],
    blobs: [
      ...[route, by === "rpc" ? "rpc" : "http", model, version],
      ...[problem ?? "ok", missing?.reason ?? "", worker?.id ?? "", worker?.tag ?? ""],
    ],
    doubles: [status, ms, records, keys, missing?.rows ?? 0, unseen],
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
