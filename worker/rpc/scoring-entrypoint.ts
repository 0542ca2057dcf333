import { WorkerEntrypoint } from "cloudflare:workers";
import type * as v from "valibot";
import type { KeepAlive } from "../http/keep-alive.ts";
import { logFault, problemName, problemText, retryAfter, toProblem } from "../http/problem.ts";
import { serverTiming } from "../http/server-timing.ts";
import { record, scoredOf } from "../metrics/observe.ts";
import type { RouteOptions } from "../route-options.ts";
import { answered, type ReadRequest } from "../routes/answer.ts";
import type { RankBody, ScoreBody } from "../routes/bodies.ts";
import { readExplain } from "../routes/explain.ts";
import { readRank } from "../routes/rank.ts";
import { readScore } from "../routes/score.ts";
import type { ScoreResult } from "../scoring/score-request.ts";
import { sharedBy } from "../shared.ts";
import type {
  CallContext,
  CallerProps,
  ExplainRpc,
  RankRpc,
  RpcAnswer,
  ScoreRpc,
  ScoringClass,
  ScoringService,
} from "./scoring-service.ts";
import { ValueBody } from "./value-body.ts";

/** What serves calls over a service binding. Its methods are all that a caller sees. */
class ScoringEntrypoint extends WorkerEntrypoint<object, CallerProps> implements ScoringService {
  readonly #options: RouteOptions;

  constructor(ctx: ExecutionContext<CallerProps>, env: object, options: RouteOptions) {
    super(ctx, env);
    this.#options = options;
  }

  score(body: v.InferInput<typeof ScoreBody>): Promise<ScoreRpc> {
    return this.#call("score", body, readScore);
  }

  rank(body: v.InferInput<typeof RankBody>): Promise<RankRpc> {
    return this.#call("rank", body, readRank);
  }

  explain(body: v.InferInput<typeof ScoreBody>): Promise<ExplainRpc> {
    return this.#call("explain", body, readExplain);
  }

  async #call<Answer>(route: string, value: unknown, read: ReadRequest): Promise<RpcAnswer<Answer>> {
    const { env, ctx } = this;
    const started = performance.now();
    const requestId = crypto.randomUUID();
    const client = typeof ctx.props?.client === "string" ? `service ${ctx.props.client}` : "service";
    const keepAlive: KeepAlive = (promise) => ctx.waitUntil(promise);
    const count = (status: number, problem: string | null, result: ScoreResult | null): void => {
      const ms = performance.now() - started;
      record(
        { ...{ by: "rpc", route, scores: true }, status, problem, ms, scored: result && scoredOf(result) },
        env,
        this.#options,
      );
    };
    try {
      const call = { env, client, request: null, keepAlive, openBody: () => new ValueBody(value) };
      const { body, result } = await answered(call, this.#options, read);
      count(200, null, result);
      return { ok: true, answer: body as Answer, requestId, serverTiming: result && serverTiming(result) };
    } catch (error) {
      const problem = toProblem(error);
      logFault(problem, error, { requestId, path: `rpc ${route}` });
      count(problem.status, problemName(problem), null);
      return {
        ok: false,
        problem: JSON.parse(problemText(problem)),
        requestId,
        retryAfter: retryAfter(problem, error),
      };
    }
  }
}

/**
 * A class to be exported beside an application that `createApp` made, by whose name other Workers of the account bind
 * it as a service. It shares the application's models, memory and settings. Whoever may bind it may score and explain:
 * no token is asked for. Limits and budgets are those of HTTP.
 */
export function scoringEntrypoint(app: object): ScoringClass {
  const options = sharedBy(app);
  return class extends ScoringEntrypoint {
    constructor(ctx: CallContext, env: object) {
      super(ctx as ExecutionContext<CallerProps>, env, options);
    }
  };
}
