import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { ScoreResult } from "../scoring/score-request.ts";

/**
 * How many models' counters an isolate keeps: those that it served last. Each has a series for each of its fields, at
 * most 256, and three more.
 */
const MAX_MODELS = 4;

interface Counts {
  /** The version that the fields are of. */
  version: string;
  requests: number;
  records: number;
  missingRows: number;
  /** By field: values that were never seen. A hashed field has none, and is not here. */
  unseen: Map<string, number>;
}

/** What this isolate has scored since it started, in the text format of Prometheus. */
export class ScoringCounters {
  /** By model name, the one that was served last at the end. */
  readonly #models = new Map<string, Counts>();

  /** Counts a request that was answered. `spec`: that of the model that scored it. */
  add({ model, version, scores, missing, unseen }: ScoreResult, { fields }: FittedSpec): void {
    const counts = this.#of(model, version, fields);
    counts.requests++;
    counts.records += scores.length;
    counts.missingRows += missing?.rows ?? 0;
    fields.forEach(({ name }, f) => {
      const count = unseen[f] as number;
      if (count > 0) counts.unseen.set(name, (counts.unseen.get(name) ?? 0) + count);
    });
  }

  /** The counts of a model. Of an earlier version they go on, but for fields that it does not have any more. */
  #of(model: string, version: string, fields: FittedSpec["fields"]): Counts {
    const before = this.#models.get(model);
    if (before?.version === version) return before;
    const countable = fields.filter(({ encoding }) => encoding.kind !== "hash");
    const unseen = new Map(countable.map(({ name }) => [name, before?.unseen.get(name) ?? 0]));
    const counts = { ...(before ?? { requests: 0, records: 0, missingRows: 0 }), version, unseen };
    this.#models.delete(model);
    this.#models.set(model, counts);
    for (const oldest of this.#models.keys()) {
      if (this.#models.size <= MAX_MODELS) break;
      this.#models.delete(oldest);
    }
    return counts;
  }

  /** The exposition format, version 0.0.4. */
  text(): string {
    const models = [...this.#models];
    const of = (count: (counts: Counts) => number): string[] =>
      models.map(([model, counts]) => `{model=${label(model)}} ${count(counts)}`);
    const families: [name: string, help: string, series: string[]][] = [
      ["requests", "Requests that were scored.", of(({ requests }) => requests)],
      ["records", "Records, candidates and items that were scored.", of(({ records }) => records)],
      ["missing_rows", "Values that scored without their row, which KV did not deliver.", of((c) => c.missingRows)],
      [
        "unseen_values",
        "Values that no row of the model is of, by field.",
        models.flatMap(([model, { unseen }]) =>
          Array.from(unseen, ([field, count]) => `{model=${label(model)},field=${label(field)}} ${count}`),
        ),
      ],
    ];
    const lines = families.flatMap(([name, help, series]) => {
      const full = `deepfm_edge_${name}_total`;
      return [`# HELP ${full} ${help}`, `# TYPE ${full} counter`, ...series.map((one) => full + one)];
    });
    return `${lines.join("\n")}\n`;
  }
}

/** A label's value in quotes. */
function label(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
