import type { ScoreResult } from "../scoring/score-request.ts";

/**
 * The value of the `server-timing` header, which says what a scoring request cost. `kv` is the number of keys that KV
 * bills, and `location` that of the pages that the location's cache had. `blob`, `isolate` and `source` are numbers of
 * values, by where their rows were found.
 */
export function serverTiming({
  pagesRead,
  pagesNearby,
  rowsFound,
  timings,
}: Pick<ScoreResult, "pagesRead" | "pagesNearby" | "rowsFound" | "timings">): string {
  const desc = (name: string, count: number): string => `${name};desc="${count}"`;
  const dur = (name: string, ms: number): string => `${name};dur=${ms.toFixed(2)}`;
  const { encode, rows, kernel } = timings;
  const found = Object.entries(rowsFound).map(([tier, count]) => desc(tier, count));
  const times = [dur("encode", encode), dur("rows", rows), dur("kernel", kernel)];
  return [desc("kv", pagesRead), ...found, desc("location", pagesNearby), ...times].join(", ");
}
