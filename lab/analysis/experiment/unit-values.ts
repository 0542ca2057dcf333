import { wholeText } from "../../../trainer/data/sql.ts";
import type { LineDatabase } from "../log/line-database.ts";

/** What the units of one arm did: an entry for each unit in every array. */
export interface UnitValues {
  /** Lists, each as many as it stands for: 1 over the probability with which its line was kept. */
  lists: Float64Array;
  /** The mean of what its lists stand for. */
  weights: Float64Array;
  /** Of each column: the sum over the unit's lists, as they are, and each as often as it stands for. */
  sums: Float64Array[];
  weighted: Float64Array[];
}

/** By label, such as the value of a segment, and by arm. */
export type LabeledUnits = Map<string, Map<string, UnitValues>>;

export interface UnitQuery {
  /** The columns to sum, such as `m0`. NULL counts for nothing. */
  columns: readonly string[];
  /** A table with `arm`, `u`, `keep` and the columns. A unit's `keep` may change while the experiment runs. */
  from: string;
  /** SQL of a label that divides the lists; all have one by default. */
  label?: string;
  where?: string;
}

/** Sums lists by unit. */
export async function unitValues(lines: LineDatabase, query: UnitQuery): Promise<LabeledUnits> {
  const { columns, from, label = "''", where = "true" } = query;
  const sums = columns.map((column) => `, ${sumsSql(column)}`).join("");
  const sql = `SELECT ${wholeText(`coalesce(CAST(${label} AS VARCHAR), '–')`)} AS label, arm,
      sum(1 / keep), avg(1 / keep)${sums}
    FROM ${from} WHERE ${where} GROUP BY label, arm, u ORDER BY label, arm, u`;
  return collect(lines, sql);
}

/**
 * What the units of `scored` did before, by arm and in the same order: `before` is a table of lists with the same
 * columns. A unit that was not there has no lists.
 */
export async function valuesBefore(
  lines: LineDatabase,
  columns: readonly string[],
  before: string,
): Promise<Map<string, UnitValues>> {
  const sums = columns.map((column, i) => `, ${sumsSql(column, i)}`).join("");
  const known = columns.map((_, i) => `, coalesce(earlier.s${i}, 0), coalesce(earlier.w${i}, 0)`).join("");
  const labeled = await collect(
    lines,
    `SELECT '' AS label, arm, coalesce(earlier.lists, 0), coalesce(earlier.weight, 1)${known}
     FROM (SELECT DISTINCT arm, u FROM scored) AS own
     LEFT JOIN (SELECT u, sum(1 / keep) AS lists, avg(1 / keep) AS weight${sums} FROM ${before} GROUP BY u)
       AS earlier USING (u)
     ORDER BY arm, u`,
  );
  return labeled.get("") ?? new Map();
}

/** SQL of a column's two sums over the lists of a unit: as they are, and as they stand for others. */
function sumsSql(column: string, i = 0): string {
  const sum = (value: string): string => `CAST(coalesce(sum(${value}), 0) AS DOUBLE)`;
  return `${sum(column)} AS s${i}, ${sum(`${column} / keep`)} AS w${i}`;
}

/** Rows of label, arm, lists, weight and pairs of sums, in their order. */
async function collect(lines: LineDatabase, sql: string): Promise<LabeledUnits> {
  const rows = new Map<string, Map<string, number[][]>>();
  for await (const chunk of lines.duckdb.stream(sql)) {
    const [labels, arms, ...values] = Array.from({ length: chunk.columnCount }, (_, i) => chunk.getColumnValues(i));
    for (let i = 0; i < chunk.rowCount; i++) {
      const own = entry(
        entry(rows, String(labels[i]), () => new Map()),
        String(arms[i]),
        () => values.map(() => []),
      );
      for (const [j, column] of values.entries()) own[j].push(Number(column[i]));
    }
  }
  return new Map([...rows].map(([name, arms]) => [name, new Map([...arms].map(([arm, own]) => [arm, valuesOf(own)]))]));
}

function valuesOf([lists, weights, ...sums]: number[][]): UnitValues {
  return {
    lists: new Float64Array(lists),
    weights: new Float64Array(weights),
    sums: sums.filter((_, i) => i % 2 === 0).map((own) => new Float64Array(own)),
    weighted: sums.filter((_, i) => i % 2 === 1).map((own) => new Float64Array(own)),
  };
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
