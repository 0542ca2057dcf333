import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { RowsFound, ScoreResult } from "../scoring/score-request.ts";
import { counter, type MetricFamily, type Series } from "./exposition.ts";

/**
 * How many versions' counters an isolate keeps: those that it served last. Each has a series for each of its fields, at
 * most 256, and seven more.
 */
const MAX_VERSIONS = 8;

interface Counts {
  model: string;
  version: string;
  requests: number;
  records: number;
  missingRows: number;
  rowsFound: RowsFound;
  keysRead: number;
  /** By field: values that were never seen. A hashed field has none, and is not here. */
  unseen: Map<string, number>;
}

/** What this isolate has scored since it started. */
export class ScoringCounters {
  /** By `name@version`, the one that was served last at the end. */
  readonly #versions = new Map<string, Counts>();

  /** Counts a request that was answered. `spec`: that of the model that scored it. */
  add({ model, version, scores, missing, unseen, rowsFound, pagesRead }: ScoreResult, { fields }: FittedSpec): void {
    const counts = this.#of(model, version, fields);
    counts.requests++;
    counts.records += scores.length;
    counts.missingRows += missing?.rows ?? 0;
    counts.rowsFound.blob += rowsFound.blob;
    counts.rowsFound.isolate += rowsFound.isolate;
    counts.rowsFound.source += rowsFound.source;
    counts.keysRead += pagesRead;
    fields.forEach(({ name }, f) => {
      const count = unseen[f] as number;
      if (count > 0) counts.unseen.set(name, (counts.unseen.get(name) ?? 0) + count);
    });
  }

  #of(model: string, version: string, fields: FittedSpec["fields"]): Counts {
    const key = `${model}@${version}`;
    const there = this.#versions.get(key);
    if (there) {
      this.#versions.delete(key);
      this.#versions.set(key, there);
      return there;
    }
    const countable = fields.filter(({ encoding }) => encoding.kind !== "hash");
    const unseen = new Map(countable.map(({ name }) => [name, 0]));
    const rowsFound = { blob: 0, isolate: 0, source: 0 };
    const counts: Counts = { model, version, requests: 0, records: 0, missingRows: 0, rowsFound, keysRead: 0, unseen };
    this.#versions.set(key, counts);
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
    return [
      counter(
        "requests_total",
        "Requests that were scored.",
        of(({ requests }) => requests),
      ),
      counter(
        "records_total",
        "Records, candidates and items that were scored.",
        of(({ records }) => records),
      ),
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

function labelsOf({ model, version }: Counts): { model: string; version: string } {
  return { model, version };
}
