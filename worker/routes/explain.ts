import type * as v from "valibot";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { type Explanation, fieldPairs } from "../../runtime/explanation.ts";
import type { ScoreResult } from "../scoring/score-request.ts";
import type { ReadRequest } from "./answer.ts";
import type { ExplainAnswer } from "./answers.ts";
import { ScoreBody } from "./bodies.ts";
import { RECORDS } from "./score.ts";

type Explained = v.InferOutput<typeof ExplainAnswer>["explanations"][number];

export const readExplain: ReadRequest = async (source, ...rest) => {
  const read = await source.read(RECORDS, ScoreBody, ...rest);
  return { ...read, body: { ...read.body, explain: true, answerOf: explained } };
};

function explained({ explanations }: ScoreResult, spec: FittedSpec): { explanations: Explained[] } {
  return { explanations: (explanations ?? []).map((explanation) => byName(explanation, spec)) };
}

function byName(
  { score, logit, bias, linear, pairs, deep, calibration }: Explanation,
  { fields }: FittedSpec,
): Explained {
  const nameOf = (f: number): string => fields[f]?.name ?? "";
  return {
    ...{ score, logit, bias },
    linear: Object.fromEntries(Array.from(linear, (value, f) => [nameOf(f), value])),
    pairs:
      pairs.length === 0
        ? []
        : fieldPairs(fields.length).map(([f, g], i) => ({ fields: [nameOf(f), nameOf(g)], value: pairs[i] as number })),
    ...{ deep, calibration },
  };
}
