import type { Context } from "hono";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { AppEnv } from "../app-env.ts";
import { type ReadBody, type Refuse, RequestBody } from "../http/body.ts";
import { RateLimitError } from "../http/errors.ts";
import { settledWithin } from "../http/promises.ts";
import { serverTiming } from "../http/server-timing.ts";
import { LOAD_WAIT_MS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { Shortfall } from "../rows/row-store.ts";
import { throwFaults } from "../scoring/request-faults.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../scoring/score-request.ts";
import { keepAliveOf } from "./current-model.ts";
import { chosenBy, chosenModel, type Fallback, type ModelChoice } from "./model-choice.ts";

/** What an answer says beside its scores. */
interface AboutAnswer {
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

/** What is to be scored, and what the answer is to say of it. */
export type AskedRequest = ScoreRequest &
  ModelChoice & {
    /** Whether it counts unseen values. */
    unseen?: boolean | undefined;
    /** What it has in place of the scores in the order of the request. */
    answerOf?: (result: ScoreResult, spec: FittedSpec) => object;
  };

/** Reads from a request's body what is to be scored. */
type ReadRequest = (body: RequestBody, lease: Lease, refuse: Refuse) => Promise<ReadBody<AskedRequest>>;

/**
 * Scores what a request's body asks for, and answers what its route makes of the scores. All its memory is of one
 * lease.
 */
export async function answer(c: Context<AppEnv>, options: RouteOptions, read: ReadRequest): Promise<Response> {
  const { source, keys, rowDeadlineMs, rowKeysPerRequest, ...limits } = options.settings.read(c.env);
  const { models } = options;
  const { client } = c.get("caller");
  if (limits.requestRateLimit && !(await chargeTo(limits.requestRateLimit, client)(1)))
    throw new RateLimitError("got more requests than this client may send in a minute; try again later");
  const body = new RequestBody(c.req.raw);
  // Only the body says which model is wanted. But as long as an isolate loads its first, no other body need be held.
  if (models.firstLoad) await settledWithin(models.firstLoad, LOAD_WAIT_MS);
  using lease = options.memory.lease("requests");
  using request = await read(body, lease, (found, wrong) => {
    const judge = models.servingFor(chosenBy(wrong));
    return throwFaults(found, wrong, judge?.scorer.manifest ?? null, lease);
  });
  const charge = limits.rowRateLimit && chargeTo(limits.rowRateLimit, client);
  const keepAlive = keepAliveOf(c);
  const { model, fallback } = await chosenModel(models, request.body, {
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
  const { answerOf = scoresOf } = request.body;
  return c.json({ ...answerOf(result, spec), ...aboutAnswer(result, fallback, request.body.unseen ? spec : null) });
}

function scoresOf({ scores }: ScoreResult): { scores: number[] } {
  // Array.from takes as long as the JSON of the numbers.
  const list: number[] = new Array(scores.length);
  for (let i = 0; i < scores.length; i++) list[i] = scores[i] as number;
  return { scores: list };
}

/** What every answer says. `unseenOf`: the spec whose fields' unseen values are shown; null: they are not. */
function aboutAnswer(
  { model, version, missing, unseen }: ScoreResult,
  fallback: Fallback | null,
  unseenOf: FittedSpec | null,
): AboutAnswer {
  return {
    ...{ model, version },
    ...(fallback && { fallback }),
    ...(missing && { degraded: missing }),
    ...(unseenOf && { unseen: byField(unseen, unseenOf) }),
  };
}

function byField(counts: Uint32Array, { fields }: FittedSpec): Record<string, number> {
  return Object.fromEntries(fields.map(({ name }, f) => [name, counts[f] as number] as const).filter(([, n]) => n > 0));
}
