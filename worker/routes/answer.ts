import type { Context } from "hono";
import type { AppEnv, RouteOptions } from "../app-env.ts";
import { serverTiming } from "../http/server-timing.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { Shortfall } from "../rows/row-store.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../scoring/score-request.ts";
import { currentModel, keepAliveOf } from "./current-model.ts";

interface ScoresResponse {
  /** One probability a record, candidate or item. */
  scores: number[];
  /** The model's name. */
  model: string;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  /** Set where rows were missing: so many of the request's values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
}

/** Scores what a request's body asks for, and answers with the scores. */
export async function answer(c: Context<AppEnv>, options: RouteOptions, request: ScoreRequest): Promise<Response> {
  const { source, rowDeadlineMs, rowKeysPerRequest, rowRateLimit } = options.settings.read(c.env);
  const result = await scoreRequest(request, {
    model: await currentModel(c, options),
    rows: options.rows,
    source,
    deadlineMs: rowDeadlineMs,
    maxKeys: rowKeysPerRequest,
    charge: rowRateLimit && chargeTo(rowRateLimit, c.var.caller.client),
    keepAlive: keepAliveOf(c),
  });
  c.header("server-timing", serverTiming(result));
  return c.json(toResponse(result));
}

function toResponse({ scores, model, version, missing }: ScoreResult): ScoresResponse {
  return { scores: Array.from(scores), model, version, ...(missing && { degraded: missing }) };
}
