import { literal } from "../../../trainer/data/sql.ts";
import { interleavingTest, type TeamClicks } from "../interleaving.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { policiesByArm } from "./arms.ts";
import { finite } from "./compare.ts";
import type { InterleavingResult } from "./result.ts";

/** Which of two models won, of each arm whose lists both of them drafted. */
export async function interleavedArms(lines: LineDatabase, alpha: number): Promise<InterleavingResult[]> {
  const results: InterleavingResult[] = [];
  for (const [arm, policies] of await policiesByArm(lines)) {
    const rivals = policies.flatMap(({ policy }) => (policy.policy === "team-draft" ? [policy.rival] : []));
    // Policies of one rival may differ in their pinned slots.
    for (const rivalModel of new Set(rivals)) {
      const units = await lines.rows<TeamClicks>(
        `SELECT count(*) FILTER (outcome.team = '0') AS own, count(*) FILTER (outcome.team = '1') AS rival
         FROM list LEFT JOIN outcome ON outcome.id = list.id AND outcome.type = 'click'
         WHERE list.arm = ${literal(arm)} AND list.served = 'arm'
           AND (list.policy ->> '$.policy', list.policy ->> '$.rival') = ('team-draft', ${literal(rivalModel)})
         GROUP BY list.u`,
      );
      if (units.length === 0) continue;
      const { own, rival, ties, p, credit, low, high } = interleavingTest(units, alpha);
      const interval = { credit: finite(credit), low: finite(low), high: finite(high) };
      results.push({ arm, rival: rivalModel, own, forRival: rival, ties, p, ...interval });
    }
  }
  return results;
}
