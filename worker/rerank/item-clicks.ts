import { mayReport } from "../events/event-limit.ts";
import { LIST_COOKIE } from "../events/list-cookie.ts";
import { navigationClicks } from "../events/navigation-click.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { logError } from "../http/log.ts";
import type { RouteOptions } from "../route-options.ts";
import type { CompiledRoute } from "./compiled-routes.ts";

/**
 * Logs a request that is a click on an item of a list which the visitor was shown: beside the request, which goes its
 * way. `routes`: all that there are.
 */
export function watchClicks(
  request: Request,
  routes: readonly CompiledRoute[],
  env: object,
  keepAlive: KeepAlive,
  options: RouteOptions,
): void {
  if (request.method !== "GET" || !request.headers.get("cookie")?.includes(`${LIST_COOKIE}=`)) return;
  const route = routes.find(({ itemPages }) => itemPages?.test(request.url));
  if (!route) return;
  keepAlive(
    logClick(request, route, env, keepAlive, options).catch((error: unknown) => logError("click_failed", error)),
  );
}

async function logClick(
  request: Request,
  { itemPages: pattern }: CompiledRoute,
  env: object,
  keepAlive: KeepAlive,
  options: RouteOptions,
): Promise<void> {
  const settings = options.settings.readOrNull(env);
  const { headers, method, url } = request;
  const visitor = { headers, method, url, context: null };
  const logs = options.logSettings.read(env);
  const visit = settings && (await options.experiments.begin(visitor, { ...settings, logs }, keepAlive));
  if (!visit?.consents || !pattern) return;
  for (const unit of visit.units()) {
    const clicks = navigationClicks(request, { pattern, keys: visit.keys.signing, unit, now: options.now() });
    for (const click of clicks)
      if (await mayReport(logs.eventRateLimit, click.id, 1)) options.events.write(click, env, keepAlive);
    if (clicks.length > 0) return;
  }
}
