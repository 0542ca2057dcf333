import { literal } from "../../../trainer/data/sql.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { momentsOf } from "../moments.ts";
import { compared, type Judgement } from "./compare.ts";
import { ratioOf } from "./metric-results.ts";
import type { VersionResult } from "./result-metrics.ts";
import { unitValues } from "./unit-values.ts";

/** Versions that are told apart: those with the most lists. */
export const MOST_VERSIONS = 20;

export interface VersionsInput {
  /** The arm that several versions served, and its lists by version. */
  arm: string;
  models: readonly { model: string; lists: number }[];
  control: string;
  treatments: readonly string[];
  /** The column of `scored` that the primary metric is. */
  column: string;
  judgements: readonly Judgement[];
}

/**
 * The lift while each version of a floating model served. The lists of both arms are labeled by time: by the version
 * that served the arm's latest list before. So both arms are compared over the same times, and what failed open counts.
 */
export async function versionResults(lines: LineDatabase, input: VersionsInput): Promise<VersionResult[]> {
  const { arm, models, control, treatments, column, judgements } = input;
  await lines.run(
    // Of two lists of one millisecond the id says which is the later one, and not the order of the files.
    `CREATE OR REPLACE TABLE change AS
     SELECT * FROM (SELECT t, arg_max(model, id) AS model FROM list
       WHERE arm = ${literal(arm)} AND model IS NOT NULL GROUP BY t)
     QUALIFY lag(model) OVER (ORDER BY t) IS DISTINCT FROM model`,
  );
  const first = "(SELECT model FROM change ORDER BY t LIMIT 1)";
  const own = `scored.arm = ${literal(arm)} AND scored.model IS NOT NULL`;
  await lines.run(
    `CREATE OR REPLACE TABLE versioned AS SELECT scored.*,
       CASE WHEN ${own} THEN scored.model ELSE coalesce(change.model, ${first}) END AS version
     FROM scored ASOF LEFT JOIN change ON scored.t >= change.t`,
  );
  const labeled = await unitValues(lines, { columns: [column], from: "versioned", label: "version" });
  const total = models.reduce((sum, { lists }) => sum + lists, 0);
  return models.slice(0, MOST_VERSIONS).flatMap(({ model, lists }) =>
    treatments.flatMap((treatment, i): VersionResult[] => {
      const [a, b] = [labeled.get(model)?.get(control), labeled.get(model)?.get(treatment)];
      // The other arms are served by other models.
      if (!a || !b || (arm !== control && arm !== treatment)) return [];
      const { lift } = compared(momentsOf(ratioOf(a, 0)), momentsOf(ratioOf(b, 0)), judgements[i]);
      return [{ arm: treatment, model, units: a.lists.length + b.lists.length, share: lists / total, lift }];
    }),
  );
}
