import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { RouteOptions } from "../route-options.ts";

/** GET /metrics: what this isolate has scored, in the text format of Prometheus. */
export function metricsRoute({ counters }: RouteOptions) {
  return function metrics(c: Context<AppEnv>): Response {
    return c.body(counters.text(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  };
}
