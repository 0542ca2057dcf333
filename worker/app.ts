import type { Context, Hono, Next } from "hono";
import { routePath } from "hono/route";
import { METHOD_NAME_ALL } from "hono/router";
import { TrieRouter } from "hono/router/trie-router";
import { Hono as TinyHono } from "hono/tiny";
import type { Scope } from "../format/tokens.ts";
import { callerOf, requireScope } from "./access/caller.ts";
import type { AppEnv } from "./app-env.ts";
import { eventsRoute } from "./events/events-route.ts";
import { Experiments } from "./experiments/experiments.ts";
import { EventLog } from "./exposures/event-log.ts";
import { ExposureLog } from "./exposures/exposure-log.ts";
import { LogSettingsReader } from "./exposures/log-settings.ts";
import { crossOrigin } from "./http/cross-origin.ts";
import * as problem from "./http/problem.ts";
import { requestId } from "./http/request-id.ts";
import { SampledLog } from "./http/sampled-log.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { MEMORY } from "./limits.ts";
import { MemoryBudget } from "./memory/memory-budget.ts";
import { AssignmentCounters } from "./metrics/assignment-counters.ts";
import { observe } from "./metrics/observe.ts";
import { RequestCounters } from "./metrics/request-counters.ts";
import { RerankCounters } from "./metrics/rerank-counters.ts";
import { ScoringCounters } from "./metrics/scoring-counters.ts";
import { bestKernelModule } from "./models/kernel-modules.ts";
import { ModelStore } from "./models/model-store.ts";
import type { WarmRows } from "./models/resident-models.ts";
import { experimentArranging } from "./rerank/experiment-arranging.ts";
import { inFrontOfOrigin } from "./rerank/in-front.ts";
import { modelArranging } from "./rerank/model-arranging.ts";
import { Reranker } from "./rerank/reranker.ts";
import type { RouteOptions } from "./route-options.ts";
import { healthRoute, readyRoute } from "./routes/health.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelsRoute } from "./routes/models.ts";
import { openApiRoute } from "./routes/openapi.ts";
import { playgroundRoute } from "./routes/playground.ts";
import type { Routes } from "./routes/schema.ts";
import { type Answer, answerAt, SCORING_PATHS, scoringHandler } from "./routes/scoring.ts";
import { RowStore } from "./rows/row-store.ts";
import { type AppOptions, settingsOf } from "./settings/app-options.ts";
import type { DefaultBindings } from "./settings/default-settings.ts";
import { SettingsReader } from "./settings/settings-reader.ts";
import { share } from "./shared.ts";
import { steadyClock } from "./steady-clock.ts";

/**
 * The HTTP application, with a model store and a cache of rows of its own; an isolate makes one. It serves alone, or
 * mounted in another Hono app: `other.route("/ctr", createApp())`. It answers everything below its path, with its own
 * 404s and 405s too, so an app that mounts it at "/" does so after all its own routes.
 */
export function createApp<Bindings extends object = DefaultBindings>(
  options: AppOptions<Bindings> = {},
): Hono<AppEnv<Bindings>, Routes, "/"> {
  const { kernel = bestKernelModule(), now = Date.now, cachedRowBytes = MEMORY.maxRows, exposures } = options;
  if (!(cachedRowBytes >= 0 && cachedRowBytes <= MEMORY.maxRows))
    throw new Error(`cachedRowBytes: got ${cachedRowBytes}, expected a number from 0 to ${MEMORY.maxRows}`);
  const steady = steadyClock(now);
  const memory = new MemoryBudget(steady, cachedRowBytes);
  const rows = new RowStore(memory, steady);
  const warmRows: WarmRows = ({ version, scorer: { manifest } }, source, keepAlive) =>
    rows.warm({ manifest, version }, manifest.hotPages ?? [], { source, keepAlive });
  const settings = settingsOf(options);
  const logSettings = new LogSettingsReader(settings);
  const shared: RouteOptions = {
    memory,
    degraded: new SampledLog("degraded", steady),
    analyticsFailures: new SampledLog("analytics_failed", steady),
    counters: new ScoringCounters(),
    requests: new RequestCounters(),
    reranked: new RerankCounters(),
    models: new ModelStore(kernel, memory, warmRows, steady),
    rows,
    settings: new SettingsReader(settings),
    logSettings,
    experiments: new Experiments(memory, now),
    assignments: new AssignmentCounters(),
    exposures: exposures ?? new ExposureLog(logSettings, memory, steady),
    arrangeFailures: new SampledLog("arrange_failed", steady),
    events: new EventLog(logSettings, memory, steady),
    now,
  };
  const answers = new Map(SCORING_PATHS.map((path) => [path as string, answerAt(path, shared)]));
  const app = routesOf(shared, answers);
  for (const [path, methods] of methodsOf(app)) app.all(path, (c) => refuseMethod(c, methods));
  // Below a path, "/ctr" is the root of the routes, and browsers write "/ctr/" too.
  const root = playgroundRoute(shared);
  // `app.notFound` would be lost where this app is mounted in another.
  app.all("*", (c) => (isRoot(c) ? root(c) : problem.respond(c, problem.notFound(c.req.path))));
  app.onError((error, c) => problem.respond(c, problem.toProblem(error), error));
  const reranker = new Reranker(experimentArranging(shared, modelArranging(shared, steady)), memory, shared.reranked);
  app.fetch = answeringFirst(answers, inFrontOfOrigin(reranker, ownPaths(app), app.fetch, shared));
  share(app, shared);
  // Handlers read the bindings through `settings` alone, so their type does not matter to them.
  return app as unknown as Hono<AppEnv<Bindings>, Routes, "/">;
}

/**
 * The routes. `Routes` has the types of what they take and answer. Those of `answers` come before all middleware, as
 * they answer by themselves.
 */
function routesOf(shared: RouteOptions, answers: ReadonlyMap<string, Answer>) {
  const app = new TinyHono<AppEnv>();
  // These few routes need no router that compiles them. That of the preset takes "/readyz/" for "/readyz".
  app.router = new TrieRouter();
  for (const [path, answer] of answers) app.post(path, scoringHandler(answer));
  return app
    .use(observe(shared))
    .use(requestId)
    .use(securityHeaders)
    .use(crossOrigin(shared))
    .post("/v1/events", eventsRoute(shared))
    .get("/v1/models", allow("score", shared), modelsRoute(shared))
    .get("/", playgroundRoute(shared))
    .get("/openapi.json", openApiRoute)
    .get("/metrics", allow("admin", shared), metricsRoute(shared))
    .get("/healthz", healthRoute)
    .get("/readyz", allow(null, shared), readyRoute(shared));
}

/**
 * What takes requests where the application serves alone: those of `answers` go to the function that answers their
 * route, without a context, a router and a chain of handlers on the way; all others to `fetch`, Hono's own.
 */
function answeringFirst(answers: ReadonlyMap<string, Answer>, fetch: Hono<AppEnv>["fetch"]): Hono<AppEnv>["fetch"] {
  const routes = [...answers];
  return function answerFirst(request, env, ctx) {
    if (request.method === "POST" && ctx) {
      const { url } = request;
      for (const [path, answer] of routes)
        if (hasPath(url, path)) return answer(request, env ?? {}, (promise) => ctx.waitUntil(promise), path);
    }
    return fetch(request, env, ctx);
  };
}

/** Whether a URL as it is written has a path. Cutting the path out to look it up takes several times as long. */
function hasPath(url: string, path: string): boolean {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = start + path.length;
  return url.startsWith(path, start) && (end === url.length || url[end] === "?");
}

/** What `hc` of Hono makes a typed client of: hc<AppType>(url).v1.score.$post({ json: { records } }). */
export type AppType = Hono<AppEnv, Routes, "/">;

/** By path, the methods that it has: what a middleware is for does not count. */
function methodsOf({ routes }: Pick<Hono, "routes">): Map<string, readonly string[]> {
  const methods = routes.filter(({ method }) => method !== METHOD_NAME_ALL);
  return new Map(methods.map(({ path, method }) => [path, method === "GET" ? ["GET", "HEAD"] : [method]]));
}

/** The paths of the routes but for the root, which is the origin's where there is one. */
function ownPaths(app: Pick<Hono, "routes">): ReadonlySet<string> {
  return new Set([...methodsOf(app).keys()].filter((path) => path !== "/"));
}

/** Lets callers with a scope on to a route's handler, which finds in `caller` who it is; null: everyone. */
function allow(scope: Scope | null, { settings }: RouteOptions) {
  return async function allowed(c: Context<AppEnv>, next: Next): Promise<void> {
    const caller = await callerOf(c.req.raw, settings.read(c.env));
    if (scope !== null) requireScope(caller, scope);
    c.set("caller", caller);
    await next();
  };
}

/** Whether a request for no route is for the page at the path that this app is mounted at, with a slash at the end. */
function isRoot(c: Context<AppEnv>): boolean {
  return ["GET", "HEAD"].includes(c.req.method) && `${c.req.path}*` === routePath(c);
}

function refuseMethod(c: Context<AppEnv>, allowed: readonly string[]): Response {
  c.header("allow", allowed.join(", "));
  return problem.respond(c, problem.methodNotAllowed(c.req.method, allowed));
}
