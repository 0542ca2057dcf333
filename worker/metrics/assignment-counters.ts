import type { Arranged } from "../experiments/arrange.ts";
import { MAX_ASSIGNMENT_SERIES } from "../limits.ts";
import { counter, type MetricFamily, type Series } from "./exposition.ts";

/** Lists of this isolate since it started, by what they were assigned to and what became of that. */
export class AssignmentCounters {
  readonly #counts = new Map<string, Series>();

  add({ assigned: { arm, unit }, failure }: Arranged): void {
    if (!unit) return;
    const labels = {
      ...{ experiment: unit.experiment.key, phase: unit.experiment.phase, arm: arm.arm },
      ...{ served: failure ? "origin" : "arm", why: failure?.why ?? "" },
    };
    const name = JSON.stringify(labels);
    const series = this.#counts.get(name);
    if (series) this.#counts.set(name, [labels, series[1] + 1]);
    else {
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
