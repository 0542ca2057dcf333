import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import { expositionOf } from "../metrics/exposition.ts";
import { isolateId } from "../metrics/isolate.ts";
import { isolateMetrics } from "../metrics/isolate-metrics.ts";
import type { RouteOptions } from "../route-options.ts";

/** GET /metrics: what this isolate has scored, and what it holds, in the text format of Prometheus. */
export function metricsRoute({ requests, counters, models, memory, settings, ...options }: RouteOptions) {
  return function metrics(c: Context<AppEnv>): Response {
    const { workerVersion } = settings.read(c.env);
    const families = [
      ...requests.families(),
      ...counters.families(),
      ...isolateMetrics(models, memory.report(), workerVersion),
      options.assignments.family(),
      options.experiments.store.family(),
      ...(options.exposures.families?.() ?? []),
      ...options.events.families(),
    ];
    const text = expositionOf(families, { isolate: isolateId() });
    return c.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  };
}
