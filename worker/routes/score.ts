import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { RouteOptions } from "../route-options.ts";
import { answer, type ReadRequest } from "./answer.ts";
import { ScoreBody } from "./bodies.ts";

export const readScore: ReadRequest = (body, ...rest) => body.read(["records"], ScoreBody, ...rest);

/** POST /v1/score: scores records, each by itself. */
export function scoreRoute(options: RouteOptions) {
  return function score(c: Context<AppEnv>): Promise<Response> {
    return answer(c, options, readScore);
  };
}
