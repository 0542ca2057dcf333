import { FormatError, show } from "../../../format/errors.ts";
import { type Policy, parsePolicy } from "../../../format/policy.ts";
import { literal } from "../../../trainer/data/sql.ts";
import type { LineDatabase } from "../log/line-database.ts";
import type { AnalysisPlan } from "./plan.ts";
import type { ArmSummary } from "./result.ts";
import type { ArmModels } from "./what-if.ts";

/** Reasons of failed lists that are told apart, and policies that are shown. */
const MOST_SHOWN = 10;

/** The arms of a phase: the control first, the others by name. */
export interface PlannedArms {
  names: string[];
  /** As the plan has them, or all 1, but 0 of a control that only other phases have. */
  weights: number[];
  warnings: string[];
}

/** The phase of an experiment that is judged, and whether others are, too. */
export interface JudgedPhase {
  experiment: string;
  phase: string;
  isOnly: boolean;
}

/** Throws FormatError where the plan's control is none of its arms, or of those of any phase that is judged. */
export async function plannedArms(lines: LineDatabase, plan: AnalysisPlan, own: JudgedPhase): Promise<PlannedArms> {
  const rows = await lines.rows<{ arm: string }>("SELECT DISTINCT arm FROM list ORDER BY arm");
  const logged = rows.map(({ arm }) => arm);
  const weights = plan.weights && new Map(Object.entries(plan.weights).filter(([, weight]) => weight > 0));
  const known = weights ? [...weights.keys()].sort() : logged;
  const control = plan.control ?? ["origin", "control"].find((name) => known.includes(name)) ?? known[0];
  const warnings: string[] = [];
  // Of a phase that never had the control nothing is compared, which is no reason to say nothing of the others.
  const isOfOthers = !known.includes(control) && !weights && (await isInOtherPhase(lines, control, own));
  if (!known.includes(control) && !isOfOthers)
    throw new FormatError(
      `phase ${own.phase}: control`,
      `got ${show(control)}, expected one of ${known.map(show).join(", ")}`,
    );
  if (!weights) warnings.push("no weights are planned: arms are taken to have equal shares of the units");
  if (plan.control === undefined && control !== "origin" && control !== "control")
    warnings.push(`no control is planned: it is taken to be ${control}, the first arm by name`);
  const names = [control, ...known.filter((name) => name !== control)];
  const weightOf = (name: string): number => weights?.get(name) ?? (known.includes(name) ? 1 : 0);
  return { names, weights: names.map(weightOf), warnings };
}

async function isInOtherPhase(
  lines: LineDatabase,
  arm: string,
  { experiment, phase, isOnly }: JudgedPhase,
): Promise<boolean> {
  if (isOnly) return false;
  const { lists } = await lines.row<{ lists: number }>(
    `SELECT count(*) AS lists FROM exposure
     WHERE x = ${literal(experiment)} AND phase <> ${literal(phase)} AND arm = ${literal(arm)}`,
  );
  return lists > 0;
}

/** What each arm's lines say of it. */
export async function armSummaries(lines: LineDatabase, { names, weights }: PlannedArms): Promise<ArmSummary[]> {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = await lines.rows<{ arm: string; units: number; lists: number; origin: number }>(
    `SELECT arm, count(DISTINCT u) AS units, count(*) AS lists, count(*) FILTER (why IS NOT NULL) AS origin
     FROM list GROUP BY arm`,
  );
  const models = await lines.rows<{ arm: string; model: string; lists: number }>(
    "SELECT arm, model, count(*) AS lists FROM list WHERE model IS NOT NULL GROUP BY ALL ORDER BY lists DESC, model",
  );
  const reasons = await lines.rows<{ arm: string; why: string; lists: number }>(
    "SELECT arm, why, count(*) AS lists FROM list WHERE why IS NOT NULL GROUP BY ALL ORDER BY lists DESC, why",
  );
  const policies = await policiesByArm(lines);
  return names.map((arm, i) => {
    const own = counts.find((count) => count.arm === arm) ?? { units: 0, lists: 0, origin: 0 };
    const why = reasons.filter((reason) => reason.arm === arm).slice(0, MOST_SHOWN);
    return {
      arm,
      weight: weights[i] / total,
      units: own.units,
      lists: own.lists,
      policies: (policies.get(arm) ?? []).map(({ policy }) => JSON.stringify(policy)),
      models: models.filter((one) => one.arm === arm).map(({ model, lists }) => ({ model, lists })),
      fromOrigin: own.lists > 0 ? own.origin / own.lists : 0,
      reasons: Object.fromEntries(why.map((reason) => [reason.why, reason.lists])),
    };
  });
}

/** A policy of an arm's lines. */
interface LoggedPolicy {
  /** Without k, which is that of the list: it is no more than the slots that were asked for. */
  policy: Policy;
  /** The most slots that it drew of a list: k of the arm, as far as lists were as long. null: all of some list. */
  mostSlots: number | null;
}

/** The policies of each arm's lines, the most frequent first. */
export async function policiesByArm(lines: LineDatabase): Promise<Map<string, LoggedPolicy[]>> {
  const k = "TRY_CAST(policy ->> '$.k' AS INTEGER)";
  const rows = await lines.rows<{ arm: string; policy: string; most: number | null }>(
    `SELECT arm, json_merge_patch(policy, '{"k":null}') AS policy, count(*) AS lists,
       CASE WHEN count(${k}) = count(*) THEN max(${k}) END AS most
     FROM list WHERE policy IS NOT NULL GROUP BY arm, json_merge_patch(policy, '{"k":null}')
     ORDER BY arm, lists DESC, policy`,
  );
  const byArm = new Map<string, LoggedPolicy[]>();
  for (const { arm, policy: text, most } of rows) {
    const policy = readPolicy(text);
    const own = byArm.get(arm) ?? [];
    if (policy && own.length < MOST_SHOWN) byArm.set(arm, [...own, { policy, mostSlots: most }]);
  }
  return byArm;
}

/** The policy by which an arm would order other lists: it draws no more of their slots than of its own. */
function ownPolicy({ policy, mostSlots }: LoggedPolicy): Policy {
  return policy.policy === "greedy" || mostSlots === null ? policy : { ...policy, k: mostSlots };
}

/** null where the line is off its schema. */
function readPolicy(text: string): Policy | null {
  try {
    return parsePolicy(JSON.parse(text));
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** What targets an arm's lines can have. */
export async function armModels(lines: LineDatabase): Promise<(ArmModels & { policy: Policy | null })[]> {
  const rows = await lines.rows<{ arm: string; models: string; shadows: string }>(
    `SELECT arm, to_json(list(DISTINCT model) FILTER (model IS NOT NULL)) AS models,
       to_json(list(DISTINCT shadow) FILTER (shadow IS NOT NULL)) AS shadows FROM list GROUP BY arm ORDER BY arm`,
  );
  const policies = await policiesByArm(lines);
  const names = (text: string | null): string[] => JSON.parse(text ?? "null") ?? [];
  return rows.map(({ arm, models, shadows }) => {
    const [first] = policies.get(arm) ?? [];
    return { arm, models: names(models), shadows: names(shadows), policy: first ? ownPolicy(first) : null };
  });
}
