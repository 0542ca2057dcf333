import { errorText, logInfo } from "../http/log.ts";
import type { AnalyticsDataset } from "../metrics/handled.ts";
import { DROP_REASONS, type LineCounters, type LineCounts } from "./line-counters.ts";
import type { LineKind } from "./line-sink.ts";

/** Bytes of an index that Analytics Engine takes. */
const MAX_INDEX = 96;

interface Written {
  sent: number;
  dropped: number;
}

/**
 * Points of Workers Analytics Engine with the lines that were sent and dropped since the last ones: one for each arm or
 * type of events, whenever lines were sent. Analytics Engine samples where points are many, so that these counts are
 * for watching, and no test of arms' ratio is to be made of them.
 */
export class CountPoints {
  readonly #kind: LineKind;
  readonly #datasetOf: (env: object) => AnalyticsDataset | null;
  readonly #written = new Map<LineCounts, Written>();

  constructor(kind: LineKind, datasetOf: (env: object) => AnalyticsDataset | null) {
    this.#kind = kind;
    this.#datasetOf = datasetOf;
  }

  /** Never throws: a dataset that fails is in the log. */
  write(counters: LineCounters, env: object): void {
    const dataset = this.#datasetOf(env);
    if (!dataset) return;
    try {
      for (const counts of counters.all()) this.#writeOne(counts, dataset);
    } catch (error) {
      logInfo("analytics_failed", { error: errorText(error) });
    }
  }

  #writeOne(counts: LineCounts, dataset: AnalyticsDataset): void {
    const before = this.#written.get(counts) ?? { sent: 0, dropped: 0 };
    const now = { sent: counts.sent, dropped: DROP_REASONS.reduce((sum, reason) => sum + counts.dropped[reason], 0) };
    const doubles = [now.sent - before.sent, now.dropped - before.dropped];
    if (doubles.every((count) => count === 0)) return;
    const labels = Object.values(counts.labels);
    dataset.writeDataPoint({
      indexes: [(labels[0] ?? "").slice(0, MAX_INDEX)],
      blobs: [this.#kind, ...labels],
      doubles,
    });
    this.#written.set(counts, now);
  }
}
