import type { Context } from "hono";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import type { AppEnv } from "../app-env.ts";
import { type ReadBody, type Refuse, RequestBody } from "../http/body.ts";
import { RateLimitError } from "../http/errors.ts";
import { serverTiming } from "../http/server-timing.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { Shortfall } from "../rows/row-store.ts";
import { throwFaults } from "../scoring/request-faults.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../scoring/score-request.ts";
import { currentModel, keepAliveOf } from "./current-model.ts";

/** What an answer says beside its scores. */
interface AboutAnswer {
  /** The model's name. */
  model: string;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  /** Set where rows were missing: so many of the request's values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
  /** Set where the request asks for it. By field, without those that have none: values that were never seen. */
  unseen?: Record<string, number>;
}

/** What is to be scored, and what the answer is to say of it. */
export type AskedRequest = ScoreRequest & {
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
  const { source, rowDeadlineMs, rowKeysPerRequest, ...limits } = options.settings.read(c.env);
  const { client } = c.var.caller;
  if (limits.requestRateLimit && !(await chargeTo(limits.requestRateLimit, client)(1)))
    throw new RateLimitError("got more requests than this client may send in a minute; try again later");
  const body = new RequestBody(c.req.raw);
  // The model comes first: as long as it loads, the body need not be held.
  const model = await currentModel(c, options);
  using lease = options.memory.lease("requests");
  const { manifest } = model.scorer;
  using request = await read(body, lease, (found, wrong) => throwFaults(found, wrong, manifest, lease));
  const result = await scoreRequest(request.body, {
    model,
    rows: options.rows,
    source,
    deadlineMs: rowDeadlineMs,
    maxKeys: rowKeysPerRequest,
    charge: limits.rowRateLimit && chargeTo(limits.rowRateLimit, client),
    keepAlive: keepAliveOf(c),
    lease,
    release: request.release,
  });
  if (result.missing) options.degraded.add({ model: result.model, ...result.missing });
  const { spec } = model.scorer.manifest;
  options.counters.add(result, spec);
  c.header("server-timing", serverTiming(result));
  const { answerOf = scoresOf } = request.body;
  return c.json({ ...answerOf(result, spec), ...aboutAnswer(result, request.body.unseen ? spec : null) });
}

function scoresOf({ scores }: ScoreResult): { scores: number[] } {
  return { scores: Array.from(scores) };
}

/** What every answer says. `unseenOf`: the spec whose fields' unseen values are shown; null: they are not. */
function aboutAnswer({ model, version, missing, unseen }: ScoreResult, unseenOf: FittedSpec | null): AboutAnswer {
  return {
    ...{ model, version },
    ...(missing && { degraded: missing }),
    ...(unseenOf && { unseen: byField(unseen, unseenOf) }),
  };
}

function byField(counts: Uint32Array, { fields }: FittedSpec): Record<string, number> {
  return Object.fromEntries(fields.map(({ name }, f) => [name, counts[f] as number] as const).filter(([, n]) => n > 0));
}
