import type * as v from "valibot";
import type { Problem } from "../http/problem.ts";
import type * as answers from "../routes/answers.ts";
import type { RankBody, ScoreBody } from "../routes/bodies.ts";

// The types of calls. They need none of the Workers runtime's, so that whoever installs the package needs none.

/**
 * What a call is answered: what the route of the same name answers, or its problem. Nothing is thrown, as an error that
 * crosses a service binding keeps no more than its message.
 */
export type RpcAnswer<Answer> =
  | { ok: true; answer: Answer; requestId: string; serverTiming: string | null }
  | { ok: false; problem: Problem; requestId: string; retryAfter: number | null };

export type ScoreRpc = RpcAnswer<v.InferOutput<typeof answers.ScoreAnswer>>;
export type RankRpc = RpcAnswer<v.InferOutput<typeof answers.RankAnswer>>;
export type ExplainRpc = RpcAnswer<v.InferOutput<typeof answers.ExplainAnswer>>;

/** What another Worker sees of the application behind its service binding. */
export interface ScoringService {
  /** As POST /v1/score. */
  score(body: v.InferInput<typeof ScoreBody>): Promise<ScoreRpc>;
  /** As POST /v1/rank. */
  rank(body: v.InferInput<typeof RankBody>): Promise<RankRpc>;
  /** As POST /v1/explain. */
  explain(body: v.InferInput<typeof ScoreBody>): Promise<ExplainRpc>;
}

/** What a service binding may say of who calls, in its `props`. */
export interface CallerProps {
  /** What rate limits count. Callers without it count as one. */
  client?: string;
}

/** What is used of the context that the runtime makes for each call. */
export interface CallContext {
  props?: CallerProps;
  waitUntil(promise: Promise<unknown>): void;
}

/** A class that the runtime makes an instance of for each call. */
export type ScoringClass = new (ctx: CallContext, env: object) => ScoringService;
