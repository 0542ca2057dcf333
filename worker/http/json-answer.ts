import type { Handler, TypedResponse } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { Problem } from "./problem.ts";

/** A response for a typed client: an answer with the status 200, or a problem. */
export type JsonAnswer<Answer> = Response &
  (TypedResponse<Answer, 200, "json"> | TypedResponse<Problem, Problem["status"], "json">);

/** The handler of a route that takes JSON, with the types that a client of it sees. */
export type JsonHandler<Path extends string, Body, Answer> = Handler<
  AppEnv,
  Path,
  { in: { json: Body }; out: { json: Body } },
  Promise<JsonAnswer<Answer>>
>;
