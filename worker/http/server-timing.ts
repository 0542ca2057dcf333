import type { ScoreResult } from "../scoring/score-request.ts";

/**
 * The value of the `server-timing` header, which says what a scoring request cost. `kv` is the number of keys that KV
 * bills.
 */
export function serverTiming({ pagesRead, timings }: Pick<ScoreResult, "pagesRead" | "timings">): string {
  const dur = (name: string, ms: number): string => `${name};dur=${ms.toFixed(2)}`;
  const { encode, rows, kernel } = timings;
  return [`kv;desc="${pagesRead}"`, dur("encode", encode), dur("rows", rows), dur("kernel", kernel)].join(", ");
}
