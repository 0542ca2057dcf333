import { MAX_EVENT_VALUE } from "../../../format/event.ts";
import { literal } from "../../../trainer/data/sql.ts";
import { fieldColumn } from "../log/field-column.ts";
import type { LineDatabase } from "../log/line-database.ts";
import type { AnalysisPlan, GuardRail, Metric } from "./plan.ts";

// What a list earned, as a column for each metric, and what guard-rails watch of it.

/** By type of event, what there is to measure of it by default. */
const DEFAULT_METRICS: readonly Metric[] = [
  { name: "clicks", event: "click", of: "count" },
  { name: "ndcg", event: "click", of: "ndcg" },
  { name: "conversions", event: "conversion", of: "count" },
  { name: "revenue", event: "revenue", of: "value" },
];

/** Columns of lists that no number is summed by. */
const UNUSED = ["source", "id", "x", "phase", "policy", "served", "why", "deg", "flags", "shadow"];

/** The metrics of a plan, or those that the log has events for. There is always the first, clicks per list. */
export async function metricsOf(lines: LineDatabase, plan: AnalysisPlan): Promise<readonly Metric[]> {
  if (plan.metrics) return plan.metrics;
  const types = await lines.rows<{ type: string }>("SELECT DISTINCT type FROM event");
  return DEFAULT_METRICS.filter(({ event }, i) => i === 0 || types.some(({ type }) => type === event));
}

/**
 * Makes the table `scored`: the rows of `lists` with a column for each metric (`m0`, …) and each guard-rail (`g0`, …,
 * NULL where a list says nothing). `outcomes`: their events, as `makeCohort` makes them.
 */
export async function makeScored(
  lines: LineDatabase,
  metrics: readonly Metric[],
  guardRails: readonly GuardRail[] = [],
  { name = "scored", lists = "list", outcomes = "outcome" } = {},
): Promise<void> {
  const ofEvents = metrics.map((metric, i) => `${metricSql(metric)} AS m${i}`);
  const columns = metrics.map((_, i) => `coalesce(earned.m${i}, 0) AS m${i}`);
  const watched = guardRails.map((guard, i) => `${guardSql(guard)} AS g${i}`);
  await lines.run(
    `CREATE OR REPLACE TABLE ${name} AS
     WITH earned AS (SELECT id, ${ofEvents.join(", ")} FROM ${outcomes} GROUP BY id)
     SELECT list.* EXCLUDE (${UNUSED.join(", ")}), ${[...columns, ...watched].join(", ")}
     FROM ${lists} AS list LEFT JOIN earned USING (id)`,
  );
}

/** SQL of what the events of one list come to. */
function metricSql({ event, of }: Metric): string {
  const own = `FILTER (type = ${literal(event)})`;
  switch (of) {
    case "count":
      return `count(*) ${own}`;
    case "value":
      return `sum(value) ${own}`;
    case "ndcg":
      // Σ 1/log₂(slot + 2) over the slots with an event, by what it were if they were the first ones.
      return `list_sum(list_transform(list(DISTINCT slot) ${own}, lambda s: 1 / log2(s + 2)))
        / list_sum(list_transform(range(count(DISTINCT slot) ${own}), lambda r: 1 / log2(r + 2)))`;
  }
}

function guardSql({ field }: GuardRail): string {
  // The origin's own arm has no order to fail in.
  if (field === "failOpen")
    return "CAST(list.why IS NOT NULL OR (list.served = 'origin' AND list.policy IS NOT NULL) AS INTEGER)";
  if (field === "degraded") return "CAST(list.deg AS INTEGER)";
  const number = `TRY_CAST(list.${fieldColumn(field)} AS DOUBLE)`;
  // The text "NaN" would be a number to DuckDB, and with it the mean of all lists; squares of 1e200 have no sum.
  return `CASE WHEN abs(${number}) <= ${MAX_EVENT_VALUE} THEN ${number} END`;
}
