import { literal, wholeText } from "../../../trainer/data/sql.ts";
import { difference } from "../comparison.ts";
import { fieldColumn } from "../log/field-column.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { type Moments, momentsOfSums } from "../moments.ts";
import { benjaminiHochberg } from "../multiplicity.ts";
import { permutationP, type ValueCount } from "../permutation.ts";
import { hasRatio, MISMATCH_P, sampleRatioTest } from "../sample-ratio.ts";
import { FLAGGED, MOST_IN_TWO_ARMS } from "./cohort.ts";
import { finite, peeked } from "./compare.ts";
import type { Soundness } from "./result.ts";

// Whether an experiment lost units or lines of one arm more than of another. Then what is left is compared, not what
// was assigned.

/** Values of a segment that are looked at, those with the most units. */
const MOST_VALUES = 50;

/** Divisions of the units between two arms that are drawn, for each arm that p-values are corrected for. */
const DIVISIONS = 4999;

export interface SoundnessInput {
  experiment: string;
  phase: string;
  /** Arms with a weight above 0, the control first; of a phase that never had it, it has none. */
  arms: readonly string[];
  weights: readonly number[];
  /** Share of units in two arms. */
  twoArmsShare: number;
  /** The least p of the sequential test so far; null with one arm. */
  sequentialP: number | null;
  /** Columns of `list` by which a mismatch is looked for. */
  segments: readonly string[];
}

interface UnitCounts {
  arm: string;
  units: number;
  lists: number;
  squares: number;
}

/** Judges the lists of the table `list`. */
export async function soundnessOf(lines: LineDatabase, input: SoundnessInput): Promise<Soundness> {
  const { arms, weights, twoArmsShare, sequentialP } = input;
  const whole: ListPart = { from: "list", label: "''", value: "" };
  const counts = await lines.rows<UnitCounts>(unitCounts(whole));
  const own = inOrder(arms, counts);
  const ratio = hasRatio(weights)
    ? sampleRatioTest(
        own.map(({ units }) => units),
        weights,
      )
    : null;
  const listsPerUnit = await listsOf(lines, arms, own, whole);
  const moved = await lines.row<{ units: number; buckets: number }>(movedSql(input));
  const reasons: string[] = [];
  const foreign = counts.filter(({ arm }) => !arms.includes(arm)).map(({ arm }) => arm);
  if (foreign.length > 0) reasons.push(`units of arms without a weight: ${foreign.join(", ")}`);
  if (ratio?.mismatch) reasons.push(`units in other proportions than their weights (χ², p = ${short(ratio.p)})`);
  if (sequentialP !== null && sequentialP < MISMATCH_P)
    reasons.push(`units in other proportions than their weights (at any look, p = ${short(sequentialP)})`);
  for (const { arm, p, ratio: times } of listsPerUnit)
    if (p !== null && p < MISMATCH_P)
      reasons.push(`units of ${arm} have ${times.toFixed(4)} times the lists of ${arms[0]}'s (p = ${short(p)})`);
  if (twoArmsShare > MOST_IN_TWO_ARMS)
    reasons.push(`${(100 * twoArmsShare).toFixed(1)} % of the units are in two arms, expected 1 % at most`);
  return {
    sound: reasons.length === 0,
    reasons,
    ratio: ratio && { chiSquare: ratio.chiSquare, degrees: ratio.degrees, p: ratio.p },
    sequentialP,
    twoArmsShare,
    bucketsInTwoArms: moved.buckets,
    movedUnits: moved.units,
    listsPerUnit,
    segments: await bySegments(lines, input),
  };
}

/** SQL of units, lists and squares of lists by label and arm, in their order, so that a log has one result. */
function unitCounts({ from, label }: Pick<ListPart, "from" | "label">): string {
  return `SELECT ${wholeText("label")} AS label, arm, count(*) AS units, sum(n) AS lists, sum(n * n) AS squares
    FROM (SELECT coalesce(CAST(${label} AS VARCHAR), '–') AS label, arm, u, CAST(count(*) AS DOUBLE) AS n
      FROM ${from} GROUP BY ALL)
    GROUP BY ALL ORDER BY label, arm`;
}

function inOrder(arms: readonly string[], counts: readonly UnitCounts[]): UnitCounts[] {
  return arms.map((arm) => counts.find((one) => one.arm === arm) ?? { arm, units: 0, lists: 0, squares: 0 });
}

/** Lists of which counts were taken: of the table `from`, those with the value of a label, or all. */
interface ListPart {
  from: string;
  label: string;
  value: string;
}

/**
 * Lists per unit against the control's, by Welch's test. A better arm may well be looked at more often, so a difference
 * is no proof of a loss: it says that both have to be told apart before metrics per list are compared. Lists per unit
 * are skewed, and of arms that differ in size Welch's test then finds differences that are none. So where it finds one,
 * a permutation test has to find it too: the larger p counts.
 */
async function listsOf(
  lines: LineDatabase,
  arms: readonly string[],
  counts: readonly UnitCounts[],
  part: ListPart,
): Promise<Soundness["listsPerUnit"]> {
  const moments = counts.map(({ units, lists, squares }): Moments => momentsOfSums(units, lists, squares));
  const treatments = arms.length - 1;
  const found: Soundness["listsPerUnit"] = [];
  for (const [i, own] of moments.entries()) {
    let p = i === 0 ? null : (peeked(difference(moments[0], own), MISMATCH_P)?.p ?? null);
    if (p !== null && p * treatments < MISMATCH_P)
      p = Math.max(p, permutationP(await listCounts(lines, [arms[0], arms[i]], part), DIVISIONS * treatments));
    const corrected = p === null ? null : Math.min(1, p * treatments);
    found.push({
      arm: arms[i],
      mean: finite(own.mean) ?? 0,
      ratio: finite(own.mean / moments[0].mean) ?? 0,
      p: corrected,
    });
  }
  return found;
}

/** How many units of two arms have one list, two, and so on. */
async function listCounts(
  lines: LineDatabase,
  [a, b]: readonly [string, string],
  { from, label, value }: ListPart,
): Promise<ValueCount[]> {
  const rows = await lines.rows<{ n: number; a: number; b: number }>(
    `SELECT n, count(*) FILTER (arm = ${literal(a)}) AS a, count(*) FILTER (arm = ${literal(b)}) AS b
     FROM (SELECT arm, count(*) AS n FROM ${from}
       WHERE arm IN (${literal(a)}, ${literal(b)}) AND coalesce(CAST(${label} AS VARCHAR), '–') = ${literal(value)}
       GROUP BY arm, u)
     GROUP BY n ORDER BY n`,
  );
  return rows.map((row) => ({ value: row.n, units: [row.a, row.b] }));
}

/** Where a mismatch is, if there is one: a p-value for each value of each segment. */
async function bySegments(lines: LineDatabase, input: SoundnessInput): Promise<Soundness["segments"]> {
  const { arms, weights, segments } = input;
  if (!hasRatio(weights)) return [];
  const found: Soundness["segments"] = [];
  const day = "strftime(make_timestamp(first_t * 1000), '%Y-%m-%d')";
  // A unit counts on the day of its first list, and wherever else it has lists.
  const firsts = "(SELECT *, min(t) OVER (PARTITION BY u) AS first_t FROM list)";
  const sources = [
    { segment: "first day", label: day, from: firsts },
    ...[...new Set(["list", "worker", ...segments])].map((segment) => ({
      segment,
      label: fieldColumn(segment),
      from: "list",
    })),
  ];
  for (const { segment, label, from } of sources) {
    const counts = await lines.rows<UnitCounts & { label: string }>(unitCounts({ label, from }));
    const known = counts.filter(({ arm }) => arms.includes(arm));
    const values = Map.groupBy(known, (one) => one.label);
    if (values.size < 2) continue;
    const largest = [...values].sort((a, b) => unitsOf(b[1]) - unitsOf(a[1])).slice(0, MOST_VALUES);
    for (const [value, own] of largest) {
      const ordered = inOrder(arms, own);
      const units = ordered.map((one) => one.units);
      const byArm = await listsOf(lines, arms, ordered, { from, label, value });
      const lists = byArm.flatMap(({ p }) => (p === null ? [] : [p]));
      found.push({
        segment,
        value,
        units: Object.fromEntries(arms.map((arm, i) => [arm, units[i]])),
        p: sampleRatioTest(units, weights).p,
        listsP: lists.length > 0 ? Math.min(...lists) : null,
      });
    }
  }
  adjust(found, "p");
  adjust(found, "listsP");
  return found.sort((a, b) => least(a) - least(b));
}

function least({ p, listsP }: Soundness["segments"][number]): number {
  return Math.min(p ?? 1, listsP ?? 1);
}

function adjust(rows: Soundness["segments"], name: "p" | "listsP"): void {
  const known = rows.filter((row) => row[name] !== null);
  for (const [i, p] of benjaminiHochberg(known.map((row) => row[name] ?? 1)).entries()) known[i][name] = p;
}

function unitsOf(counts: readonly UnitCounts[]): number {
  return counts.reduce((sum, { units }) => sum + units, 0);
}

/**
 * SQL of what only a change of weights brings about: buckets whose units are in more than one arm of the phase, and
 * units that changed their arm since an earlier phase in the same bucket.
 */
function movedSql({ experiment, phase }: SoundnessInput): string {
  const [own, of] = [literal(phase), literal(experiment)];
  // Each unit once in every arm: of all pairs of its lists there would be too many.
  return `SELECT
    (SELECT count(*) FROM (SELECT b FROM list GROUP BY b HAVING count(DISTINCT arm) > 1)) AS buckets,
    (SELECT count(DISTINCT u)
     FROM (SELECT DISTINCT u, b, arm FROM list) AS own
     JOIN (SELECT DISTINCT u, b, arm FROM exposure
           WHERE x = ${of} AND phase <> ${own} AND t < (SELECT min(t) FROM list) AND NOT (${FLAGGED})) AS earlier
       USING (u, b)
     WHERE earlier.arm <> own.arm) AS units`;
}

function short(p: number): string {
  return p < 0.0001 ? p.toExponential(1) : p.toFixed(4);
}
