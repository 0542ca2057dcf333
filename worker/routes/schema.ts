import type { TypedResponse } from "hono";
import type { BlankInput, ToSchema } from "hono/types";
import type * as v from "valibot";
import type { EventsBody } from "../events/events-body.ts";
import type { Problem } from "../http/problem.ts";
import type * as answers from "./answers.ts";
import type { RankBody, ScoreBody } from "./bodies.ts";

/** An answer with the status 200, or a problem. */
type JsonAnswer<Answer> = TypedResponse<Answer, 200, "json"> | TypedResponse<Problem, Problem["status"], "json">;

type Post<Path extends string, Body extends v.GenericSchema, Answer extends v.GenericSchema> = ToSchema<
  "post",
  Path,
  { in: { json: v.InferInput<Body> }; out: { json: v.InferInput<Body> } },
  JsonAnswer<v.InferOutput<Answer>>
>;

type Get<Path extends string, Answer extends v.GenericSchema> = ToSchema<
  "get",
  Path,
  BlankInput,
  JsonAnswer<v.InferOutput<Answer>>
>;

/**
 * The routes as Hono's typed client sees them: those with JSON. They are stated here and not derived from the handlers,
 * whose types would bring all that is internal into those of the package.
 */
export type Routes = Post<"/v1/score", typeof ScoreBody, typeof answers.ScoreAnswer> &
  Post<"/v1/rank", typeof RankBody, typeof answers.RankAnswer> &
  Post<"/v1/explain", typeof ScoreBody, typeof answers.ExplainAnswer> &
  Post<"/v1/events", typeof EventsBody, typeof answers.EventsAnswer> &
  Get<"/v1/models", typeof answers.ModelsAnswer> &
  Get<"/healthz", typeof answers.HealthAnswer> &
  Get<"/readyz", typeof answers.ReadyAnswer>;
