import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type FeatureSpec, parseFeatureSpec } from "../../format/spec.ts";
import { SAMPLE_RECORDS, surveyLog } from "../../lab/init/init.ts";
import { chooseLabel } from "../../lab/init/label.ts";
import { makePlan } from "../../lab/init/plan.ts";
import { specText } from "../../lab/init/spec-text.ts";
import { PROJECT } from "../../trainer/io/project.ts";
import type { MessyLog } from "./logs.ts";

/** The spec that `init --yes` writes for a log. `label`: what --label says. */
export async function specByInit({ name, path }: { name: string; path: string }, label?: string): Promise<FeatureSpec> {
  const survey = await surveyLog([path], {}, SAMPLE_RECORDS);
  const plan = makePlan(survey, chooseLabel(survey.columns, path, label));
  return parseFeatureSpec(specText(plan, name, []), path);
}

export function specByHand({ hand }: MessyLog): FeatureSpec {
  const path = join(PROJECT, "bench", "messy", hand);
  return parseFeatureSpec(readFileSync(path, "utf8"), path);
}
