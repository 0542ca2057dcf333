import type { MemoryReport } from "../memory/memory-budget.ts";
import type { ModelStore } from "../models/model-store.ts";
import type { WorkerVersion } from "../worker-version.ts";
import { counter, gauge, type MetricFamily, type Series } from "./exposition.ts";

/** The models and the memory of this isolate, as they are now. */
export function isolateMetrics(models: ModelStore, memory: MemoryReport, worker: WorkerVersion | null): MetricFamily[] {
  const { loaded, failed, refused, evicted, warmed, unwarmed } = models.counters;
  const loads: Series[] = Object.entries({ loaded, failed, refused }).map(([result, n]) => [{ result }, n]);
  return [
    gauge(
      "worker_info",
      "The version of the Worker that runs.",
      worker ? [[{ id: worker.id, tag: worker.tag }, 1]] : [],
    ),
    gauge("model_memory_bytes", "Bytes of the memory of each model that serves.", modelSeries(models)),
    gauge(
      "memory_bytes",
      "Bytes that the budget counts, by what they are for.",
      Object.entries(memory.taken).map(([share, bytes]): Series => [{ share }, bytes]),
    ),
    gauge("memory_budget_bytes", "Bytes that may be taken at most.", [[{}, memory.budget]]),
    counter("memory_refused_total", "What there was no memory for.", [[{}, memory.refused]]),
    counter("model_loads_total", "Loads of models, by what became of them.", loads),
    counter("warm_pages_total", "Hot pages wanted before a version replaces another.", [
      [{ result: "there" }, warmed],
      [{ result: "missing" }, unwarmed],
    ]),
    counter(
      "fallbacks_total",
      "Answers of another rung than was asked for.",
      Object.entries(models.fallbacks).map(([to, n]): Series => [{ to }, n]),
    ),
    counter("model_evictions_total", "Models that made room for others.", [[{}, evicted]]),
  ];
}

/** One series for each version under each of its names. */
function modelSeries(models: ModelStore): Series[] {
  const series = new Map<string, Series>();
  for (const { serving } of models.status()) {
    if (!serving) continue;
    const { model, version, memory } = serving;
    series.set(`${model}@${version}`, [{ model, version }, memory.buffer.byteLength]);
  }
  return [...series.values()];
}
