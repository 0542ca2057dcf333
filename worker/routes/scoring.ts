import type { Context } from "hono";
import { routePath } from "hono/route";
import type { Scope } from "../../format/tokens.ts";
import { callerOf, requireScope } from "../access/caller.ts";
import type { AppEnv } from "../app-env.ts";
import { RequestBody } from "../http/body.ts";
import { crossOriginHeaders } from "../http/cross-origin.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import * as problems from "../http/problem.ts";
import { REQUEST_ID, requestIdOf } from "../http/request-id.ts";
import { SECURITY_HEADERS } from "../http/security-headers.ts";
import { serverTiming } from "../http/server-timing.ts";
import { record, scoredOf } from "../metrics/observe.ts";
import type { RouteOptions } from "../route-options.ts";
import { answered, type ReadRequest } from "./answer.ts";
import { keepAliveOf } from "./current-model.ts";
import { readExplain } from "./explain.ts";
import { readRank } from "./rank.ts";
import { readScore } from "./score.ts";

/** The paths of the routes that score, what a caller must be allowed for each, and what reads its body. */
const SCORING_ROUTES = {
  /** Scores records, each by itself. */
  "/v1/score": { scope: "score", read: readScore },
  /** Orders many candidates, or items of the catalogue, for one context. */
  "/v1/rank": { scope: "score", read: readRank },
  /** Scores records, and says what each score is the sum of. */
  "/v1/explain": { scope: "explain", read: readExplain },
} as const satisfies Record<string, { scope: Scope; read: ReadRequest }>;

export type ScoringPath = keyof typeof SCORING_ROUTES;

export const SCORING_PATHS = Object.keys(SCORING_ROUTES) as ScoringPath[];

/**
 * Answers a request for scores, whatever comes of it: all that an answer has is made here, middleware takes no part.
 * That took a quarter of the time of a request with one record. `route`: the pattern of its path, for the counts.
 */
export type Answer = (request: Request, env: object, keepAlive: KeepAlive, route: string) => Promise<Response>;

export function answerAt(path: ScoringPath, options: RouteOptions): Answer {
  const { scope, read } = SCORING_ROUTES[path];
  return async function answer(request, env, keepAlive, route) {
    const started = performance.now();
    const requestId = requestIdOf(request);
    const headers: Record<string, string> = { [REQUEST_ID]: requestId };
    crossOriginHeaders(options.settings, env, request, headers);
    const count = (status: number, problem: string | null, result: Parameters<typeof scoredOf>[0] | null): void => {
      const handled = { by: request.method, route, scores: true, status, problem, ms: performance.now() - started };
      record({ ...handled, scored: result && scoredOf(result) }, env, options);
    };
    try {
      const caller = await callerOf(request, options.settings.read(env));
      requireScope(caller, scope);
      const openBody = (): RequestBody => new RequestBody(request);
      const call = { env, client: caller.client, request, keepAlive, openBody };
      const { body, result, cookies = [] } = await answered(call, options, read);
      if (result) headers["server-timing"] = serverTiming(result);
      count(200, null, result);
      return withHeaders(new Response(JSON.stringify(body), SCORED), headers, cookies);
    } catch (error) {
      const problem = problems.toProblem(error);
      problems.logFault(problem, error, { requestId, path: new URL(request.url).pathname });
      count(problem.status, problems.problemName(problem), null);
      const { status } = problem;
      return new Response(problems.problemText(problem), {
        status,
        headers: { ...SECURITY_HEADERS, ...headers, ...problems.problemHeaders(problem, error) },
      });
    }
  };
}

/** What all answers with scores have. The runtime copies its own headers in less time than it reads an object. */
const SCORED = { headers: new Headers({ ...SECURITY_HEADERS, "content-type": "application/json" }) };

function withHeaders(response: Response, own: Readonly<Record<string, string>>, cookies: readonly string[]): Response {
  const { headers } = response;
  for (const name in own) headers.set(name, own[name] as string);
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return response;
}

/** An answer as a handler of Hono, for an application that is mounted in another. */
export function scoringHandler(answer: Answer) {
  return function score(c: Context<AppEnv>): Promise<Response> {
    return answer(c.req.raw, c.env, keepAliveOf(c), routePath(c));
  };
}
