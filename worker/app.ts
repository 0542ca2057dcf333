import { type Context, type Handler, Hono, type Next } from "hono";
import { requestId } from "hono/request-id";
import type { Scope } from "../format/tokens.ts";
import { callerOf, requireScope } from "./access/caller.ts";
import type { AppEnv } from "./app-env.ts";
import { crossOrigin } from "./http/cross-origin.ts";
import * as problem from "./http/problem.ts";
import { SampledLog } from "./http/sampled-log.ts";
import { MemoryBudget } from "./memory/memory-budget.ts";
import { ScoringCounters } from "./metrics/scoring-counters.ts";
import { bestKernelModule } from "./models/kernel-modules.ts";
import { ModelStore } from "./models/model-store.ts";
import type { RouteOptions } from "./route-options.ts";
import { healthRoute, readyRoute } from "./routes/health.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelsRoute } from "./routes/models.ts";
import { rankRoute } from "./routes/rank.ts";
import { scoreRoute } from "./routes/score.ts";
import { RowStore } from "./rows/row-store.ts";
import { type AppOptions, type DefaultBindings, SettingsReader, settingsOf } from "./settings.ts";

/**
 * The HTTP application, with a model store and a page cache of its own; an isolate makes one. It serves alone, or
 * mounted in another Hono app: `other.route("/ctr", createApp())`. It answers everything below its path, with its own
 * 404s and 405s too, so an app that mounts it at "/" does so after all its own routes.
 */
export function createApp<Bindings extends object = DefaultBindings>(
  options: AppOptions<Bindings> = {},
): Hono<AppEnv<Bindings>> {
  const { kernel = bestKernelModule(), now = Date.now } = options;
  const memory = new MemoryBudget(now);
  const shared: RouteOptions = {
    memory,
    degraded: new SampledLog("degraded", now),
    counters: new ScoringCounters(),
    models: new ModelStore(kernel, memory, now),
    rows: new RowStore(memory, now),
    settings: new SettingsReader(settingsOf(options)),
  };
  const routes: [method: "GET" | "POST", path: string, ...handlers: Handler<AppEnv>[]][] = [
    ["POST", "/v1/score", allow("score", shared), scoreRoute(shared)],
    ["POST", "/v1/rank", allow("score", shared), rankRoute(shared)],
    ["GET", "/v1/models", allow("score", shared), modelsRoute(shared)],
    ["GET", "/metrics", allow("admin", shared), metricsRoute(shared)],
    ["GET", "/healthz", healthRoute],
    ["GET", "/readyz", allow(null, shared), readyRoute(shared)],
  ];

  const app = new Hono<AppEnv>();
  app.use(requestId());
  app.use(crossOrigin(shared));
  for (const [method, path, ...handlers] of routes) {
    app.on(method, [path], ...handlers);
    app.all(path, (c) => refuseMethod(c, method === "GET" ? ["GET", "HEAD"] : [method]));
  }
  // `app.notFound` would be lost where this app is mounted in another.
  app.all("*", (c) => problem.respond(c, problem.notFound(c.req.path)));
  app.onError((error, c) => problem.respond(c, problem.toProblem(error), error));
  // Handlers read the bindings through `settings` alone, so their type does not matter to them.
  return app as unknown as Hono<AppEnv<Bindings>>;
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

function refuseMethod(c: Context<AppEnv>, allowed: readonly string[]): Response {
  c.header("allow", allowed.join(", "));
  return problem.respond(c, problem.methodNotAllowed(c.req.method, allowed));
}
