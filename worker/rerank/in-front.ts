import type { Hono } from "hono";
import type { AppEnv } from "../app-env.ts";
import { SettingError } from "../http/errors.ts";
import { problemHeaders, problemText, toProblem } from "../http/problem.ts";
import type { RouteOptions } from "../route-options.ts";
import { watchClicks } from "./item-clicks.ts";
import { askOrigin } from "./origin.ts";
import type { RerankBindings } from "./rerank-bindings.ts";
import { type RerankSettings, RerankSettingsReader } from "./rerank-settings.ts";
import type { Reranker } from "./reranker.ts";

type Fetch = Hono<AppEnv>["fetch"];

/**
 * What takes requests where the Worker may be in front of an origin. The Worker's own paths go to `fetch`, pages of
 * its routes to the re-ranker, and the rest to the origin. Where no routes are set, all goes to `fetch`.
 */
export function inFrontOfOrigin(
  reranker: Reranker,
  ownPaths: ReadonlySet<string>,
  fetch: Fetch,
  options: RouteOptions,
): Fetch {
  const reader = new RerankSettingsReader();
  return function answerInFront(request, env, ctx) {
    const settings = reader.read((env ?? {}) as RerankBindings);
    if (settings === null || !ctx) return fetch(request, env, ctx);
    const keepAlive = (promise: Promise<unknown>): void => ctx.waitUntil(promise);
    if (ownPaths.has(new URL(request.url).pathname)) return fetch(request, env, ctx);
    // The last net: should this code throw, the request goes to the origin as if there were no Worker. What is asked
    // for by another method may have been done by then, and must not be done twice.
    if (["GET", "HEAD"].includes(request.method)) ctx.passThroughOnException();
    const started = performance.now();
    const { routes, origin } = settings;
    watchClicks(request, routes, env ?? {}, keepAlive, options);
    const found = routeOf(settings, request.url);
    const answer = found
      ? reranker.answer({ request, ...found, origin, env: env ?? {}, keepAlive })
      : Promise.resolve().then(() => askOrigin(request, origin));
    return answer.catch(explain).then((response) => {
      const route = found?.route.route.path ?? "origin";
      const handled = {
        by: request.method,
        route,
        scores: false,
        status: response.status,
        problem: null,
        scored: null,
      };
      options.requests.add({ ...handled, ms: performance.now() - started });
      return response;
    });
  };
}

function routeOf({ routes }: RerankSettings, url: string) {
  for (const route of routes) {
    const match = route.pattern.exec(url);
    if (match) return { route, groups: match.pathname.groups };
  }
  return null;
}

/** Where there is no origin to ask, that is what the answer says. All else is for the runtime. */
function explain(error: unknown): Response {
  if (!(error instanceof SettingError)) throw error;
  const problem = toProblem(error);
  return new Response(problemText(problem), { status: problem.status, headers: problemHeaders(problem, error) });
}
