import type { RequestIdVariables } from "hono/request-id";
import type { Caller } from "./access/caller.ts";
import type { Problem } from "./http/problem.ts";
import type { Scored } from "./metrics/handled.ts";

/** The context of every handler: the bindings that the app was made for, the id of the request, and who sends it. */
export interface AppEnv<Bindings extends object = object> {
  Bindings: Bindings;
  Variables: RequestIdVariables & { caller: Caller } & Outcome;
}

/** What became of a request, for the counts of it. */
export interface Outcome {
  /** Set where it was scored. */
  scored?: Scored;
  /** Set where it is answered with a problem. */
  problem?: Problem;
}
