import { fieldColumn } from "../log/field-column.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { momentsOf } from "../moments.ts";
import { benjaminiHochberg } from "../multiplicity.ts";
import { compared, type Judgement } from "./compare.ts";
import { adjustFamily, ratioOf } from "./metric-results.ts";
import type { SegmentResult } from "./result-metrics.ts";
import { type UnitValues, unitValues } from "./unit-values.ts";

/** Values of a segment that are told apart: those with the most units. */
export const MOST_VALUES = 20;

export interface SegmentsInput {
  control: string;
  treatments: readonly string[];
  /** Columns of `scored` that divide lists. */
  segments: readonly string[];
  /** That of the primary metric. */
  column: string;
  judgements: readonly Judgement[];
  /** Units of all arms. */
  units: number;
}

/** The primary metric's lift in each part of the lists. A unit may be in several. */
export async function segmentResults(lines: LineDatabase, input: SegmentsInput): Promise<SegmentResult[]> {
  const { control, treatments, segments, column, judgements, units } = input;
  const results: SegmentResult[] = [];
  for (const segment of new Set(segments)) {
    const labeled = await unitValues(lines, { columns: [column], from: "scored", label: fieldColumn(segment) });
    const largest = [...labeled].sort((a, b) => unitsIn(b[1]) - unitsIn(a[1])).slice(0, MOST_VALUES);
    for (const [value, arms] of largest) {
      for (const [i, arm] of treatments.entries()) {
        const [a, b] = [arms.get(control), arms.get(arm)];
        if (!a || !b || a.lists.length < 2 || b.lists.length < 2) continue;
        // A part of the units is planned to have its part of them.
        const plannedUnits = (judgements[i].plannedUnits * unitsIn(arms)) / units;
        const judgement = { ...judgements[i], plannedUnits };
        const { lift } = compared(momentsOf(ratioOf(a, 0)), momentsOf(ratioOf(b, 0)), judgement);
        const both = a.lists.length + b.lists.length;
        results.push({ segment, value, arm, units: both, lift, adjusted: { fixed: null, sequential: null } });
      }
    }
  }
  adjustFamily(results, benjaminiHochberg);
  return results;
}

function unitsIn(arms: ReadonlyMap<string, UnitValues>): number {
  return [...arms.values()].reduce((sum, { lists }) => sum + lists.length, 0);
}
