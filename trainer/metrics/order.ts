/** One number a record, N of them: logits, probabilities or sample weights. */
export type Column = Float32Array | Float64Array;

/** Record numbers in ascending order of score, [N]. */
export function orderByScore(scores: Column): Uint32Array {
  return Uint32Array.from(scores, (_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
}

/** The records of a log in G groups, and inside each in ascending order of score. */
export interface GroupedOrder {
  /** Record numbers, [N]. */
  order: Uint32Array;
  /** Where each group starts in `order`, and the end, [G + 1]. */
  starts: Uint32Array;
}

/** Sorts records by group (a number below `count` each), then by score: a counting sort keeps the order by score. */
export function orderByGroup(scores: Column, groups: Uint32Array, count: number): GroupedOrder {
  if (groups.length !== scores.length)
    throw new Error(`got groups of ${groups.length} records, expected ${scores.length}`);
  const starts = new Uint32Array(count + 1);
  for (const group of groups) starts[group + 1] = (starts[group + 1] as number) + 1;
  for (let g = 0; g < count; g++) starts[g + 1] = (starts[g + 1] as number) + (starts[g] as number);
  const next = starts.slice(0, count);
  const order = new Uint32Array(scores.length);
  for (const record of orderByScore(scores)) {
    const group = groups[record] as number;
    const place = next[group] as number;
    order[place] = record;
    next[group] = place + 1;
  }
  return { order, starts };
}

/** The end of the run of records from `start` that share a score, at most `end`. */
export function endOfTie(scores: Column, order: Uint32Array, start: number, end: number): number {
  const score = scores[order[start] as number];
  let next = start + 1;
  while (next < end && scores[order[next] as number] === score) next++;
  return next;
}
