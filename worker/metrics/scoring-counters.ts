import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { RowsFound, ScoreResult, ScoreTimings } from "../scoring/score-request.ts";
import { counter, type MetricFamily, type Series, sharedCounter } from "./exposition.ts";

/**
 * How many versions' counters an isolate keeps: those that it served last. Each has a series for each of its fields, at
 * most 256, and ten more.
 */
const MAX_VERSIONS = 8;

interface Counts {
  model: string;
  version: string;
  requests: number;
  records: number;
  missingRows: number;
  /** Milliseconds of each step of all requests together. */
  ms: ScoreTimings;
  rowsFound: RowsFound;
  keysRead: number;
  pagesNearby: number;
  /** By field: values that were never seen. A hashed field has none, and is not here. */
  unseen: Map<string, number>;
}

/** What this isolate has scored since it started. */
export class ScoringCounters {
  /** By `name@version`, the one that was served last at the end. */
  readonly #versions = new Map<string, Counts>();
  /** The one at the end, which is the next request's, too, mostly. */
  #last: Counts | null = null;

  /** Counts a request that was answered. `spec`: that of the model that scored it. */
  add(result: ScoreResult, { fields }: FittedSpec): void {
    const { model, version, scores, missing, unseen, timings, rowsFound } = result;
    const counts = this.#of(model, version, fields);
    counts.requests++;
    counts.records += scores.length;
    counts.missingRows += missing?.rows ?? 0;
    for (const step of ["encode", "rows", "kernel"] as const) counts.ms[step] += timings[step];
    for (const tier of ["blob", "isolate", "source"] as const) counts.rowsFound[tier] += rowsFound[tier];
    addPages(counts, result);
    for (let f = 0; f < fields.length; f++) {
      const count = unseen[f] as number;
      const name = fields[f]?.name ?? "";
      if (count > 0) counts.unseen.set(name, (counts.unseen.get(name) ?? 0) + count);
    }
  }

  /** Counts the pages that were read for something that nobody was answered. */
  addReads(result: ScoreResult, { fields }: FittedSpec): void {
    addPages(this.#of(result.model, result.version, fields), result);
  }

  #of(model: string, version: string, fields: FittedSpec["fields"]): Counts {
    const last = this.#last;
    if (last?.version === version && last.model === model) return last;
    const key = `${model}@${version}`;
    const there = this.#versions.get(key);
    if (there) {
      this.#versions.delete(key);
      this.#versions.set(key, there);
      this.#last = there;
      return there;
    }
    const countable = fields.filter(({ encoding }) => encoding.kind !== "hash");
    const unseen = new Map(countable.map(({ name }) => [name, 0]));
    const counts: Counts = {
      ...{ model, version, requests: 0, records: 0, missingRows: 0, keysRead: 0, pagesNearby: 0, unseen },
      ms: { encode: 0, rows: 0, kernel: 0 },
      rowsFound: { blob: 0, isolate: 0, source: 0 },
    };
    this.#versions.set(key, counts);
    this.#last = counts;
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= MAX_VERSIONS) break;
      this.#versions.delete(oldest);
    }
    return counts;
  }

  /** What is counted, in the families of Prometheus. */
  families(): MetricFamily[] {
    const versions = [...this.#versions.values()];
    const of = (count: (counts: Counts) => number): Series[] =>
      versions.map((counts) => [labelsOf(counts), count(counts)]);
    const microseconds = (step: keyof ScoreTimings): Series[] => of(({ ms }) => Math.round(1000 * ms[step]));
    return [
      sharedCounter(
        "nv_inference_request_success",
        "Requests that were scored.",
        of(({ requests }) => requests),
      ),
      sharedCounter(
        "nv_inference_count",
        "Records, candidates and items that were scored.",
        of(({ records }) => records),
      ),
      sharedCounter("nv_inference_compute_input_duration_us", "Microseconds of encoding.", microseconds("encode")),
      sharedCounter("nv_inference_compute_infer_duration_us", "Microseconds of the kernel.", microseconds("kernel")),
      counter("rows_duration_us_total", "Microseconds of waiting for rows.", microseconds("rows")),
      counter(
        "rows_found_total",
        "Values whose row was found, by where: the blob, the rows that the isolate has cached, or the source.",
        versions.flatMap((counts) =>
          Object.entries(counts.rowsFound).map(([tier, n]): Series => [{ ...labelsOf(counts), tier }, n]),
        ),
      ),
      counter(
        "keys_read_total",
        "Pages that were read from the source: the keys that KV bills.",
        of(({ keysRead }) => keysRead),
      ),
      counter(
        "location_pages_total",
        "Pages that were found in the cache of the location, which bills nothing.",
        of(({ pagesNearby }) => pagesNearby),
      ),
      counter(
        "missing_rows_total",
        "Values that scored without their row, which KV did not deliver.",
        of(({ missingRows }) => missingRows),
      ),
      counter(
        "unseen_values_total",
        "Values that no row of the model is of, by field.",
        versions.flatMap((counts) =>
          Array.from(counts.unseen, ([field, count]): Series => [{ ...labelsOf(counts), field }, count]),
        ),
      ),
    ];
  }
}

function addPages(counts: Counts, { pagesRead, pagesNearby }: ScoreResult): void {
  counts.keysRead += pagesRead;
  counts.pagesNearby += pagesNearby;
}

function labelsOf({ model, version }: Counts): { model: string; version: string } {
  return { model, version };
}
