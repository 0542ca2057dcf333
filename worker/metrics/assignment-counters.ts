import type { Assigned } from "../experiments/visit.ts";
import { MAX_ASSIGNMENT_SERIES } from "../limits.ts";
import { counter, type MetricFamily, type Series } from "./exposition.ts";

/** Lists of this isolate since it started, by what they were assigned to and what became of that. */
export class AssignmentCounters {
  readonly #counts = new Map<string, Series>();

  /** Counts a list. `why`: why it went out in the origin's order; "": it went out in its arm's. */
  add({ arm, unit }: Assigned, why: string): void {
    if (!unit) return;
    const { key: experiment, phase } = unit.experiment;
    const name = `${why} ${phase} ${JSON.stringify(experiment)} ${arm.arm}`;
    const series = this.#counts.get(name);
    if (series) series[1]++;
    else {
      const labels = { experiment, phase, arm: arm.arm, served: why === "" ? "arm" : "origin", why };
      // Those of experiments that are long over make room, the oldest first.
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined && this.#counts.size >= MAX_ASSIGNMENT_SERIES) this.#counts.delete(oldest);
      this.#counts.set(name, [labels, 1]);
    }
  }

  family(): MetricFamily {
    return counter("assignments_total", "Lists by experiment and arm, and whose order they got.", [
      ...this.#counts.values(),
    ]);
  }
}
