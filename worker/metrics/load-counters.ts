/** What became of loads of models in this isolate since it started. */
export interface LoadCounters {
  /** Models that were loaded. */
  loaded: number;
  /** Pointers that could not be followed, and models that failed a check. */
  failed: number;
  /** Models that there was no memory for. */
  refused: number;
  /** Models that made room for others. */
  evicted: number;
  /** Pages that were read for a version before it replaced another. */
  warmed: number;
  /** Pages that were not there in time for that. */
  unwarmed: number;
}

export function noLoads(): LoadCounters {
  return { loaded: 0, failed: 0, refused: 0, evicted: 0, warmed: 0, unwarmed: 0 };
}
