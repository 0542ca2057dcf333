import type { Context } from "hono";
import * as v from "valibot";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { AppEnv } from "../app-env.ts";
import { type ReadBody, RequestBody } from "../http/body.ts";
import { settledWithin } from "../http/promises.ts";
import { serverTiming } from "../http/server-timing.ts";
import { LOAD_WAIT_MS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { Shortfall } from "../rows/row-store.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../scoring/score-request.ts";
import { keepAliveOf } from "./current-model.ts";
import { chosenModel, type Fallback, type ModelChoice } from "./model-choice.ts";

interface ScoresResponse {
  /** One probability a record, candidate or item. */
  scores: number[];
  /** The model's name. */
  model: string;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  /** Set where the request named another model, which could not score it. */
  fallback?: Fallback;
  /** Set where rows were missing: so many of the request's values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
  /** Set where the request asks for it. By field, without those that have none: values that were never seen. */
  unseen?: Record<string, number>;
}

/** What is to be scored, by which model, and whether the answer is to count unseen values. */
type AskedRequest = ScoreRequest & { unseen?: boolean | undefined; choice: ModelChoice };

/** A member of a body: whether the answer is to count unseen values. */
export const wantsUnseen = v.optional(v.boolean());

/** Reads from a request's body what is to be scored. */
type ReadRequest = (body: RequestBody, lease: Lease) => Promise<ReadBody<AskedRequest>>;

/** Scores what a request's body asks for, and answers with the scores. All its memory is of one lease. */
export async function answer(c: Context<AppEnv>, options: RouteOptions, read: ReadRequest): Promise<Response> {
  const { source, keys, rowDeadlineMs, rowKeysPerRequest, rowRateLimit } = options.settings.read(c.env);
  const { models } = options;
  const body = new RequestBody(c.req.raw);
  // Only the body says which model is wanted. But as long as an isolate loads its first, no other body need be held.
  if (models.firstLoad) await settledWithin(models.firstLoad, LOAD_WAIT_MS);
  using lease = options.memory.lease("requests");
  using request = await read(body, lease);
  const charge = rowRateLimit && chargeTo(rowRateLimit, c.var.caller.client);
  const keepAlive = keepAliveOf(c);
  const { model, fallback } = await chosenModel(models, request.body.choice, {
    ...{ source, keys, charge, keepAlive, lease },
  });
  const result = await scoreRequest(request.body, {
    model,
    rows: options.rows,
    source,
    deadlineMs: model.deadlineMs ?? rowDeadlineMs,
    maxKeys: rowKeysPerRequest,
    charge,
    keepAlive,
    lease,
    release: request.release,
  });
  if (result.missing) options.degraded.add({ model: result.model, ...result.missing });
  const { spec } = model.scorer.manifest;
  options.counters.add(result, spec);
  c.header("server-timing", serverTiming(result));
  return c.json(toResponse(result, fallback, request.body.unseen ? spec : null));
}

/** `unseenOf`: the spec whose fields' unseen values are shown; null: they are not. */
function toResponse(
  { scores, model, version, missing, unseen }: ScoreResult,
  fallback: Fallback | null,
  unseenOf: FittedSpec | null,
): ScoresResponse {
  return {
    ...{ scores: Array.from(scores), model, version },
    ...(fallback && { fallback }),
    ...(missing && { degraded: missing }),
    ...(unseenOf && { unseen: byField(unseen, unseenOf) }),
  };
}

function byField(counts: Uint32Array, { fields }: FittedSpec): Record<string, number> {
  return Object.fromEntries(fields.map(({ name }, f) => [name, counts[f] as number] as const).filter(([, n]) => n > 0));
}
