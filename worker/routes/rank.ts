import type { Context } from "hono";
import * as v from "valibot";
import type { AppEnv } from "../app-env.ts";
import { atMostRecords } from "../http/list-schema.ts";
import type { RouteOptions } from "../route-options.ts";
import { answer, wantsUnseen } from "./answer.ts";
import { modelChoice } from "./model-choice.ts";

// What the context, a candidate or an id is, is for the model's encoder to judge.
const RankBody = v.pipe(
  v.strictObject({
    context: v.optional(v.unknown(), {}),
    candidates: v.optional(atMostRecords("candidates")),
    items: v.optional(atMostRecords("items")),
    unseen: wantsUnseen,
    ...modelChoice,
  }),
  v.check(
    ({ candidates, items }) => (candidates === undefined) !== (items === undefined),
    ({ input }) =>
      `got ${input.items ? "both" : "neither"} candidates ${input.items ? "and" : "nor"} items, expected one of them`,
  ),
);

/** POST /v1/rank: scores many candidates, or items of the catalogue, for one context. */
export function rankRoute(options: RouteOptions) {
  return function rank(c: Context<AppEnv>): Promise<Response> {
    return answer(c, options, async (source, lease) => {
      const read = await source.read(["candidates", "items"], RankBody, lease);
      const { context, candidates = [], items, unseen, ...choice } = read.body;
      return { ...read, body: { ...(items ? { context, items } : { context, candidates }), unseen, choice } };
    });
  };
}
