import { EVENT_AGE_MS } from "../../../format/event.ts";
import { EXPOSURE_FLAGS } from "../../../format/exposure.ts";
import { literal } from "../../../trainer/data/sql.ts";
import type { LineDatabase } from "../log/line-database.ts";
import type { EventLoss, Funnel } from "./result.ts";

// The lists of one phase of one experiment that count, and what became of them. What is left out on the way is counted.

/** Flags of lists that nobody is known to have looked at by chance: they count for nothing. */
const LEFT_OUT = ["bot", "head", "prefetch", "preview"] as const;

/** SQL that is true of a list that counts for nothing. */
export const FLAGGED = LEFT_OUT.map(flag).join(" OR ");

/** SQL that is true of a list with a flag. */
function flag(name: keyof typeof EXPOSURE_FLAGS): string {
  return `coalesce(contains(flags, ${literal(EXPOSURE_FLAGS[name])}), false)`;
}

/** SQL that is true of the lists of a phase. */
export function phaseSql({ experiment, phase }: { experiment: string; phase: string }): string {
  return `x = ${literal(experiment)} AND phase = ${literal(phase)}`;
}

/** A share of units in two arms above which something is wrong with the assignment. */
export const MOST_IN_TWO_ARMS = 0.01;

/**
 * Makes two tables. `list`: the lists of a phase that count, with the columns of `exposure`. `outcome`: their events,
 * with `slot`, counted from 0, that of the item, and `team` ('0', '1' or null), that of the slot.
 */
export async function makeCohort(lines: LineDatabase, own: { experiment: string; phase: string }): Promise<Funnel> {
  const of = phaseSql(own);
  await lines.run(`CREATE OR REPLACE TABLE list AS SELECT * FROM exposure WHERE ${of} AND NOT (${FLAGGED})`);
  const twice = "SELECT u FROM list GROUP BY u HAVING count(DISTINCT arm) > 1";
  const found = await lines.row<Omit<Funnel, "flagged" | "events"> & Record<(typeof LEFT_OUT)[number], number>>(
    `SELECT count(*) AS lists, ${LEFT_OUT.map((name) => `count(*) FILTER (${flag(name)}) AS "${name}"`).join(", ")},
       (SELECT count(DISTINCT u) FROM list) AS units, (SELECT count(*) FROM (${twice})) AS unitsInTwoArms,
       (SELECT count(*) FROM list WHERE u IN (${twice})) AS listsInTwoArms
     FROM exposure WHERE ${of}`,
  );
  await lines.run(`DELETE FROM list WHERE u IN (${twice})`);
  const { bot, head, prefetch, preview, ...counts } = found;
  const { counted } = await lines.row<{ counted: number }>("SELECT count(*) AS counted FROM list");
  const events = await makeOutcomes(lines, "list", "outcome");
  return { ...counts, flagged: { bot, head, prefetch, preview }, counted, events };
}

/**
 * Makes the tables `list_before` and `outcome_before`, of what was shown to anybody between two times, in whatever
 * experiment, but in this phase, and of what came of it until then: an arm may change what comes later.
 */
export async function makeCohortBefore(
  lines: LineDatabase,
  own: { experiment: string; phase: string },
  { from, to }: { from: number; to: number },
): Promise<void> {
  await lines.run(
    `CREATE OR REPLACE TABLE list_before AS SELECT * FROM exposure
     WHERE t >= ${from} AND t < ${to} AND NOT (${FLAGGED}) AND NOT (${phaseSql(own)})`,
  );
  await makeOutcomes(lines, "list_before", "outcome_before");
  await lines.run(`DELETE FROM outcome_before WHERE received >= ${to}`);
}

/**
 * Makes the tables `list` and `outcome` of everything that somebody is known to have looked at by chance, of all
 * experiments or of one.
 */
export async function makeWholeCohort(lines: LineDatabase, experiment?: string): Promise<EventLoss> {
  const own = experiment === undefined ? "true" : `x = ${literal(experiment)}`;
  await lines.run(`CREATE OR REPLACE TABLE list AS SELECT * FROM exposure WHERE ${own} AND NOT (${FLAGGED})`);
  return makeOutcomes(lines, "list", "outcome");
}

/** Makes a table of the events of lists, with the slots of their items, and counts those that are left out. */
async function makeOutcomes(lines: LineDatabase, lists: string, outcomes: string): Promise<EventLoss> {
  await lines.run(
    `CREATE OR REPLACE TABLE ${outcomes} AS
     WITH own AS (
       SELECT event.*, shown.row AS list_row, shown.t AS shown_at FROM event JOIN ${lists} AS shown USING (id)
     ),
     place AS (
       SELECT row, from_json(line, '{"cand":["VARCHAR"],"shown":["INTEGER"],"team":"VARCHAR"}') AS order_of
       FROM ${lines.lines} WHERE row IN (SELECT list_row FROM own)
     ), placed AS (
       SELECT own.*, order_of.team AS teams,
         list_position(order_of.shown, list_position(order_of.cand, item) - 1) - 1 AS slot
       FROM own JOIN place ON place.row = own.list_row
     )
     SELECT id, type, item, value, slot, nullif(substr(teams, slot + 1, 1), '') AS team, received,
       slot IS NULL AS is_foreign, received - shown_at > ${ageSql("type")} AS is_late
     FROM placed`,
  );
  const loss = await lines.row<EventLoss>(
    `SELECT count(*) AS events, count(*) FILTER (is_foreign) AS "foreign",
       count(*) FILTER (is_late AND NOT is_foreign) AS late FROM ${outcomes}`,
  );
  await lines.run(`DELETE FROM ${outcomes} WHERE is_foreign OR is_late`);
  return loss;
}

/** SQL of how old an event may be, by its type, in milliseconds. */
function ageSql(type: string): string {
  const cases = Object.entries(EVENT_AGE_MS).map(([name, age]) => `WHEN ${literal(name)} THEN ${age}`);
  return `CASE ${type} ${cases.join(" ")} END`;
}
