import type { Context } from "hono";
import * as v from "valibot";
import type { AppEnv, RouteOptions } from "../app-env.ts";
import { readBody } from "../http/body.ts";
import { atMostRecords } from "../http/list-schema.ts";
import { answer } from "./answer.ts";

// What a record holds is for the model's encoder to judge.
const ScoreBody = v.strictObject({ records: atMostRecords("records", v.unknown()) });

/** POST /v1/score: scores records, each by itself. */
export function scoreRoute(options: RouteOptions) {
  return async function score(c: Context<AppEnv>): Promise<Response> {
    const { records } = await readBody(c.req.raw, ScoreBody);
    return answer(c, options, { records });
  };
}
