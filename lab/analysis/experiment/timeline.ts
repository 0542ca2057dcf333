import { lift } from "../comparison.ts";
import type { LineDatabase } from "../log/line-database.ts";
import { momentsOfRatioSums, type RatioSums } from "../ratio.ts";
import { hasRatio, SequentialRatioTest } from "../sample-ratio.ts";
import { finite, interval, type Judgement, peeked } from "./compare.ts";
import type { Timeline } from "./result-metrics.ts";

/** How often one looks: the time from the first list to the last, in as many parts. */
export const LOOKS = 40;

interface Increment extends RatioSums {
  look: number;
  arm: string;
}

export interface TimelineInput {
  /** The control first. */
  arms: readonly string[];
  weights: readonly number[];
  /** The column of `scored` that the primary metric is. */
  column: string;
  from: number;
  to: number;
  /** Of each arm that is compared with the control. */
  judgements: ReadonlyMap<string, Judgement>;
}

/**
 * What was known at each look. The sums of squares of units' sums so far are built up from what each look adds to
 * them, so that the lists are read once.
 */
export async function timelineOf(lines: LineDatabase, input: TimelineInput): Promise<Timeline[]> {
  const { arms, weights, column, from, to, judgements } = input;
  const width = Math.max(1, to - from + 1);
  const rows = await lines.rows<Increment>(
    `WITH part AS (
       SELECT arm, u, CAST(least(${LOOKS - 1}, floor((t - ${from}) * ${LOOKS} / ${width})) AS INTEGER) AS look,
         sum(1 / keep) AS dd, sum(CAST(${column} AS DOUBLE) / keep) AS dn
       FROM scored GROUP BY arm, u, look
     ), so_far AS (
       SELECT *, sum(dn) OVER unit AS n, sum(dd) OVER unit AS d, row_number() OVER unit AS nth
       FROM part WINDOW unit AS (PARTITION BY arm, u ORDER BY look)
     )
     SELECT look, arm, count(*) FILTER (nth = 1) AS units, sum(dn) AS n, sum(dd) AS d,
       sum(n * n - (n - dn) * (n - dn)) AS nn, sum(n * d - (n - dn) * (d - dd)) AS nd,
       sum(d * d - (d - dd) * (d - dd)) AS dd
     FROM so_far GROUP BY look, arm ORDER BY look`,
  );
  const sums = arms.map((): RatioSums => ({ units: 0, n: 0, d: 0, nn: 0, nd: 0, dd: 0 }));
  const ratio = hasRatio(weights) ? new SequentialRatioTest(weights) : null;
  return Array.from({ length: LOOKS }, (_, look) => {
    const more = arms.map((arm) => rows.find((row) => row.look === look && row.arm === arm));
    for (const [i, own] of sums.entries())
      for (const name of Object.keys(own) as (keyof RatioSums)[]) own[name] += more[i]?.[name] ?? 0;
    ratio?.add(more.map((own) => own?.units ?? 0));
    const moments = sums.map(momentsOfRatioSums);
    const lifts = [...judgements].map(([arm, { atEnd, ...rest }]) => {
      const i = arms.indexOf(arm);
      const effect = lift(moments[0], moments[i]);
      // At a look in the middle the end has not come.
      const judgement = { ...rest, atEnd: atEnd && look === LOOKS - 1 };
      const known = Math.min(sums[0].units, sums[i].units) > 1;
      const none = { effect: null, error: null, fixed: null, sequential: null };
      return {
        arm,
        lift: known ? interval(effect, judgement) : none,
        fixedAtAnyLook: known ? peeked(effect, judgement.alpha) : null,
      };
    });
    return {
      // Of lists within some milliseconds, a look's end may be behind the last one.
      at: new Date(
        look === LOOKS - 1 ? to : Math.min(to, Math.floor(from + ((look + 1) * width) / LOOKS)),
      ).toISOString(),
      units: Object.fromEntries(arms.map((arm, i) => [arm, sums[i].units])),
      ratioP: ratio ? finite(ratio.p) : null,
      lifts,
    };
  });
}
