import { fieldColumn } from "../log/field-column.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { phaseSql } from "./cohort.ts";
import type { AnalysisPlan, GuardRail, Metric } from "./plan.ts";
import { MOST_VALUES } from "./segments.ts";

// What a plan or a log names and no list that counts has. Without a word of it, a table that lacks it, or has it as 0,
// would be a riddle.

export interface AbsencesInput {
  experiment: string;
  phase: string;
  /** The arms of the phase. */
  arms: readonly string[];
  metrics: readonly Metric[];
  plan: AnalysisPlan;
}

/** By the tables `exposure`, `list`, `outcome` and `scored`. */
export async function absences(lines: LineDatabase, input: AbsencesInput): Promise<string[]> {
  const { metrics, plan } = input;
  return [
    ...(await absentArms(lines, input)),
    ...(await absentEvents(lines, metrics)),
    ...(await absentNumbers(lines, plan.guardRails)),
    ...(await absentValues(lines, plan.segments)),
  ];
}

async function absentArms(lines: LineDatabase, input: AbsencesInput): Promise<string[]> {
  const { arms } = input;
  const rows = await lines.rows<{ arm: string; lists: number }>(
    `SELECT arm, count(*) AS lists FROM exposure WHERE ${phaseSql(input)} AND arm NOT IN (SELECT arm FROM list)
     GROUP BY arm ORDER BY arm`,
  );
  const counted = await lines.rows<{ arm: string }>("SELECT DISTINCT arm FROM list");
  const has = (arm: string): boolean => [...rows, ...counted].some((row) => row.arm === arm);
  const missing = arms.filter((arm) => !has(arm));
  return [
    ...(arms.length === 1 ? [`${arms[0]} is the only arm: nothing is compared`] : []),
    ...(missing.length > 0 ? [`no list of ${missing.join(", ")} is in the log`] : []),
    ...rows.map(({ arm, lists }) => {
      const none =
        lists === 1 ? `the only list of ${arm} does not count` : `none of the ${lists} lists of ${arm} counts`;
      return `${none}: flagged, or of units in two arms`;
    }),
  ];
}

async function absentEvents(lines: LineDatabase, metrics: readonly Metric[]): Promise<string[]> {
  const types = await lines.rows<{ type: string; worth: number }>(
    "SELECT type, count(value) AS worth FROM outcome GROUP BY type",
  );
  return metrics.flatMap(({ name, event, of }) => {
    const found = types.find(({ type }) => type === event);
    if (!found) return [`no ${event} counts: ${name} is 0`];
    return of === "value" && found.worth === 0 ? [`no ${event} has a value: ${name} is 0`] : [];
  });
}

async function absentNumbers(lines: LineDatabase, guardRails: readonly GuardRail[]): Promise<string[]> {
  const absent: string[] = [];
  for (const [i, { name, field }] of guardRails.entries()) {
    const { known } = await lines.row<{ known: number }>(`SELECT count(g${i}) AS known FROM scored`);
    if (known === 0) absent.push(`no list has a number in ${field}: the guard-rail ${name} says nothing`);
  }
  return absent;
}

async function absentValues(lines: LineDatabase, segments: readonly string[]): Promise<string[]> {
  const told: string[] = [];
  for (const segment of new Set(segments)) {
    const column = fieldColumn(segment);
    const { values } = await lines.row<{ values: number }>(`SELECT count(DISTINCT ${column}) AS "values" FROM list`);
    if (values === 0) told.push(`no list has ${segment}: it divides nothing`);
    if (values > MOST_VALUES)
      told.push(`${segment} has ${values} values: segments are the ${MOST_VALUES} with the most units`);
  }
  return told;
}
