import type { Context } from "hono";
import * as v from "valibot";
import type { AppEnv } from "../app-env.ts";
import { atMostRecords } from "../http/list-schema.ts";
import type { RouteOptions } from "../route-options.ts";
import { answer, wantsUnseen } from "./answer.ts";
import { modelChoice } from "./model-choice.ts";

// What a record holds is for the model's encoder to judge.
const ScoreBody = v.strictObject({ records: atMostRecords("records"), unseen: wantsUnseen, ...modelChoice });

/** POST /v1/score: scores records, each by itself. */
export function scoreRoute(options: RouteOptions) {
  return function score(c: Context<AppEnv>): Promise<Response> {
    return answer(c, options, async (source, lease) => {
      const read = await source.read(["records"], ScoreBody, lease);
      const { records, unseen, ...choice } = read.body;
      return { ...read, body: { records, unseen, choice } };
    });
  };
}
