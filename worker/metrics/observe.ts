import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppEnv } from "../app-env.ts";
import { problemName } from "../http/problem.ts";
import type { RouteOptions } from "../route-options.ts";
import type { ScoreResult } from "../scoring/score-request.ts";
import { writePoint } from "./analytics.ts";
import type { Handled, Scored } from "./handled.ts";

/** Counts each request once it is answered, and writes the data point of one that asks for scores. */
export function observe(options: RouteOptions): MiddlewareHandler<AppEnv> {
  return async function observe(c, next) {
    const started = performance.now();
    await next();
    const { scored = null, problem = null } = c.var;
    // The pattern, not the path: one that somebody made up is no series of its own.
    const route = routePath(c);
    const handled: Handled = {
      by: c.req.method,
      route,
      scores: c.req.method === "POST" && SCORING_ROUTE.test(route),
      status: c.res.status,
      problem: problem && problemName(problem),
      ms: performance.now() - started,
      scored,
    };
    record(handled, c.env, options);
  };
}

/** Where the application is mounted below another path, a route's pattern has that path before it. */
const SCORING_ROUTE = /\/v1\/(score|rank|explain)$/;

/** What is counted of a request that was scored. */
export function scoredOf({ model, version, scores, pagesRead, missing, unseen }: ScoreResult): Scored {
  const { length: records } = scores;
  return { model, version, records, keys: pagesRead, missing, unseen: unseen.reduce((sum, count) => sum + count, 0) };
}

/** Counts a request that was answered in the environment `env`. */
export function record(handled: Handled, env: object, options: RouteOptions): void {
  options.requests.add(handled);
  const settings = handled.scores ? options.settings.readOrNull(env) : null;
  if (settings?.analytics) writePoint(settings.analytics, handled, settings.workerVersion, options.analyticsFailures);
}
