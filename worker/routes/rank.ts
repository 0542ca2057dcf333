import type { Context } from "hono";
import * as v from "valibot";
import { parseWith } from "../../format/parse.ts";
import type { AppEnv } from "../app-env.ts";
import { readJson } from "../http/body.ts";
import { atMostRecords } from "../http/list-schema.ts";
import { MAX_ENTRIES_PER_REQUEST } from "../limits.ts";
import { answer, type ScoringOptions } from "./answer.ts";

const RankRequest = v.pipe(
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

/** POST /v1/rank */
export function rankRoute(options: ScoringOptions) {
  return async function rank(c: Context<AppEnv>): Promise<Response> {
    const { context, candidates = [], items } = parseWith(RankRequest, await readJson(c.req.raw), "body");
    return answer(c, options, (scorer) => {
      if (items) {
        const located = scorer.locateItems(context, items, MAX_ENTRIES_PER_REQUEST);
        return {
          located: located.records,
          run: (pages) => scorer.rankItems(located, pages),
          place: (i) => `items[${i}]`,
        };
      }
      const located = scorer.locate(scorer.encodeCandidates(context, candidates, MAX_ENTRIES_PER_REQUEST));
      return { located, run: (pages) => scorer.rank(located, pages), place: (i) => `candidates[${i}]` };
    });
  };
}
