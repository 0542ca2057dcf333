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
  const { blob, isolate, source } = rowsFound;
  const counts = `kv;desc="${pagesRead}", blob;desc="${blob}", isolate;desc="${isolate}", source;desc="${source}"`;
  const times = `encode;dur=${ms(timings.encode)}, rows;dur=${ms(timings.rows)}, kernel;dur=${ms(timings.kernel)}`;
  return `${counts}, location;desc="${pagesNearby}", ${times}`;
}

/** With two digits after the point. `toFixed` takes as long as the rest, and most steps take no time by the clock. */
function ms(time: number): string {
  return time === 0 ? "0.00" : time.toFixed(2);
}
