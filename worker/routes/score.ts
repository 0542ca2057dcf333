import * as v from "valibot";
import type { JsonHandler } from "../http/json-answer.ts";
import { atMostRecords } from "../http/list-schema.ts";
import type { RouteOptions } from "../route-options.ts";
import { answer, wantsUnseen } from "./answer.ts";
import type { ScoreAnswer } from "./answers.ts";
import { RecordSchema } from "./record-schema.ts";

// What a record holds is for the model's encoder to judge.
export const ScoreBody = v.strictObject({ records: atMostRecords("records", RecordSchema), unseen: wantsUnseen });

/** POST /v1/score: scores records, each by itself. */
export function scoreRoute(
  options: RouteOptions,
): JsonHandler<"/v1/score", v.InferInput<typeof ScoreBody>, v.InferOutput<typeof ScoreAnswer>> {
  return function score(c) {
    return answer(c, options, (body, ...rest) => body.read(["records"], ScoreBody, ...rest));
  };
}
