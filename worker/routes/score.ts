import type { Context } from "hono";
import * as v from "valibot";
import { parseWith } from "../../format/parse.ts";
import type { AppEnv } from "../app-env.ts";
import { readJson } from "../http/body.ts";
import { atMostRecords } from "../http/list-schema.ts";
import { MAX_ENTRIES_PER_REQUEST } from "../limits.ts";
import { answer, type ScoringOptions } from "./answer.ts";

// What a record holds is for the model's encoder to judge.
const ScoreRequest = v.strictObject({ records: atMostRecords("records", v.unknown()) });

/** POST /v1/score */
export function scoreRoute(options: ScoringOptions) {
  return async function score(c: Context<AppEnv>): Promise<Response> {
    const { records } = parseWith(ScoreRequest, await readJson(c.req.raw), "body");
    return answer(c, options, (scorer) => {
      const located = scorer.locate(scorer.encode(records, MAX_ENTRIES_PER_REQUEST));
      return { located, run: (pages) => scorer.score(located, pages), place: (i) => `records[${i}]` };
    });
  };
}
