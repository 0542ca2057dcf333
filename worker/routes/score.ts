import type { Context } from "hono";
import * as v from "valibot";
import type { AppEnv } from "../app-env.ts";
import { atMostRecords } from "../http/list-schema.ts";
import type { RouteOptions } from "../route-options.ts";
import { answer, wantsUnseen } from "./answer.ts";

// What a record holds is for the model's encoder to judge.
export const ScoreBody = v.strictObject({ records: atMostRecords("records"), unseen: wantsUnseen });

/** POST /v1/score: scores records, each by itself. */
export function scoreRoute(options: RouteOptions) {
  return function score(c: Context<AppEnv>): Promise<Response> {
    return answer(c, options, (body, ...rest) => body.read(["records"], ScoreBody, ...rest));
  };
}
