import type { Context } from "hono";
import * as v from "valibot";
import type { AppEnv, RouteOptions } from "../app-env.ts";
import { readBody } from "../http/body.ts";
import { atMostRecords } from "../http/list-schema.ts";
import { answer } from "./answer.ts";

const RankBody = v.pipe(
  v.strictObject({
    // What the context and a candidate hold is for the model's encoder to judge.
    context: v.optional(v.unknown(), {}),
    candidates: v.optional(atMostRecords("candidates", v.unknown())),
    items: v.optional(atMostRecords("items", v.union([v.string(), v.number()]))),
  }),
  v.check(
    ({ candidates, items }) => (candidates === undefined) !== (items === undefined),
    ({ input }) =>
      `got ${input.items ? "both" : "neither"} candidates ${input.items ? "and" : "nor"} items, expected one of them`,
  ),
);

/** POST /v1/rank: scores many candidates, or items of the catalogue, for one context. */
export function rankRoute(options: RouteOptions) {
  return async function rank(c: Context<AppEnv>): Promise<Response> {
    const { context, candidates = [], items } = await readBody(c.req.raw, RankBody);
    return answer(c, options, items ? { context, items } : { context, candidates });
  };
}
