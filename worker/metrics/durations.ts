import type { MetricFamily, Series } from "./exposition.ts";

/** Upper bounds of the buckets, in seconds: those of OpenTelemetry's http.server.request.duration. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

interface Durations {
  labels: readonly string[];
  /** How many took as long as each bound at most, and longer than the one before. */
  counts: number[];
  /** Seconds. */
  sum: number;
  /** All, those beyond the last bound too. */
  count: number;
}

/** How long things took that are told apart by labels, of which there MUST be few combinations. */
export class DurationHistogram {
  readonly #names: readonly string[];
  readonly #byLabels = new Map<string, Durations>();

  /** `names`: those of the labels. */
  constructor(...names: string[]) {
    this.#names = names;
  }

  /** `labels`: a text for each name, without line ends. */
  add(labels: readonly string[], seconds: number): void {
    const key = labels.join("\n");
    let durations = this.#byLabels.get(key);
    if (!durations) {
      durations = { labels, counts: BOUNDS.map(() => 0), sum: 0, count: 0 };
      this.#byLabels.set(key, durations);
    }
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) durations.counts[bucket] = (durations.counts[bucket] as number) + 1;
    durations.sum += seconds;
    durations.count++;
  }

  family(name: string, help: string): MetricFamily {
    const series = [...this.#byLabels.values()].flatMap((durations) => seriesOf(this.#names, durations));
    return { name, shared: true, type: "histogram", help, series };
  }
}

/** Of a histogram each bucket counts all that took no longer than its bound. */
function seriesOf(names: readonly string[], { labels: values, counts, sum, count }: Durations): Series[] {
  const labels = Object.fromEntries(names.map((name, i) => [name, values[i] as string]));
  let below = 0;
  const buckets = BOUNDS.map((bound, i): Series => {
    below += counts[i] as number;
    return [{ ...labels, le: String(bound) }, below, "_bucket"];
  });
  return [...buckets, [{ ...labels, le: "+Inf" }, count, "_bucket"], [labels, sum, "_sum"], [labels, count, "_count"]];
}
